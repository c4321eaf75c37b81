"""mounts, root.readonly, rootfsPropagation."""

import os

from . import case


def every(section, name, *entries, look=()):
    """A case of several mounts at once: (destination, type, source, options)."""

    def build(b):
        for destination, kind, source, options in entries:
            b.mount(destination, kind, source.format(host=b.host_directory("host")) if source else source, options)
        b.look(*(look or [e[0] for e in entries]))

    return case(section, name)(build)


SECTION = "config.md#mounts"

every(SECTION, "mount-tmpfs-flags",
      *((f"/m/{name}", "tmpfs", "tmpfs", [name]) for name in
        ("ro", "nosuid", "nodev", "noexec", "noatime", "relatime", "strictatime", "nodiratime", "sync", "dirsync", "mand")))

every(SECTION, "mount-tmpfs-clearing-flags",
      ("/m/all", "tmpfs", "tmpfs", ["nosuid", "nodev", "noexec", "ro", "suid", "dev", "exec", "rw"]),
      ("/m/defaults", "tmpfs", "tmpfs", ["defaults"]),
      ("/m/last", "tmpfs", "tmpfs", ["exec", "noexec"]))

every(SECTION, "mount-tmpfs-data",
      ("/m/size", "tmpfs", "tmpfs", ["size=1m", "mode=0700", "uid=5", "gid=6"]),
      ("/m/inodes", "tmpfs", "tmpfs", ["nr_inodes=77", "mode=1777"]),
      ("/m/plain", "tmpfs", "named-source", []),
      ("/m/nothing", "tmpfs", "tmpfs", None))

every(SECTION, "mount-tmpfs-takes-mode-of-directory",
      ("/tmp", "tmpfs", "tmpfs", ["nosuid"]), ("/home/user", "tmpfs", "tmpfs", ["mode=0711"]))

every(SECTION, "mount-symfollow", ("/m/nosymfollow", "tmpfs", "tmpfs", ["nosymfollow"]))

every(SECTION, "mount-lazytime-iversion", ("/m/lazy", "tmpfs", "tmpfs", ["lazytime"]))

every(SECTION, "mount-mqueue-and-proc-again",
      ("/mq", "mqueue", "mqueue", ["ro", "nosuid"]))

every(SECTION, "mount-devpts-options",
      ("/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0000", "mode=0600", "gid=7", "max=4"]))

every(SECTION, "mount-ramfs", ("/m/ram", "ramfs", "ramfs", ["mode=0701", "noexec"]))


@case(SECTION)
def mount_proc_hidepid(b):
    b.unmount("/proc")
    b.config["mounts"].insert(0, {"destination": "/proc", "type": "proc", "source": "proc",
                                  "options": ["hidepid=2", "gid=5", "nosuid", "nodev", "noexec"]})


@case(SECTION)
def mount_proc_readonly(b):
    b.unmount("/proc")
    b.config["mounts"].insert(0, {"destination": "/proc", "type": "proc", "source": "proc", "options": ["ro"]})


@case(SECTION)
def mount_no_proc(b):
    b.unmount("/proc")
    b.linux["maskedPaths"] = b.linux["readonlyPaths"] = []


@case(SECTION)
def mount_none_at_all(b):
    b.config["mounts"] = []
    b.linux["maskedPaths"] = b.linux["readonlyPaths"] = []


@case(SECTION)
def mount_sysfs_writable(b):
    b.unmount("/sys", "/sys/fs/cgroup")
    b.mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev"])


@case(SECTION)
def mount_cgroup_writable(b):
    b.unmount("/sys/fs/cgroup")
    b.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "rw"])
    b.look("/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs")


@case(SECTION)
def mount_cgroup_without_namespace(b):
    b.without("cgroup")
    b.look("/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs")


@case(SECTION)
def mount_cgroup2_type(b):
    b.unmount("/sys/fs/cgroup")
    b.mount("/sys/fs/cgroup", "cgroup2", "cgroup2", ["ro", "nosuid", "noexec", "nodev"])


@case(SECTION)
def mount_bind_options(b):
    host = b.host_directory("host")
    (host / "file").write_text("x")
    for name in ("ro", "rw", "nosuid", "nodev", "noexec", "noatime", "nodiratime"):
        b.mount(f"/b/{name}", "bind", host, ["bind", name])
    b.mount("/b/all", None, host, ["rbind", "ro", "nosuid", "nodev", "noexec"])
    b.mount("/b/none-type", "none", host, ["bind"])
    b.look("/b/ro/file", "/b/rw/file", "/b/all/file", "/b/none-type")


@case(SECTION)
def mount_bind_recursive_submounts(b):
    """The source has mounts of its own: /dev/pts and /dev/shm below /dev."""
    b.mount("/b/plain", "bind", "/dev", ["bind", "ro"])
    b.mount("/b/deep", "bind", "/dev", ["rbind", "ro"])
    b.look("/b/plain/pts", "/b/deep/pts")


@case(SECTION)
def mount_bind_recursive_attributes(b):
    """The r-forms reach the mounts below; crun and runc both know them."""
    for name in ("rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime"):
        b.mount(f"/b/{name}", "bind", "/dev", ["rbind", name])


@case(SECTION)
def mount_bind_file(b):
    source = b.host_directory("host") / "resolv.conf"
    source.write_text("nameserver 127.0.0.1\n")
    source.chmod(0o640)
    b.mount("/etc/resolv.conf", "bind", source, ["bind", "ro"])
    b.mount("/new/deep/file", "bind", source, ["bind"])
    b.mount("/etc/passwd", "bind", source, ["rbind", "rw"])
    b.look("/etc/resolv.conf", "/new/deep/file", "/etc/passwd", "/new", "/new/deep")


@case(SECTION)
def mount_bind_special_files(b):
    host = b.host_directory("host")
    os.mkfifo(host / "fifo", 0o600)
    b.mount("/special/null", "bind", "/dev/null", ["bind"])
    b.mount("/special/fifo", "bind", host / "fifo", ["bind"])
    b.look("/special/null", "/special/fifo")


@case(SECTION)
def mount_missing_targets(b):
    b.mount("/made/for/a/directory", "tmpfs", "tmpfs", [])
    b.mount("/data/made", "bind", b.host_directory("host"), ["bind"])
    b.look("/made", "/made/for", "/made/for/a", "/data/made")


@case(SECTION)
def mount_through_symlinks(b):
    (b.rootfs / "inside").symlink_to("/data/sub")
    (b.rootfs / "relative").symlink_to("data/sub")
    (b.rootfs / "escape").symlink_to("../../../../data/new")
    (b.rootfs / "loop-free").symlink_to("inside")
    for name in ("inside", "relative", "escape"):
        b.mount(f"/{name}/under", "tmpfs", "tmpfs", ["size=64k"])
    b.mount("/loop-free/again", "bind", b.host_directory("host"), ["bind"])
    b.look("/data/sub/under", "/data/new/under", "/data/sub/again")


@case(SECTION)
def mount_over_each_other(b):
    b.mount("/data", "tmpfs", "tmpfs", ["size=64k"])
    b.mount("/data/inner", "tmpfs", "tmpfs", ["size=128k"])
    b.mount("/data", "tmpfs", "tmpfs", ["size=256k"])
    b.look("/data", "/data/inner")


@case(SECTION)
def mount_relative_bind_source(b):
    """A relative source of a bind is relative to the bundle."""
    b.host_directory("host")
    b.mount("/b/relative", "bind", "host", ["bind"])
    b.look("/b/relative")


for option in ("shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"):

    def build(b, option=option):
        b.mount("/p/tmpfs", "tmpfs", "tmpfs", [option])
        b.mount("/p/bind", "bind", "/dev", ["rbind" if option.startswith("r") else "bind", option])

    case(SECTION, f"mount-propagation-{option}")(build)

for option in ("shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate"):

    def build(b, option=option):
        b.linux["rootfsPropagation"] = option

    case("config-linux.md#rootfs-mount-propagation", f"rootfs-propagation-{option}")(build)


@case("config.md#root")
def root_readonly(b):
    b.config["root"]["readonly"] = True
    b.mount("/data", "tmpfs", "tmpfs", [])
    b.look("/", "/etc/passwd", "/data")


@case("config.md#root")
def root_absolute_path(b):
    b.config["root"]["path"] = str(b.rootfs)


@case("config.md#root")
def root_through_symlink(b):
    (b.dir / "link").symlink_to("rootfs")
    b.config["root"]["path"] = "link"


@case("config.md#mounts")
def mount_dev_bind(b):
    """A bind on /dev: the runtime must leave the host's devices alone."""
    b.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    b.config["mounts"].insert(1, {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind", "ro"]})


@case("config.md#mounts")
def mount_dev_readonly(b):
    for mount in b.config["mounts"]:
        if mount["destination"] == "/dev":
            mount["options"] = ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]
    b.look("/dev", "/dev/null")


@case("command line")
def no_pivot(b):
    b.run_flags = ["--no-pivot"]
