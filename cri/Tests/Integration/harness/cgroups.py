"""The cgroups of a place: a directory of its own in the host's trees, which the daemon sees as the whole tree.

A view is `unified` (cgroup v2 alone, on most hosts with the controllers; where those are bound to v1, without) or
`v1` (a tmpfs with the v1 hierarchies), so that limits can be tried on either kind of host.
"""

import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def host_mounts():
    """The host's cgroup mounts: (path, type, options)."""
    with open("/proc/self/mountinfo") as lines:
        parts = [line.split(" - ") for line in lines if " - cgroup" in line]
    return [(Path(left.split()[4]), right.split()[0], right.split()[2]) for left, right in parts]


def legacy_hierarchies():
    """What the v1 hierarchies are mounted with, by the name of their directory."""
    skipped = {"rw", "ro", "xattr"}
    return {path.name: ",".join(o for o in options.split(",") if o not in skipped)
            for path, kind, options in host_mounts() if kind == "cgroup"}


def unified_mount():
    return next((path for path, kind, _ in host_mounts() if kind == "cgroup2"), None)


def unified_controllers():
    mount = unified_mount()
    return set((mount / "cgroup.controllers").read_text().split()) if mount else set()


def controllers(view):
    """Of a view: devices and the freezer are no controllers of v2's, but every group has them."""
    if view == "unified":
        return unified_controllers() | {"devices", "freezer"}
    return set(",".join(legacy_hierarchies().values()).split(","))


def usual_view():
    """The one with the controllers, for daemons give their sandboxes limits; CRI_RIG_VIEW names another."""
    usual = "unified" if {"cpu", "memory", "pids"} <= unified_controllers() else "v1"
    return os.environ.get("CRI_RIG_VIEW", usual)


def mount_view(mount, view, hierarchies):
    """Called by the holder in its namespaces, where each hierarchy begins with the place's directory."""
    if view == "unified":
        mount("cgroup2", str(ROOT), "cgroup2")
        return
    mount("tmpfs", str(ROOT), "tmpfs", 0, "mode=755")
    for name, options in hierarchies.items():
        (ROOT / name).mkdir()
        mount("cgroup", str(ROOT / name), "cgroup", 0, options)


class Tree:
    """The place's directory in each tree of the host, made and removed from outside."""

    def __init__(self, name, view):
        self.view = view
        mounts = [path for path, kind, _ in host_mounts() if kind == "cgroup"]
        unified = unified_mount()
        if unified:
            # A group may have limited children only where it has no processes: those of the rig are beside them.
            wanted = unified_controllers() & {"cpu", "cpuset", "io", "memory", "pids", "hugetlb"}
            (unified / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(wanted)))
            mounts.append(unified)
        self.top = [path / name for path in mounts]
        self.rig = [path / "rig" for path in self.top]
        for path in self.top + self.rig:
            path.mkdir()
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (path / file).exists() and not (path / file).read_text().strip() and not (path / "cgroup.type").exists():
                    (path / file).write_text((path.parent / file).read_text())

    @staticmethod
    def joining(directories, command):
        script = 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 126; shift; done; shift; exec "$@"'
        return ["/bin/sh", "-c", script, "sh", *map(str, directories), "--", *map(str, command)]

    def move(self, pid, directories):
        for directory in directories:
            (directory / "cgroup.procs").write_text(str(pid))

    def groups(self):
        """The groups in the view beside the rig's own, as the place's daemon names them."""
        own = [top for top in self.top if self.view != "unified" or (top / "cgroup.type").exists()]
        found = {f"/{path.relative_to(top)}" for top in own for path in directories(top)}
        return sorted(path for path in found if path != "/." and path.split("/")[1] != "rig")

    def group(self, path, controller="memory"):
        """The directory of a group of the view, outside, for the controller where that has a hierarchy of its own."""
        for top in self.top:
            if (top / "cgroup.type").exists() if self.view == "unified" else top.parent.name == controller:
                return top / path.lstrip("/")
        raise LookupError(controller)

    def remove(self):
        deadline = time.monotonic() + 5
        for top in self.top:
            for path in sorted(directories(top), key=lambda p: len(p.parts), reverse=True):
                while path.exists():
                    try:
                        path.rmdir()
                    except OSError:
                        if time.monotonic() > deadline:
                            break
                        time.sleep(0.02)


def directories(top):
    for path, names, _ in os.walk(top):
        yield Path(path)
