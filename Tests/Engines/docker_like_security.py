"""Podman and Docker: capabilities, seccomp, sysctls, privileges."""

import json

from docker_like import DockerLike
from entries import Entries

docker_like = Entries("podman", "docker")
SYS_TIME = 1 << 25


def status(e, field, *options):
    line = e.shown("grep", f"^{field}:", "/proc/self/status", options=options)
    return line.split()[1]


def effective(e, *options):
    return int(status(e, "CapEff", *options), 16)


@docker_like("capabilities: the engine's default")
def default(e: DockerLike):
    assert effective(e) == e.default_capabilities, hex(effective(e))
    assert int(status(e, "CapBnd"), 16) == e.default_capabilities
    assert int(status(e, "CapPrm"), 16) == e.default_capabilities


@docker_like("--cap-add, --cap-drop: CapEff of the process")
def capabilities(e: DockerLike):
    assert effective(e, "--cap-add", "SYS_TIME") == e.default_capabilities | SYS_TIME
    assert effective(e, "--cap-drop", "CHOWN") == e.default_capabilities & ~1
    assert effective(e, "--cap-drop", "ALL") == 0
    assert effective(e, "--cap-drop", "ALL", "--cap-add", "KILL") == 1 << 5


@docker_like("--cap-drop: the call that needs it fails")
def dropped(e: DockerLike):
    result = e.run("chown", "1000", "/tmp", options=("--cap-drop", "CHOWN"))
    assert result.status == 1 and "Operation not permitted" in result.err, result


@docker_like("--user: no capability but in the bounding set")
def unprivileged(e: DockerLike):
    assert effective(e, "--user", "guest") == 0
    assert int(status(e, "CapBnd", "--user", "guest"), 16) == e.default_capabilities


@docker_like("--security-opt no-new-privileges")
def no_new_privileges(e: DockerLike):
    assert status(e, "NoNewPrivs", "--security-opt", "no-new-privileges") == "1"
    assert status(e, "NoNewPrivs") == "0"


@docker_like("seccomp: a filter by default, none with seccomp=unconfined")
def seccomp(e: DockerLike):
    assert status(e, "Seccomp") == "2"
    assert status(e, "Seccomp", "--security-opt", "seccomp=unconfined") == "0"
    # Podman's own profile lets it through.
    if e.list == "docker":
        result = e.run("unshare", "-U", "true")
        assert result.status == 1 and "Operation not permitted" in result.err, result


@docker_like("seccomp: a profile of the user's, with its errno, for exec as well")
def profile(e: DockerLike):
    path = e.file(json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}), e.unique("profile") + ".json")
    options = ("--security-opt", f"seccomp={path}")
    result = e.run("mkdir", "/tmp/x", options=options)
    assert result.status == 1 and "not supported" in result.err, result
    name = e.detached(options=options)
    result = e.exec(name, "mkdir", "/tmp/x")
    assert result.status == 1 and "not supported" in result.err, result
    e.remove(name)


@docker_like("--privileged: all capabilities of the host's, no filter, the host's devices, writable /proc/sys")
def privileged(e: DockerLike):
    options = ("--privileged",)
    assert effective(e, *options) == e.privileged()
    assert status(e, "Seccomp", *options) == "0"
    assert e.shell("test -w /proc/sys/kernel/panic && test -c /dev/kmsg && echo yes", options=options) == "yes"
    assert e.shell("mkdir /tmp/m && mount -t tmpfs none /tmp/m && stat -f -c %T /tmp/m", options=options) == "tmpfs"


@docker_like("exec --privileged: all capabilities of the host's")
def exec_privileged(e: DockerLike):
    name = e.detached()
    result = e.exec(name, "grep", "CapEff", "/proc/self/status", options=("--privileged",))
    assert result.status == 0 and int(result.out.split()[1], 16) == e.privileged(), result
    e.remove(name)


@docker_like("--sysctl: of the container's namespaces alone")
def sysctl(e: DockerLike):
    with open("/proc/sys/kernel/msgmax") as file:
        before = file.read()
    options = ("--sysctl", "kernel.msgmax=4321", "--sysctl", "net.ipv4.ip_default_ttl=33")
    assert e.shell("cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl", options=options) == "4321\n33"
    with open("/proc/sys/kernel/msgmax") as file:
        assert file.read() == before


@docker_like("unconfined paths of /proc: --security-opt systempaths or unmask")
def unmasked(e: DockerLike):
    option = "unmask=ALL" if e.list == "podman" else "systempaths=unconfined"
    mounted = e.shell("grep -c ' /proc/' /proc/self/mountinfo; true", options=("--security-opt", option))
    assert mounted == "0", mounted
