"""What Docker has and Podman has not: a daemon that is started again, and that looks after the containers' health."""

import subprocess

from docker import Docker
from engine import NotOffered
from entries import Entries
from image import NAME

docker_only = Entries("docker")


@docker_only("health checks: unhealthy, and healthy when it is well")
def health(e: Docker):
    name = e.detached(options=("--health-cmd", "test -e /tmp/well", "--health-interval", "500ms", "--health-retries", "1"))
    e.wait_for(lambda: e.inspect(name, "{{.State.Health.Status}}") == "unhealthy", "the check to fail")
    e.told(name, "touch", "/tmp/well")
    e.wait_for(lambda: e.inspect(name, "{{.State.Health.Status}}") == "healthy", "the check to succeed")
    e.remove(name)


@docker_only("dockerd started again: containers run on, and answer as before")
def live_restore(e: Docker):
    # One that waits, one that ends by itself meanwhile.
    name = e.detached("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done")
    end = e.directory()
    ending = e.detached("sh", "-c", "until [ -e /tmp/end ]; do sleep 0.1; done; exit 6", options=("--volume", f"{end}:/tmp"))
    pid = e.pid(name)
    e.stop_daemon()
    (end / "end").touch()
    e.start_daemon()
    assert e.inspect(name, "{{.State.Status}} {{.State.Pid}}") == f"running {pid}"
    assert e.told(name, "echo", "hello") == "hello"
    e.wait_state(ending, "exited")
    # dockerd 26 and 28 say 255 of one whose end they have not seen.
    assert e.inspect(ending, "{{.State.ExitCode}}") in ("6", "255")
    e.done("pause", name)
    e.done("unpause", name)
    e.done("update", "--cpu-shares", "512", name)
    e.done("stop", "--time", "1", name)
    assert e.inspect(name, "{{.State.ExitCode}}") == "137"
    e.done("start", name)
    assert e.inspect(name, "{{.State.Status}}") == "running"
    e.remove(name, ending)


@docker_only("checkpoint create and start --checkpoint: the process goes on where it was")
def checkpoint(e: Docker):
    check = subprocess.run(["criu", "check"], capture_output=True, text=True)
    if check.returncode:
        raise NotOffered(f"criu does not run here: {(check.stderr + check.stdout).strip().splitlines()[0]}")
    name = e.detached("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/run/new; mv /run/new /run/n; sleep 0.05; done")
    e.wait_for(lambda: e.exec(name, "cat", "/run/n").out.strip().isdigit(), "a number")
    e.done("checkpoint", "create", name, "one")
    e.wait_state(name, "exited")
    e.done("start", "--checkpoint", "one", name)
    before = int(e.told(name, "cat", "/run/n"))
    e.wait_for(lambda: int(e.told(name, "cat", "/run/n") or 0) > before, "the number to grow")
    e.remove(name)


@docker_only("info: the runtime that is the default")
def info(e: Docker):
    assert e.done("info", "--format", "{{.DefaultRuntime}}") == "tested"
    name = e.created("true")
    assert e.inspect(name, "{{.HostConfig.Runtime}}") == "tested"
    e.remove(name)


@docker_only("--runtime: one that is not there is refused by its name")
def no_runtime(e: Docker):
    result = e.do("run", "--rm", "--runtime", "no-such-runtime", "--network", "none", NAME, "true")
    assert result.status == 125 and "no-such-runtime" in result.err, result
