"""The unified view: a private mount namespace with a cgroup v2 tree on /sys/fs/cgroup.

Debian's crun refuses a hybrid cgroup host, and a bundle's own mounts must never reach the host. The
test process therefore leaves the host's mount namespace once, before it starts any thread, and every
runtime it starts inherits the view. `host_mounts` leads back for tests that want the host as it is.
"""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_CHILD_SUBREAPER = 36

_host_namespace = None


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source, target, fstype, flags=0, data=None):
    encode = lambda s: None if s is None else os.fsencode(s)
    _check(
        _libc.mount(encode(source), encode(target), encode(fstype), ctypes.c_ulong(flags), encode(data)),
        f"mount {fstype or source} on {target}",
    )


def become_subreaper():
    """Containers whose creator is gone become our children, so that their exit can be awaited."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)")


def is_unified():
    with open("/proc/self/mountinfo") as lines:
        last = [line for line in lines if line.split()[4] == "/sys/fs/cgroup"][-1:]
    return bool(last) and " - cgroup2 " in last[0]


def has_legacy_controllers():
    """Whether the host, behind this view, has controllers bound to cgroup v1."""
    with open("/proc/self/mountinfo") as lines:
        mounts = [line.split(" - ")[1].split() for line in lines if " - cgroup " in line]
    return any("name=" not in options for _, _, options in mounts)


def enter():
    """Moves the calling process into the view. Must run while the process has one thread."""
    global _host_namespace
    if _host_namespace is not None:
        return
    _host_namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    _check(_libc.unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    if not is_unified():
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2")


def host_mounts():
    """A command prefix that runs what follows in the host's mount namespace."""
    return ["nsenter", f"--mount=/proc/{os.getpid()}/fd/{_host_namespace}"]


if __name__ == "__main__":  # python3 -m harness.view COMMAND...
    import sys

    enter()
    os.execvp(sys.argv[1], sys.argv[1:])
