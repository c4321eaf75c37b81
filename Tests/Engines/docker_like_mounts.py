"""Podman and Docker: volumes, their options and propagation, tmpfs, a read-only root, devices."""

import os
import subprocess
from contextlib import contextmanager

from docker_like import DockerLike
from entries import Entries

docker_like = Entries("podman", "docker")


@contextmanager
def shared_directory(e):
    """A directory that is a mount of its own, and shared, as `/` is with systemd."""
    e.root_alone("a mount of the host's")
    path = e.directory()
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        subprocess.run(["mount", "--make-shared", path], check=True)
        (path / "sub").mkdir()
        yield path
    finally:
        while os.path.ismount(path / "sub") and not subprocess.run(["umount", "--lazy", path / "sub"]).returncode:
            pass
        subprocess.run(["umount", "--lazy", path], check=True)


@docker_like("volume of a directory: both sides see what is written")
def volume(e: DockerLike):
    path = e.directory()
    (path / "from-host").write_text("host\n")
    assert e.shell("cat /v/from-host; echo container >/v/back", options=("--volume", f"{path}:/v")) == "host"
    assert (path / "back").read_text() == "container\n"


@docker_like("volume of a file, at a place that is not in the image")
def volume_file(e: DockerLike):
    assert e.shown("cat", "/new/place/file", options=("--volume", f"{e.file('content')}:/new/place/file")) == "content"


@docker_like("volume :ro and --mount readonly: writing fails")
def read_only_volume(e: DockerLike):
    path = e.directory()
    for options in (("--volume", f"{path}:/v:ro"), ("--mount", f"type=bind,source={path},target=/v,readonly")):
        result = e.run("touch", "/v/x", options=options)
        assert result.status == 1 and "Read-only file system" in result.err, result
    assert not list(path.iterdir())


@docker_like("named volume: kept from one container to the next")
def named_volume(e: DockerLike):
    name = e.unique("volume")
    options = ("--volume", f"{name}:/v")
    e.shell("echo kept >/v/file", options=options)
    assert e.shown("cat", "/v/file", options=options) == "kept"
    e.done("volume", "rm", name)


@docker_like("volumes-from: another container's volumes")
def volumes_from(e: DockerLike):
    name = e.detached(options=("--volume", "/data"))
    e.told(name, "sh", "-c", "echo shared >/data/file")
    assert e.shown("cat", "/data/file", options=("--volumes-from", name)) == "shared"
    e.done("rm", "--force", "--volumes", name)


@docker_like("volume :rslave: the container sees later mounts of the host's")
def slave(e: DockerLike):
    with shared_directory(e) as path:
        name = e.detached(options=("--volume", f"{path}:/v:rslave"))
        subprocess.run(["mount", "-t", "tmpfs", "none", path / "sub"], check=True)
        (path / "sub" / "file").write_text("later")
        assert e.told(name, "cat", "/v/sub/file") == "later"
        subprocess.run(["umount", path / "sub"], check=True)
        assert e.told(name, "ls", "/v/sub") == ""
        e.remove(name)


@docker_like("volume :rshared: the host sees the container's mounts")
def shared(e: DockerLike):
    with shared_directory(e) as path:
        free = ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined")
        name = e.detached(options=("--volume", f"{path}:/v:rshared", *free))
        e.told(name, "mount", "-t", "tmpfs", "none", "/v/sub")
        assert os.path.ismount(path / "sub")
        e.told(name, "umount", "/v/sub")
        assert not os.path.ismount(path / "sub")
        e.remove(name)


@docker_like("volume :rprivate: neither sees the other's mounts")
def private(e: DockerLike):
    with shared_directory(e) as path:
        name = e.detached(options=("--volume", f"{path}:/v:rprivate"))
        subprocess.run(["mount", "-t", "tmpfs", "none", path / "sub"], check=True)
        (path / "sub" / "file").write_text("later")
        assert e.told(name, "ls", "/v/sub") == ""
        subprocess.run(["umount", path / "sub"], check=True)
        e.remove(name)


@docker_like("volume options nosuid, nodev, noexec are the mount's", "podman")
def volume_options(e: DockerLike):
    line = e.shell("grep ' /v ' /proc/self/mountinfo", options=("--volume", f"{e.directory()}:/v:nosuid,nodev,noexec"))
    assert {"nosuid", "nodev", "noexec"} <= set(line.split()[5].split(",")), line


@docker_like("--tmpfs: with its size and mode; a full one says so")
def tmpfs(e: DockerLike):
    options = ("--tmpfs", "/t:size=64k,mode=1777")
    assert e.shell("stat -c %a /t; stat -f -c %T /t", options=options) == "1777\ntmpfs"
    result = e.run("sh", "-c", "dd if=/dev/zero of=/t/f bs=1k count=100", options=options)
    assert result.status == 1 and "No space left on device" in result.err, result


@docker_like("--read-only: the root cannot be written to, a volume and /dev/shm can")
def read_only(e: DockerLike):
    result = e.run("touch", "/x", options=("--read-only",))
    assert result.status == 1 and "Read-only file system" in result.err, result
    assert e.shell("touch /v/x /dev/shm/x && echo ok", options=("--read-only", "--volume", f"{e.directory()}:/v")) == "ok"


@docker_like("/proc and /sys: what is masked is empty, what is read-only cannot be written to")
def masked(e: DockerLike):
    # Where the kernel has AppArmor, the engine's profile denies some of it before the mounts count.
    def is_closed(script, seen, refused):
        result = e.run("sh", "-c", script)
        assert result.out.strip() == seen and (refused in result.err or "Permission denied" in result.err), result
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
        if os.path.exists(path):
            is_closed(f"head -c 1 {path}", "", "")
    is_closed("ls /sys/firmware", "", "")
    for path in ("/proc/sys/kernel/panic", "/proc/sysrq-trigger"):
        if os.path.exists(path):
            is_closed(f"echo 0 >{path}", "", "Read-only file system")
    is_closed("mkdir /sys/fs/cgroup/new", "", "Read-only file system")


@docker_like("/dev: the usual nodes and links")
def dev(e: DockerLike):
    wanted = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()
    names = e.shown("ls", "/dev").split()
    assert set(names) >= set(wanted), names
    assert e.shell("echo x >/dev/null; head -c 3 /dev/zero | wc -c; readlink /dev/fd") == "3\n/proc/self/fd"


def node(e):
    """A node of a device that no container has by default; whether there is a driver does not matter: the cgroup is asked
    before, and refuses with EPERM."""
    e.root_alone("a device's node")
    path = e.dir / e.unique("device")
    os.mknod(path, 0o20666, os.makedev(10, 237))
    return path


@docker_like("--device: the node is there, with the permissions given and no more")
def device(e: DockerLike):
    options = ("--device", f"{node(e)}:/dev/ours:r")
    result = e.run("sh", "-c", "ls -l /dev/ours; : </dev/ours", options=options)
    assert "10, 237" in result.out and "Operation not permitted" not in result.err, result
    result = e.run("sh", "-c", ": >>/dev/ours", options=options)
    assert result.status != 0 and "Operation not permitted" in result.err, result


@docker_like("a device that was not given cannot be opened, whoever makes its node")
def no_device(e: DockerLike):
    e.root_alone("a device's node")
    result = e.run("sh", "-c", "mknod /dev/ours c 10 237 && : </dev/ours", options=("--cap-add", "MKNOD"))
    assert result.status != 0 and "can't open /dev/ours: Operation not permitted" in result.err, result


@docker_like("--device-cgroup-rule: what it allows can be opened")
def device_rule(e: DockerLike):
    e.root_alone("a device's node")
    options = ("--cap-add", "MKNOD", "--device-cgroup-rule", "c 10:237 rmw")
    result = e.run("sh", "-c", "mknod /dev/ours c 10 237 && : </dev/ours", options=options)
    assert "Operation not permitted" not in result.err, result
