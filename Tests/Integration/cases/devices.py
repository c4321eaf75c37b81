"""linux.devices, maskedPaths, readonlyPaths."""

import os

from . import case


@case("config-linux.md#devices")
def devices_custom(b):
    b.linux["devices"] = [
        {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 3, "gid": 4},
        {"path": "/dev/default-mode", "type": "c", "major": 1, "minor": 3},
        {"path": "/dev/unbuffered", "type": "u", "major": 1, "minor": 5, "fileMode": 0o600},
        {"path": "/dev/disk", "type": "b", "major": 7, "minor": 0, "fileMode": 0o660, "uid": 0, "gid": 6},
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o622, "uid": 1000, "gid": 1000},
        {"path": "/dev/deep/er/node", "type": "c", "major": 1, "minor": 7, "fileMode": 0o666},
    ]
    b.args("--tree=/dev/deep")


@case("config-linux.md#devices")
def devices_outside_dev(b):
    b.linux["devices"] = [{"path": "/data/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o604}]
    b.args("--tree=/data")


@case("config-linux.md#devices")
def devices_override_default(b):
    b.linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 9, "gid": 9}]


@case("config-linux.md#default-devices")
def devices_default_without_dev_mount(b):
    b.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")


@case("config-linux.md#default-devices")
def devices_default_existing_nodes(b):
    """/dev already holds some of them in the image."""
    b.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    os.mknod(b.rootfs / "dev/null", 0o020600, os.makedev(1, 3))
    os.mknod(b.rootfs / "dev/zero", 0o020666, os.makedev(1, 5))


@case("config-linux.md#masked-paths")
def masked_of_all_types(b):
    (b.rootfs / "link-to-file").symlink_to("/data/file")
    b.linux["maskedPaths"] = ["/data/file", "/data/sub", "/missing", "/proc/version", "/sys/kernel"]
    b.look("/data/file", "/data/sub", "/missing", "/proc/version", "/sys/kernel")


@case("config-linux.md#readonly-paths")
def readonly_of_all_types(b):
    b.mount("/data/sub", "tmpfs", "tmpfs", ["nosuid", "nodev", "noexec"])
    b.linux["readonlyPaths"] = ["/data/file", "/data", "/missing", "/proc/sys", "/dev/shm"]
    b.look("/data/file", "/data", "/data/sub", "/missing", "/proc/sys/kernel/hostname", "/dev/shm", "/tmp")


@case("config-linux.md#masked-paths")
def masked_and_readonly_default(b):
    b.look(*b.linux["maskedPaths"], *b.linux["readonlyPaths"], "/proc/sys/kernel/hostname")


@case("config-linux.md#masked-paths")
def masked_none(b):
    b.linux["maskedPaths"] = b.linux["readonlyPaths"] = []
    b.look("/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/sys/net/ipv4/ip_forward", "/proc/timer_list")


@case("config-linux.md#masked-paths")
def masked_same_path_readonly_too(b):
    b.linux["maskedPaths"] = ["/data/sub"]
    b.linux["readonlyPaths"] = ["/data"]
    b.look("/data", "/data/sub", "/data/file")


@case("config-linux.md#masked-paths")
def masked_with_user_namespace(b):
    b.user_namespace()
    b.look(*b.linux["maskedPaths"], *b.linux["readonlyPaths"], "/data")
