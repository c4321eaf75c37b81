"""Options of mounts beyond mount(8)'s: copies of what is covered, and mapped IDs."""

import os

from . import case


def covered(b):
    """A directory of the image with files of several owners and modes."""
    top = b.rootfs / "var"
    (top / "deep/er").mkdir(parents=True)
    (top / "file").write_text("text\n")
    (top / "deep/er/file").write_text("text\n")
    (top / "link").symlink_to("/etc/passwd")
    for number, name in enumerate(("file", "deep", "deep/er", "deep/er/file")):
        os.chown(top / name, 7 + number, 70 + number)
    (top / "file").chmod(0o4751)
    (top / "deep").chmod(0o750)
    top.chmod(0o711)
    b.look("/var", "/var/file", "/var/deep", "/var/deep/er", "/var/deep/er/file", "/var/link")


@case("config.md#mounts")
def mount_tmpcopyup(b):
    covered(b)
    b.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup", "nodev"])


@case("config.md#mounts")
def mount_tmpcopyup_with_a_mode(b):
    covered(b)
    b.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup", "mode=750", "size=1m"])
    b.mount("/absent", "tmpfs", "tmpfs", ["tmpcopyup"])


def source(b):
    top = b.host_directory("source")
    (top / "file").write_text("text\n")
    os.chown(top / "file", 5, 6)
    b.look("/mapped", "/mapped/file")
    return top


@case("config.md#mounts", "mount-idmap-in-user-namespace")
def mount_idmap(b):
    b.user_namespace()
    b.mount("/mapped", "bind", source(b), ["rbind", "idmap", "ro", "nosuid"])


@case("config.md#mounts", "mount-idmap-own-mapping-in-user-namespace")
def mount_idmap_own(b):
    b.user_namespace()
    more = {f"{kind}Mappings": [{"containerID": 0, "hostID": 100010, "size": 100}] for kind in ("uid", "gid")}
    b.mount("/mapped", "bind", source(b), ["rbind", "idmap"], **more)


@case("config.md#mounts", "mount-idmap-of-crun-in-user-namespace")
def mount_idmap_crun(b):
    b.user_namespace()
    b.mount("/mapped", "bind", source(b), ["bind", "idmap=uids=0-100020-5#5-100001-1;gids=@0-3-10"])


@case("config.md#mounts", "mount-idmap-of-crun")
def mount_idmap_crun_plain(b):
    b.mount("/mapped", "bind", source(b), ["bind", "idmap=uids=0-3000-100;gids=0-4000-100"])
