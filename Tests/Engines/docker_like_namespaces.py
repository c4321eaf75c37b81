"""Podman and Docker: namespaces of the container's own, of the host's, of another container's."""

import os
import subprocess
from contextlib import contextmanager

from docker_like import DockerLike
from engine import NotOffered
from entries import Entries

docker_like = Entries("podman", "docker")
KINDS = {"--pid": "pid", "--ipc": "ipc", "--network": "net", "--uts": "uts", "--cgroupns": "cgroup"}


def inside(e, kind, *options):
    return e.shown("readlink", f"/proc/self/ns/{kind}", options=options)


@docker_like("namespaces: pid, ipc, net, uts and mnt are the container's own")
def own(e: DockerLike):
    for kind in ("pid", "ipc", "net", "uts", "mnt"):
        assert inside(e, kind) != os.readlink(f"/proc/self/ns/{kind}"), kind
    # A user namespace only when it is asked for, or the caller is not root.
    assert (inside(e, "user") == os.readlink("/proc/self/ns/user")) == (os.geteuid() == 0)


@docker_like("--pid, --ipc, --network, --uts, --cgroupns host: the host's namespaces")
def host(e: DockerLike):
    for option, kind in KINDS.items():
        assert inside(e, kind, option, "host") == os.readlink(f"/proc/self/ns/{kind}"), kind


@docker_like("--cgroupns private: one of its own, in which the cgroup is the root")
def private_cgroup(e: DockerLike):
    assert inside(e, "cgroup", "--cgroupns", "private") != os.readlink("/proc/self/ns/cgroup")
    lines = e.shown("cat", "/proc/self/cgroup", options=("--cgroupns", "private")).splitlines()
    assert "/" in {line.split(":", 2)[2] for line in lines}, lines


@docker_like("--pid, --ipc, --network container: another container's namespaces")
def container(e: DockerLike):
    first = e.detached(options=("--ipc", "shareable") if e.list == "docker" else ())
    for option, kind in (("--pid", "pid"), ("--ipc", "ipc"), ("--network", "net")):
        assert inside(e, kind, option, f"container:{first}") == os.readlink(f"/proc/{e.pid(first)}/ns/{kind}"), kind
    assert "while :" in e.shown("ps", "-o", "args", options=("--pid", f"container:{first}"))
    e.remove(first)


@docker_like("--network none: only lo, and it is up")
def no_network(e: DockerLike):
    lines = e.shown("ip", "-o", "addr").splitlines()
    assert any("127.0.0.1" in line for line in lines) and {line.split()[1] for line in lines} == {"lo"}, lines


@docker_like("--pid host: the host's processes, and the end of the container is the end of its own alone")
def host_pid(e: DockerLike):
    name = e.detached(options=("--pid", "host"))
    # The kernel kills all with PID 1 of a namespace, but that is not ours here: the runtime has to.
    e.done("exec", "--detach", name, "sleep", "4321")

    def children():
        lines = [line.split() for line in e.told(name, "ps", "-o", "pid,args").splitlines()]
        return [line[0] for line in lines if line[1:] == ["sleep", "4321"]]
    e.wait_for(children, "the child")
    assert str(os.getpid()) in e.told(name, "ps", "-o", "pid").split()
    pid, = children()
    e.remove(name)
    e.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the child to be gone")


@docker_like("a user namespace with --uidmap: root in it is an unprivileged user outside", "podman")
def uid_map(e: DockerLike):
    # An unprivileged user's are counted within what is the user's own.
    uid, gid, size = (1, 1001, 5000) if os.geteuid() else (200000, 300000, 65536)
    options = ("--uidmap", f"0:{uid}:{size}", "--gidmap", f"0:{gid}:{size}")
    maps = e.shell("cat /proc/self/uid_map /proc/self/gid_map", options=options).split()
    assert list(map(int, maps)) == [0, uid, size, 0, gid, size], maps
    name = e.detached(options=options)
    outside = os.stat(f"/proc/{e.pid(name)}").st_uid
    assert outside > 65536 if os.geteuid() else outside == uid, outside
    assert e.told(name, "id", "-u") == "0"
    assert e.told(name, "stat", "-c", "%u %g", "/bin/busybox") == "0 0"
    e.remove(name)


@docker_like("--userns=auto: a range of its own for each container", "podman")
def auto(e: DockerLike):
    with ranges(e):
        first, second = (e.detached(options=("--userns=auto:size=5000",)) for _ in range(2))
        maps = [e.told(name, "cat", "/proc/self/uid_map").split() for name in (first, second)]
        for start, outside, size in maps:
            assert start == "0" and size == "5000" and int(outside) >= 200000, maps
        assert maps[0] != maps[1]
        assert os.stat(f"/proc/{e.pid(first)}").st_uid == int(maps[0][1])
        # Podman and the clean-up that it starts for an ended container unmount the same; under any runtime the one may fail.
        e.wait_for(lambda: e.do("rm", "--force", "--ignore", "--time", "0", first, second).status == 0, "the containers to be removed")


@contextmanager
def ranges(e):
    """Podman takes the ranges of a user `containers`; in our mount namespace there is one."""
    e.root_alone("a user `containers` in /etc/subuid")
    files = ("/etc/subuid", "/etc/subgid")
    if not all(map(os.path.exists, files)):
        raise NotOffered("there is no /etc/subuid")
    own = e.file("containers:200000:100000\n")
    for path in files:
        subprocess.run(["mount", "--bind", own, path], check=True)
    try:
        yield
    finally:
        for path in files:
            subprocess.run(["umount", "--lazy", path], check=True)


@docker_like("--userns=keep-id: the caller's own user", "podman")
def keep_id(e: DockerLike):
    if os.geteuid() == 0:
        raise NotOffered("for an unprivileged caller")
    options = ("--userns", "keep-id")
    assert e.shell("id -u; id -g", options=options) == f"{os.geteuid()}\n{os.getegid()}"
    path = e.directory()
    e.shell("touch /v/file", options=(*options, "--volume", f"{path}:/v"))
    assert (path / "file").stat().st_uid == os.geteuid()


@docker_like("an unprivileged caller: root in the container is the caller outside", "podman")
def unprivileged(e: DockerLike):
    if os.geteuid() == 0:
        raise NotOffered("for an unprivileged caller")
    name = e.detached()
    assert e.told(name, "id", "-u") == "0"
    assert os.stat(f"/proc/{e.pid(name)}").st_uid == os.geteuid()
    e.remove(name)
    path = e.directory()
    e.shell("touch /v/root; chown 1 /v/root; touch /v/own", options=("--volume", f"{path}:/v"))
    assert (path / "own").stat().st_uid == os.geteuid() < (path / "root").stat().st_uid
    assert e.shell("rm /v/root; ls /v", options=("--volume", f"{path}:/v")) == "own"
