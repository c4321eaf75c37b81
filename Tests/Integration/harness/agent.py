"""A seccomp agent: takes listeners at a socket, and answers the system calls that they report."""

import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import socket
import struct
import threading

# linux/seccomp.h
RECV, SEND, ID_VALID, ADDFD = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
NUMBERS = {"x86_64": {"open": 2, "openat": 257, "mkdir": 83, "mkdirat": 258},
           "aarch64": {"openat": 56, "mkdirat": 34}}[platform.machine()]
NAMES = {number: name for name, number in NUMBERS.items()}
OPENS, MKDIRS = ("open", "openat"), ("mkdir", "mkdirat")


def is_available():
    """Whether this kernel has listeners that a call can go on from (Linux 5.5)."""
    libc = ctypes.CDLL(None, use_errno=True)
    action = ctypes.c_uint32(0x7FC00000)
    return libc.syscall({"x86_64": 317, "aarch64": 277}[platform.machine()], 2, 0, ctypes.byref(action)) == 0


class Agent:
    """Listens at `path`; opening /secret gives what the agent has, mkdir is done by it or refused, and all else goes on.

    `states` has the message of each connection, `calls` the name and the path (or the number) of each call.
    """

    def __init__(self, path, secret=b"told by the agent\n"):
        self.states, self.calls, self.descriptors, self.failures = [], [], [], []
        self.secret = secret
        self.server = socket.socket(socket.AF_UNIX)
        directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        self.server.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
        os.close(directory)
        self.server.listen()
        self.stopped, self.stopper = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.write(self.stopper, b"x")
        self.thread.join(10)
        for descriptor in [*self.descriptors, self.stopped, self.stopper]:
            os.close(descriptor)
        self.server.close()
        assert not self.failures, self.failures

    def _run(self):
        listeners = []
        while True:
            poll = select.poll()
            for descriptor in [self.stopped, self.server.fileno(), *listeners]:
                poll.register(descriptor, select.POLLIN)
            for descriptor, event in poll.poll():
                if descriptor == self.stopped:
                    return
                try:
                    if descriptor == self.server.fileno():
                        listeners.append(self._accept())
                    elif event & select.POLLIN:
                        self._answer(descriptor)
                    else:  # the last filtered process is gone
                        listeners.remove(descriptor)
                except Exception as failure:
                    self.failures.append(repr(failure))
                    if descriptor in listeners:
                        listeners.remove(descriptor)

    def _accept(self):
        connection, _ = self.server.accept()
        with connection:
            message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 8)
            self.descriptors += descriptors
            assert len(descriptors) == 1, descriptors
            # Others keep the connection open for longer than their process's first call: no waiting for its end.
            while (state := complete(message)) is None:
                message += connection.recv(1 << 20)
        self.states.append(state)
        return descriptors[0]

    def _answer(self, listener):
        notification = bytearray(80)
        try:
            fcntl.ioctl(listener, RECV, notification)
        except OSError as gone:
            if gone.errno == errno.ENOENT:
                return  # the process was killed meanwhile
            raise
        id, pid, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", notification)
        name = NAMES.get(number)
        path = self._string(pid, arguments[name in ("openat", "mkdirat")]) if name else None
        self.calls.append((name or number, path))
        value, error, flags = 0, 0, 0
        if name in OPENS and path == "/secret":
            value = self._give(listener, id)
        elif name in MKDIRS and path == "/made":
            os.mkdir(f"/proc/{pid}/root/made")
        elif name in MKDIRS and path == "/refused":
            error = -errno.EXDEV
        else:
            flags = CONTINUE
        try:
            fcntl.ioctl(listener, SEND, bytearray(struct.pack("=QqiI", id, value, error, flags)))
        except OSError as gone:
            if gone.errno != errno.ENOENT:
                raise

    def _string(self, pid, address):
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(256).split(b"\0")[0].decode()

    def _give(self, listener, id):
        """Opens what is secret in the process."""
        near, far = os.pipe()
        os.write(far, self.secret)
        os.close(far)
        try:
            return fcntl.ioctl(listener, ADDFD, bytearray(struct.pack("=QIIII", id, 0, near, 0, 0)))
        finally:
            os.close(near)


def complete(message):
    try:
        return json.loads(message)
    except ValueError:
        return None


def profile(path, names=(*OPENS, *MKDIRS), **more):
    """A profile that leaves these calls to an agent, and allows all others."""
    return {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(path),
            "syscalls": [{"names": list(names), "action": "SCMP_ACT_NOTIFY"}], **more}
