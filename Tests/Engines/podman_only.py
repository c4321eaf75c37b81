"""What Podman has and Docker has not: pods, health checks that are run by hand, checkpoints to a file."""

import os
import subprocess

from engine import NotOffered
from entries import Entries
from image import NAME
from podman import PAUSE, Podman

podman_only = Entries("podman")


def pod(e, *options):
    name = e.unique("pod")
    e.done("pod", "create", "--name", name, "--infra-image", PAUSE, "--cgroup-parent", e.parent, "--network", "none", *options)
    return name


def member(e, name, *command):
    made = e.unique()
    e.done("run", "--detach", "--name", made, "--pod", name, NAME, *command)
    return made


@podman_only("pod: containers share network, ipc and uts, and not pid and mnt")
def shared(e: Podman):
    name = pod(e)
    first, second = (member(e, name, "sleep", "1000") for _ in range(2))
    for kind in ("net", "ipc", "uts", "pid", "mnt"):
        same = os.readlink(f"/proc/{e.pid(first)}/ns/{kind}") == os.readlink(f"/proc/{e.pid(second)}/ns/{kind}")
        assert same == (kind in ("net", "ipc", "uts")), kind
    assert e.done("pod", "inspect", "--format", "{{.State}}", name) == "Running"
    e.done("pod", "rm", "--force", "--time", "0", name)


@podman_only("pod --share pid: containers see each other's processes")
def shared_pid(e: Podman):
    name = pod(e, "--share", "pid,ipc,net,uts")
    member(e, name, "sleep", "7654")
    second = member(e, name, "sleep", "1000")
    assert "sleep 7654" in e.told(second, "ps", "-o", "args")
    e.done("pod", "rm", "--force", "--time", "0", name)


@podman_only("pod: one container listens, another one connects over lo")
def network(e: Podman):
    name = pod(e)
    member(e, name, "sh", "-c", "while :; do echo hello | nc -l -p 1234; done")
    second = member(e, name, "sleep", "1000")
    e.wait_for(lambda: "hello" in e.exec(second, "sh", "-c", "nc -w 2 127.0.0.1 1234 </dev/null").out, "an answer")
    e.done("pod", "rm", "--force", "--time", "0", name)


@podman_only("pod: pause, unpause, stop, start, kill")
def states(e: Podman):
    name = pod(e)
    one = member(e, name, "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    for verb, state in (("pause", "paused"), ("unpause", "running"), ("stop", "exited"), ("start", "running"), ("kill", "exited")):
        e.done("pod", verb, *(("--time", "5") if verb == "stop" else ()), name)
        e.wait_state(one, state)
    e.done("pod", "rm", "--force", "--time", "0", name)


@podman_only("healthcheck run: 1 and unhealthy, then 0 and healthy")
def health(e: Podman):
    # The timer would be systemd's.
    name = e.detached(options=("--health-cmd", "test -e /tmp/well", "--health-interval", "disable", "--health-retries", "1"))
    assert e.do("healthcheck", "run", name).status == 1
    assert e.inspect(name, "{{.State.Health.Status}}") == "unhealthy"
    e.told(name, "touch", "/tmp/well")
    assert e.do("healthcheck", "run", name).status == 0
    assert e.inspect(name, "{{.State.Health.Status}}") == "healthy"
    e.remove(name)


@podman_only("checkpoint and restore: the process goes on where it was")
def checkpoint(e: Podman):
    check = subprocess.run(["criu", "check"], capture_output=True, text=True)
    if check.returncode:
        raise NotOffered(f"criu does not run here: {(check.stderr + check.stdout).strip().splitlines()[0]}")
    name = e.detached("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/run/new; mv /run/new /run/n; sleep 0.05; done")
    e.wait_for(lambda: e.exec(name, "cat", "/run/n").out.strip().isdigit(), "a number")
    e.done("container", "checkpoint", name)
    assert e.inspect(name, "{{.State.Checkpointed}}") == "true"
    e.done("container", "restore", name)
    before = int(e.told(name, "cat", "/run/n"))
    assert before > 1
    e.wait_for(lambda: int(e.told(name, "cat", "/run/n") or 0) > before, "the number to grow")
    e.remove(name)


@podman_only("container from --rootfs: no image")
def rootfs(e: Podman):
    name = e.created("true")
    root = e.done(*e.mounting(name))
    result = e.do("run", "--rm", *e.options(()), "--rootfs", root, "/bin/echo", "from there")
    assert (result.status, result.out) == (0, "from there\n"), result
    e.remove(name)


@podman_only("--cgroups=disabled: runs in the caller's cgroup")
def no_cgroups(e: Podman):
    name = e.unique()
    result = e.do("run", "--detach", "--name", name, "--network", "none", "--cgroups", "disabled", NAME, "sleep", "100")
    if result.status and "not compatible" in result.err:
        raise NotOffered(result.err.strip())
    assert result.status == 0, result
    assert e.inspect(name, "{{.State.Status}}") == "running"
    e.remove(name)


@podman_only("--preserve-fds: descriptors of the caller's")
def descriptors(e: Podman):
    words = e.words("run", "--rm", *e.options(("--preserve-fds", "1")), NAME, "sh", "-c", "cat <&3")
    result = e.call("sh", "-c", 'exec 3<"$0"; exec "$@"', e.file("through\n"), *words)
    assert (result.status, result.out) == (0, "through\n"), result
