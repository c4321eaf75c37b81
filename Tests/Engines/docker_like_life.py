"""Podman and Docker: a container's life, from run and create to rm."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from docker_like import DockerLike
from entries import Entries
from image import NAME

docker_like = Entries("podman", "docker")


@docker_like("run: output and status of a container that ends with 0")
def run(e: DockerLike):
    result = e.run("sh", "-c", "echo out; echo err >&2")
    assert (result.status, result.out, result.err) == (0, "out\n", "err\n"), result


@docker_like("run: the process's exit status is the command's")
def status(e: DockerLike):
    for number in (1, 7, 255):
        assert e.run("sh", "-c", f"exit {number}").status == number


@docker_like("run: 137 for a process that was killed, 143 for one terminated")
def killed(e: DockerLike):
    # Not by itself: PID 1 of a namespace does not get the signals from within that it does not handle.
    name = e.detached()
    e.call("kill", "-KILL", e.pid(name))
    assert e.ended(name) == 137
    e.remove(name)
    assert e.run("sh", "-c", "sh -c 'kill -TERM $$'; exit $?").status == 143


@docker_like("run --detach: prints the id, ps shows it, and rm --force ends it")
def detach(e: DockerLike):
    name = e.detached()
    identifier = e.inspect(name, "{{.Id}}")
    assert len(identifier) == 64
    assert e.done("ps", "--quiet", "--no-trunc", "--filter", f"name={name}") == identifier
    assert e.inspect(name, "{{.State.Status}} {{.State.Running}}") == "running true"
    pid = e.pid(name)
    with open(f"/proc/{pid}/comm") as comm:
        assert comm.read() == "sh\n"
    e.remove(name)
    assert e.do("inspect", name).status != 0
    e.wait_for(lambda: not e.call("test", "-d", f"/proc/{pid}").status == 0, "the process to be gone")


@docker_like("create, start --attach, start again")
def create(e: DockerLike):
    name = e.created("sh", "-c", "echo started; exit 3")
    assert e.inspect(name, "{{.State.Status}}") == "created"
    for _ in range(2):
        result = e.do("start", "--attach", name)
        assert (result.status, result.out) == (3, "started\n"), result
    assert e.inspect(name, "{{.State.ExitCode}}") == "3"
    e.remove(name)


@docker_like("logs: both streams, in their order")
def logs(e: DockerLike):
    name = e.detached("sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 4")
    assert e.ended(name) == 4
    result = e.logs(name)
    assert result.out == "out 1\nout 2\nout 3\n" and result.err == "err 1\nerr 2\nerr 3\n", result
    e.remove(name)


@docker_like("attach: input and output of a running container")
def attach(e: DockerLike):
    # Engines may lose what is written before the output is connected, and what comes after the input's end.
    script = "read line; for i in 1 2 3 4 5 6 7 8 9 10; do echo got $line; sleep 0.2; done; exit 9"
    name = e.detached("sh", "-c", script, options=("--interactive",))
    words = ("timeout", "60", *e.words("attach", name))
    with subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=e.environment()) as attached:
        attached.stdin.write("hello\n")
        attached.stdin.flush()
        assert attached.stdout.readline() == "got hello\n"
        attached.stdin.close()
        status = attached.wait()
    # Podman's attach ends with the input where there is no terminal, and then with 0.
    assert status == (0 if e.list == "podman" else 9), status
    assert e.ended(name) == 9
    e.remove(name)


@docker_like("stop: the stop signal is handled, and its exit status kept")
def stop(e: DockerLike):
    name = e.detached("sh", "-c", "trap 'echo stopped; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
    e.wait_logs(name, "ready")
    e.done("stop", "--time", "20", name)
    assert e.inspect(name, "{{.State.Status}} {{.State.ExitCode}}") == "exited 5"
    assert e.logs(name).out == "ready\nstopped\n"
    e.remove(name)


@docker_like("stop --stop-signal: the container's own signal")
def stop_signal(e: DockerLike):
    name = e.detached("sh", "-c", "trap 'exit 6' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done",
                      options=("--stop-signal", "USR1"))
    e.wait_logs(name, "ready")
    e.done("stop", "--time", "20", name)
    assert e.inspect(name, "{{.State.ExitCode}}") == "6"
    e.remove(name)


@docker_like("stop: SIGKILL when the time is out")
def stop_late(e: DockerLike):
    name = e.detached("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    e.wait_logs(name, "ready")
    begun = time.monotonic()
    e.done("stop", "--time", "1", name)
    assert 0.9 < time.monotonic() - begun < 15
    assert e.inspect(name, "{{.State.ExitCode}}") == "137"
    e.remove(name)


@docker_like("kill: any signal, and SIGKILL by default")
def kill(e: DockerLike):
    name = e.detached("sh", "-c", "trap 'echo hup' HUP; echo ready; while :; do sleep 0.1; done")
    e.wait_logs(name, "ready")
    e.done("kill", "--signal", "HUP", name)
    e.wait_logs(name, "hup")
    assert e.inspect(name, "{{.State.Status}}") == "running"
    e.done("kill", name)
    assert e.ended(name) == 137
    assert e.do("kill", name).status != 0
    e.remove(name)


@docker_like("restart: a new process with the same name")
def restart(e: DockerLike):
    name = e.detached()
    before = e.pid(name)
    e.done("restart", "--time", "1", name)
    assert e.inspect(name, "{{.State.Status}}") == "running" and e.pid(name) != before
    e.remove(name)


@docker_like("pause and unpause: nothing runs meanwhile, and exec is refused")
def pause(e: DockerLike):
    name = e.detached("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/run/n; sleep 0.02; done")

    def count():
        with open(f"/proc/{e.pid(name)}/root/run/n") as file:
            return file.read()
    e.done("pause", name)
    assert e.inspect(name, "{{.State.Status}}") == "paused"
    before = count()
    time.sleep(0.5)
    assert count() == before
    assert e.exec(name, "true").status != 0
    e.done("unpause", name)
    assert e.inspect(name, "{{.State.Status}}") == "running"
    e.wait_for(lambda: count() not in (before, ""), "the process to go on")
    e.remove(name)


@docker_like("restart policy on-failure:2: started three times in all")
def restart_policy(e: DockerLike):
    name = e.detached("sh", "-c", "echo once; exit 1", options=("--restart", "on-failure:2"))
    e.wait_for(lambda: e.inspect(name, "{{.RestartCount}} {{.State.Status}}") == "2 exited", "two restarts")
    assert e.logs(name).out == "once\n" * 3
    e.remove(name)


@docker_like("restart policy always: a killed process is started anew")
def restart_always(e: DockerLike):
    name = e.detached("sh", "-c", "echo once; while :; do sleep 0.1; done", options=("--restart", "always"))
    e.wait_logs(name, "once\n")
    e.call("kill", "-KILL", e.pid(name))
    e.wait_logs(name, "once\nonce\n")
    e.wait_state(name, "running")
    e.remove(name)


@docker_like("run --rm: nothing is left of the container")
def rm(e: DockerLike):
    name = e.unique()
    assert e.run("true", options=("--name", name)).status == 0
    e.wait_for(lambda: not e.done("ps", "--all", "--quiet", "--filter", f"name={name}"), "the container to be gone")


@docker_like("cp: into a running container and out of it")
def copy(e: DockerLike):
    name = e.detached()
    source = e.file("content\n")
    e.done("cp", source, f"{name}:/tmp/there")
    assert e.told(name, "cat", "/tmp/there") == "content"
    e.done("cp", f"{name}:/tmp/there", e.dir / "back")
    assert (e.dir / "back").read_text() == "content\n"
    e.remove(name)


@docker_like("commit: an image of what the container changed")
def commit(e: DockerLike):
    name = e.created("sh", "-c", "echo kept >/kept")
    e.done("start", "--attach", name)
    tag = f"localhost/{e.unique('image')}:1"
    e.done("commit", name, tag)
    result = e.do("run", "--rm", *e.options(()), tag, "cat", "/kept")
    assert (result.status, result.out) == (0, "kept\n"), result
    e.remove(name)


@docker_like("100 containers started in parallel (20 with one processor), all running at once")
def hundred(e: DockerLike):
    prefix, count = e.unique("many"), 100 if os.cpu_count() > 1 else 20

    def one(number):
        return e.do("run", "--detach", "--name", f"{prefix}-{number}", *e.options(()), NAME, "sleep", "1000", timeout=300)
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(one, range(count)))
    failed = [result.said for result in results if result.status != 0]
    assert not failed, f"{len(failed)} failed: {failed[0]}"
    names = e.done("ps", "--filter", f"name={prefix}", "--format", "{{.Names}}").split()
    assert len(names) == count, len(names)
    begun = e.done("inspect", "--format", "{{.State.Pid}}", *names).split()
    assert len(set(begun)) == count and "0" not in begun
    if e.list == "podman":
        e.done("rm", "--force", "--time", "0", *names, timeout=300)
    else:
        e.done("rm", "--force", *names, timeout=300)
    assert e.done("ps", "--all", "--quiet", "--filter", f"name={prefix}") == ""
