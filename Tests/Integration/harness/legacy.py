"""The host's cgroup v1 hierarchies, which the test process has covered for itself (harness/view.py)."""

import contextlib
import subprocess
import time
from pathlib import Path

from harness import view


@contextlib.contextmanager
def host_tree():
    """The host's /sys/fs/cgroup."""
    holder = subprocess.Popen([*view.host_mounts(), "sleep", "3600"], stdin=subprocess.DEVNULL)
    try:
        while Path(f"/proc/{holder.pid}/comm").read_text().strip() != "sleep":
            time.sleep(0.01)
        yield Path(f"/proc/{holder.pid}/root/sys/fs/cgroup")
    finally:
        holder.kill()
        holder.wait()


def hierarchies(tree):
    # Links lead from a controller to the hierarchy that it shares with others.
    return sorted(h for h in tree.iterdir() if h.is_dir() and not h.is_symlink() and h.name != "unified")


def remains(tree, id):
    return [str(p) for h in tree.iterdir() for pattern in (id, f"*/{id}", f"*/*/{id}") for p in h.glob(pattern)]


def own_places(pid):
    """The cgroups of a process by what is bound to the hierarchy; the cgroup v2 tree has no name."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return {names: path for _, names, path in (line.split(":", 2) for line in lines)}
