"""Bundles: a small root file system with the probe in it, and a configuration to be varied."""

import copy
import json
import os
import shutil
from pathlib import Path

DEFAULT_CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

# The configuration that `runc spec` writes, without a terminal, without the device rules that
# Debian's crun cannot apply on hosts with a low RLIMIT_MEMLOCK, and with a writable root.
BASE = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/probe"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {kind: DEFAULT_CAPABILITIES for kind in ("bounding", "effective", "permitted")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "probe",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
         "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs",
         "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
         "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
    ],
    "linux": {
        "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": MASKED,
        "readonlyPaths": READONLY,
    },
}


class Bundle:
    """A bundle directory whose configuration a test edits before `write`."""

    def __init__(self, directory, probe, id):
        self.dir, self.id, self.probe = Path(directory), id, probe
        self.rootfs = self.dir / "rootfs"
        self.config = copy.deepcopy(BASE)
        self.config["linux"]["cgroupsPath"] = f"/apus-test/{id}"
        # How the runtime is to be called; see harness/observe.py.
        self.mode, self.run_flags, self.global_flags = "run", [], []
        self.env, self.shell, self.cleanup, self.expect_code = {}, None, [], 0
        self._make_root()

    def _make_root(self):
        for name in ("bin", "dev", "etc", "mnt", "proc", "run", "sys", "tmp", "home/user", "data/sub"):
            (self.rootfs / name).mkdir(parents=True, exist_ok=True)
        for directory in (self.dir, self.rootfs):
            directory.chmod(0o755)
        (self.rootfs / "tmp").chmod(0o1777)
        (self.rootfs / "etc/passwd").write_text(
            "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n1001:x:7:7::/:/bin/sh\n")
        (self.rootfs / "etc/group").write_text("root:x:0:\nuser:x:1000:\nextra:x:2000:user\n")
        (self.rootfs / "data/file").write_text("data\n")
        (self.rootfs / "data/sub/file").write_text("data\n")
        link(self.probe, self.rootfs / "probe")

    # ---- editing ----

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def args(self, *more):
        self.process["args"] = [*self.process["args"], *map(str, more)]

    def look(self, *paths):
        self.args(*(f"--path={p}" for p in paths))


    def mount(self, destination, type=None, source=None, options=None, **more):
        entry = {"destination": destination, "type": type, "source": None if source is None else str(source),
                 "options": options, **more}
        self.config["mounts"].append({k: v for k, v in entry.items() if v is not None})

    def namespaces(self, *types, **paths):
        """Exactly these namespaces: new ones by name, joined ones as type=path."""
        self.linux["namespaces"] = [{"type": t} for t in types] + [{"type": t, "path": str(p)} for t, p in paths.items()]

    def without(self, *types):
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] not in types]

    def unmount(self, *destinations):
        self.config["mounts"] = [m for m in self.config["mounts"] if m["destination"] not in destinations]

    def user_namespace(self, first=100000, size=65536, own_root=True):
        self.linux["namespaces"].append({"type": "user"})
        self.linux["uidMappings"] = [{"containerID": 0, "hostID": first, "size": size}]
        self.linux["gidMappings"] = [{"containerID": 0, "hostID": first, "size": size}]
        if own_root:
            for path in [self.rootfs, *self.rootfs.rglob("*")]:
                if path.name != "probe":
                    os.chown(path, first, first, follow_symlinks=False)

    def host_directory(self, name, mode=0o755):
        path = self.dir / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        return path

    def busybox(self, *names):
        shutil.copy("/bin/busybox", self.rootfs / "bin/busybox")
        for name in names:
            (self.rootfs / "bin" / name).symlink_to("busybox")

    def sh(self, script):
        self.busybox(*(n for n in ("sh",) if not (self.rootfs / "bin/sh").exists()))
        self.process["args"] = ["/bin/sh", "-c", script]

    def write(self):
        (self.dir / "config.json").write_text(json.dumps(self.config, indent=1))
        return self

    def close(self):
        for action in reversed(self.cleanup):
            action()
        shutil.rmtree(self.dir, ignore_errors=True)


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
