"""The seccomp program that a process runs under, as the kernel has it: the floor loads it ready-made."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2
SEIZE, INTERRUPT, DETACH, GET_FILTER = 0x4206, 0x4207, 17, 0x420C
WALL = 0x40000000
INSTRUCTION = 8


def _ptrace(request, pid, address=0, data=None):
    result = _libc.ptrace(request, pid, address, data)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace: {os.strerror(error)}")
    return result


def program_of(pid):
    """The latest filter of a process; an OSError where the kernel does not tell (CONFIG_CHECKPOINT_RESTORE)."""
    _ptrace(SEIZE, pid)
    try:
        _ptrace(INTERRUPT, pid)
        os.waitpid(pid, WALL)
        length = _ptrace(GET_FILTER, pid)
        room = ctypes.create_string_buffer(length * INSTRUCTION)
        _ptrace(GET_FILTER, pid, 0, ctypes.addressof(room))
        return room.raw
    finally:
        _ptrace(DETACH, pid)
