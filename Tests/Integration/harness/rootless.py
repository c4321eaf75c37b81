"""An unprivileged user who runs containers: an entry in /etc/passwd, subordinate ids, and configurations for it.

The user exists in the tests' own mount namespace only: scratch files are bound over the host's.
"""

import os
import resource
import shutil
import subprocess
from pathlib import Path

from . import view
from .runtime import ENVIRONMENT, Runtime

NAME, UID = "apus-rootless", 7001
FIRST, COUNT = 500000, 65536
# What this user cannot have under any runtime.
NOWHERE = {
    **{f"namespace-join-{kind}": "the namespaces of others cannot be joined"
       for kind in ("network", "ipc", "uts", "cgroup", "pid", "all")},
    **{f"mount-propagation-{kind}": "of a mount with others below it only all can be bound"
       for kind in ("shared", "slave", "private", "unbindable")},
    "mount-bind-recursive-submounts": "as mount-propagation-shared",
    "devices-custom": "there is no such device on the host to be bound",
    "devices-outside-dev": "as devices-custom",
    "namespace-no-pid": "a procfs of the host's processes cannot be mounted",
    "namespace-only-mount": "as namespace-no-pid",
    "mount-bind-recursive-attributes": "the access times of the host's mounts cannot be changed",
    "mount-idmap-own-mapping-in-user-namespace": "only root can map the ids of a mount",
    "engine-docker-privileged": "neither of the other runtimes starts it",
    "user-high-ids": "this id is not one of the user's",
}
MS_BIND, MNT_DETACH = 0x1000, 2


def missing():
    """Why nobody can be unprivileged here, if so."""
    for tool in ("newuidmap", "newgidmap", "setpriv"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    for path in ("/etc/subuid", "/etc/subgid"):
        if not os.path.exists(path):
            return f"there is no {path}"
    if Path("/proc/sys/user/max_user_namespaces").read_text().strip() == "0":
        return "user namespaces are switched off"
    return None


class Unprivileged:
    """Made once for a module, with the files that it needs; `close` takes them away."""

    ways_nowhere = ("cgroup",)  # it has none to make others in

    def __init__(self, workplace):
        self.home = workplace / "rootless"
        for name in ("", "xdg", "home"):
            (self.home / name).mkdir(mode=0o700, exist_ok=True)
            os.chown(self.home / name, UID, UID)
        self.home.chmod(0o755)
        self.bound = []
        self._bind("/etc/passwd", f"{NAME}:x:{UID}:{UID}::{self.home}/home:/bin/sh\n", append=True)
        self._bind("/etc/group", f"{NAME}:x:{UID}:\n", append=True)
        for path in ("/etc/subuid", "/etc/subgid"):
            self._bind(path, f"{NAME}:{FIRST}:{COUNT}\n", append=False)

    def _bind(self, path, text, append):
        file = self.home / Path(path).name
        file.write_text((Path(path).read_text() if append else "") + text)
        file.chmod(0o644)
        view.mount(str(file), path, None, MS_BIND)
        self.bound.append(path)

    def close(self):
        for path in self.bound:
            subprocess.run(["umount", "--lazy", path], check=True)

    def runtime(self, name, path, root):
        root.mkdir(mode=0o700)
        os.chown(root, UID, UID)
        become = [shutil.which("setpriv"), f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--"]
        environment = {**ENVIRONMENT, "HOME": f"{self.home}/home", "USER": NAME, "XDG_RUNTIME_DIR": f"{self.home}/xdg"}
        return Runtime(name, path, root, become=become, environment=environment)

    def own(self, bundle):
        """Makes the bundle one that this user can run: a user namespace, no limits, and files of the ids in it."""
        linux, shift = bundle.linux, bundle.linux.get("uidMappings", [{}])[0].get("hostID", 0)
        linux["namespaces"] = [{"type": n["type"]} for n in linux["namespaces"] if n["type"] != "user"] + [{"type": "user"}]
        if not shift or shift != UID:
            for name in ("uidMappings", "gidMappings"):
                linux[name] = [{"containerID": 0, "hostID": UID, "size": 1}, {"containerID": 1, "hostID": FIRST, "size": COUNT}]
        # Only of groups that there are.
        if "net.ipv4.ping_group_range" in linux.get("sysctl", {}):
            linux["sysctl"]["net.ipv4.ping_group_range"] = "0 0"
        # Nor more of anything than it has.
        for limit in bundle.process.get("rlimits", []):
            kind = getattr(resource, limit["type"], None)
            most = resource.getrlimit(kind)[1] if kind is not None else resource.RLIM_INFINITY
            if most != resource.RLIM_INFINITY:
                limit["hard"], limit["soft"] = min(limit["hard"], most), min(limit["soft"], most)
        linux.pop("resources", None)
        linux.pop("cgroupsPath", None)
        for path in [bundle.dir, *bundle.dir.rglob("*")]:
            # These are one file with those of other bundles.
            if path.name not in ("probe", "hook"):
                found = path.lstat()
                os.chown(path, *(_outside(i - shift if i >= shift else i) for i in (found.st_uid, found.st_gid)), follow_symlinks=False)


def _outside(id):
    return UID if id == 0 else FIRST + id - 1 if id <= COUNT else id


def specification(bundle):
    """What `runc spec --rootless` writes: one mapping, the host's network and sysfs."""
    bundle.without("network", "cgroup")
    bundle.linux["namespaces"].append({"type": "user"})
    bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": UID, "size": 1}]
    bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": UID, "size": 1}]
    bundle.unmount("/sys", "/sys/fs/cgroup")
    bundle.mount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
    for mount in bundle.config["mounts"]:
        if "options" in mount:
            mount["options"] = [o for o in mount["options"] if not o.startswith(("gid=", "uid="))]
