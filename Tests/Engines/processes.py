"""Processes and cgroups of the host, as an engine's list looks at them."""

import os
import re
import signal
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def everyone():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read(pid, name):
    """A file of the process's; nothing if there is no such process any more."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def handles(pid, number):
    """Whether the process has a handler for the signal of that number: without one, the first of a pid namespace is not
    reached by it."""
    found = re.search(r"^SigCgt:\s*(\w+)", read(pid, "status"), re.MULTILINE)
    return found is not None and int(found[1], 16) >> number - 1 & 1 == 1


def lives(pid):
    """A zombie does not: how soon it is reaped is for its parent to say."""
    status = read(pid, "stat")
    return bool(status) and status.rpartition(") ")[2][0] not in "ZX"


def with_words(*words):
    """Those on whose command line all the words are."""
    return [pid for pid in everyone() if all(word in read(pid, "cmdline").split("\0") for word in words)]


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def cgroup_trees():
    """The roots of the hierarchies: one of v2, or those of v1 and perhaps v2 beside them."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink() and (path / "cgroup.procs").exists()]


def remove_cgroup(name):
    """Ends what is in a cgroup below the roots, and removes it with those in it."""
    for tree in cgroup_trees():
        for directory, _, _ in os.walk(tree / name, topdown=False):
            # What was ended is in it until it has gone.
            for _ in range(20):
                try:
                    end(int(pid) for pid in (Path(directory) / "cgroup.procs").read_text().split())
                    os.rmdir(directory)
                    break
                except OSError:
                    time.sleep(0.05)


def unit_of(pid):
    """The systemd unit that a process is in, and the slice above it."""
    path = read(pid, "cgroup").splitlines()[-1].split(":", 2)[2].split("/")
    return path[-1], path[-2]


def with_systemd():
    return Path("/run/systemd/system").exists()


def limit_of_memory(cgroup):
    """What the host has written down for a cgroup; nothing where it has no memory controller."""
    for path in (CGROUPS / "memory" / cgroup / "memory.limit_in_bytes", CGROUPS / cgroup / "memory.max"):
        if path.exists():
            return path.read_text().strip()
    return ""


def has_memory_controller():
    unified = CGROUPS / "cgroup.controllers"
    return "memory" in unified.read_text().split() if unified.exists() else (CGROUPS / "memory").is_dir()
