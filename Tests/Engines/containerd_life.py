"""What users of containerd do with a container that runs, and what they see of its end."""

import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import image
import processes
from engine import NotOffered
from entries import Entries

entry = Entries("containerd")


@entry("detached: a task that runs, is told to end, and is deleted with its status")
def detached(e):
    events = e.events()
    id = e.sleeper()
    pid, status = e.tasks()[id]
    assert status == "RUNNING" and processes.lives(pid)
    state = e.of_runtime(id)
    assert state["status"] == "running" and state["pid"] == pid, state
    assert e.ctr("task", "kill", id).status == 0
    e.wait_until(id, "STOPPED")
    got = e.ctr("task", "delete", id)
    assert got.status == 5 or "5" in got.err, got
    assert not e.of_runtime(id) and not processes.lives(pid)
    assert e.ctr("container", "delete", id).status == 0
    assert any(line.startswith("/tasks/delete") and '"exit_status":5' in line for line in events(id)), events(id)


@entry("create, then start, by the runtime that PATH has as runc")
def in_two_steps(e):
    id = e.unique()
    got = e.ctr("container", "create", "--snapshotter", e.snapshotter, "--label", "a=b", image.NAME, id, "echo", "words")
    assert got.status == 0, got
    assert json.loads(e.ctr("container", "info", id).out)["Labels"]["a"] == "b"
    got = e.ctr("task", "start", id)
    assert (got.status, got.out) == (0, "words\n"), got
    e.remove(id)


@entry("events: create, start, exit with the status, delete")
def events(e):
    told = e.events()
    id = e.unique()
    assert e.run("sh", "-c", "exit 3", id=id).status == 3
    e.wait_for(lambda: any(line.startswith("/tasks/delete") for line in told(id)), "an event of the task's end", 10)
    topics = [line.split()[0] for line in told(id)]
    assert [topic for topic in topics if topic in ("/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete")] == [
        "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"], topics
    ended = next(line for line in told(id) if line.startswith("/tasks/exit"))
    assert '"exit_status":3' in ended, ended


@entry("exec: output, input, exit status")
def exec_status(e):
    id = e.sleeper()
    got = e.exec(id, "sh", "-c", "cat; echo to err >&2; exit 7", input="typed\n")
    assert (got.status, got.out, got.err) == (7, "typed\n", "to err\n"), got
    assert e.exec(id, "true").status == 0
    e.remove(id)


@entry("exec: terminal")
def exec_terminal(e):
    id = e.sleeper()
    # ctr sets the size as soon as the process runs.
    got = e.on_terminal(*e.command("task", "exec", "--exec-id", "x", "--tty", id, "sh", "-c", "tty; sleep 0.5; stty size; read line; echo got $line; exit 4"),
                        typed="words\n")
    assert got.status == 4 and "/dev/pts/" in got.out and "30 100" in got.out and "got words" in got.out, got
    e.remove(id)


@entry("exec: user and working directory")
def exec_user(e):
    id = e.sleeper()
    got = e.exec(id, "sh", "-c", "id -u; id -g; pwd", options=["--user", "1000:50", "--cwd", "/tmp"])
    assert got.out.split() == ["1000", "50", "/tmp"], got
    e.remove(id)


@entry("exec: a program that is missing, and the container lives on")
def exec_missing(e):
    id = e.sleeper()
    got = e.exec(id, "no-such-program")
    assert got.status != 0 and "no-such-program" in got.err, got
    assert "not found" in got.err or "no such file" in got.err.lower(), got
    assert e.tasks()[id][1] == "RUNNING" and e.exec(id, "true").status == 0
    e.remove(id)


@entry("exec: detached, told to end by its own ID")
def exec_detached(e):
    id = e.sleeper()
    assert e.ctr("task", "exec", "--detach", "--exec-id", "long", id, "sleep", "1000").status == 0
    e.wait_for(lambda: "sleep 1000" in e.exec(id, "ps", "-o", "args").out, "the process")
    assert e.ctr("task", "kill", "-s", "KILL", "--exec-id", "long", id).status == 0
    e.wait_for(lambda: "sleep 1000" not in e.exec(id, "ps", "-o", "args").out, "its end")
    assert e.tasks()[id][1] == "RUNNING"
    e.remove(id)


@entry("kill: a signal that the process handles")
def kill_usr1(e):
    id = e.detached("sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done")
    e.wait_handler(id, signal.SIGUSR1)
    told = e.events()
    assert e.ctr("task", "kill", "-s", "SIGUSR1", id).status == 0
    e.wait_until(id, "STOPPED")
    e.wait_for(lambda: any('"exit_status":9' in line for line in told(id)), "an event with the status", 10)
    e.remove(id)


@entry("kill: all processes of a container that has the host's pids")
def kill_all(e):
    # Without a pid namespace of its own the end of the first process ends no other.
    id = e.detached("sh", "-c", "sleep 1000 & sleep 1000 & wait", options=["--with-ns", f"pid:/proc/{os.getpid()}/ns/pid"])
    e.wait_for(lambda: len(pids_of(e, id)) == 3, "three processes")
    pids = pids_of(e, id)
    assert e.ctr("task", "kill", "--all", "-s", "KILL", id).status == 0
    e.wait_for(lambda: not any(map(processes.lives, pids)), "the end of all")
    e.wait_until(id, "STOPPED")
    e.remove(id)


@entry("kill: a container that has ended, and one that is not there")
def kill_ended(e):
    id = e.detached("true")
    e.wait_until(id, "STOPPED")
    got = e.ctr("task", "kill", "-s", "TERM", id)
    assert got.status != 0 and ("not found" in got.err or "already finished" in got.err), got
    e.remove(id)
    got = e.ctr("task", "kill", id)
    assert got.status != 0 and "not found" in got.err, got


def pids_of(e, id):
    return [int(line.split()[0]) for line in e.ctr("task", "ps", id).out.splitlines()[1:]]


@entry("ps: the container's processes, by the host's pids")
def ps(e):
    id = e.detached("sh", "-c", "sleep 1000 & wait")
    e.wait_for(lambda: len(pids_of(e, id)) == 2, "two processes")
    commands = sorted(processes.read(pid, "cmdline").replace("\0", " ").strip() for pid in pids_of(e, id))
    assert commands == ["sh -c sleep 1000 & wait", "sleep 1000"], commands
    e.remove(id)


@entry("pause and resume")
def pause(e):
    count = e.dir / e.unique("count")
    count.mkdir()
    id = e.detached("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/count/n; sleep 0.02; done",
                    options=["--mount", f"type=bind,src={count},dst=/count,options=rbind:rw"])
    read = lambda: (count / "n").read_text() if (count / "n").exists() else ""  # noqa: E731
    e.wait_for(read, "a count")
    assert e.ctr("task", "pause", id).status == 0 and e.tasks()[id][1] == "PAUSED" and e.of_runtime(id)["status"] == "paused"
    stood = read()
    time.sleep(0.4)
    assert read() == stood
    assert e.ctr("task", "resume", id).status == 0 and e.tasks()[id][1] == "RUNNING"
    e.wait_for(lambda: read() not in (stood, ""), "the count to go on")
    e.remove(id)


@entry("metrics")
def metrics(e):
    id = e.sleeper("--memory-limit", str(64 << 20)) if processes.has_memory_controller() else e.sleeper()
    got = e.ctr("task", "metrics", id)
    assert got.status == 0, got
    values = dict(re.findall(r"^(\S+)\s+(\d+)\s*$", got.out, re.M))
    limit = values.get("memory.limit_in_bytes", values.get("memory.usage_limit"))
    assert limit == str(64 << 20) or not processes.has_memory_controller(), got
    assert int(values.get("pids.current", 1)) >= 1, got
    e.remove(id)


@entry("a container that ends by itself is seen to")
def ends(e):
    id = e.detached("sh", "-c", "sleep 0.2; exit 6")
    told = e.events()
    e.wait_until(id, "STOPPED")
    assert e.exec(id, "true").status != 0
    e.remove(id)
    assert any('"exit_status":6' in line for line in told(id)), told(id)


@entry("containerd starts again beside a container that lives")
def restart(e):
    id = e.sleeper()
    pid = e.tasks()[id][0]
    e.stop_daemon()
    assert processes.lives(pid)
    e.start_daemon()
    assert e.tasks()[id] == (pid, "RUNNING")
    assert e.exec(id, "sh", "-c", "exit 3").status == 3
    told = e.events()
    assert e.ctr("task", "kill", id).status == 0
    e.wait_until(id, "STOPPED")
    e.remove(id)
    assert any(line.startswith("/tasks/delete") and '"exit_status":5' in line for line in told(id)), told(id)


@entry("the shim is killed: containerd sees the end, and nothing of the container is left")
def shim_killed(e):
    id = e.detached("sleep", "1000")
    pid = e.tasks()[id][0]
    shims = processes.with_words("-id", id, "-address", str(e.socket))
    assert len(shims) == 1, shims
    os.kill(shims[0], signal.SIGKILL)
    # `containerd-shim-runc-v2 delete` is called then, and that calls the runtime's `delete --force`.
    e.wait_for(lambda: not processes.lives(pid), "the process's end")
    e.wait_for(lambda: not e.of_runtime(id), "the runtime's state to go")
    e.wait_for(lambda: id not in e.tasks(), "the task to go")
    assert e.ctr("container", "delete", id).status == 0


@entry("checkpoint and restore")
def checkpoint(e):
    if subprocess.run(["criu", "check"], capture_output=True).returncode != 0:
        raise NotOffered("CRIU does not run on this kernel")
    # It counts in its memory, and shows the count on its tmpfs.
    id = e.detached("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/dev/shm/new; mv /dev/shm/new /dev/shm/n; sleep 0.05; done")
    ref, again = f"localhost/apus/{e.unique('image')}:1", e.unique()
    count = lambda id: int(e.exec(id, "cat", "/dev/shm/n").out or 0)  # noqa: E731
    e.wait_for(lambda: count(id) > 40, "a count")
    before = count(id)
    got = e.ctr("container", "checkpoint", "--task", "--image", "--rw", id, ref)
    assert got.status == 0, got
    e.remove(id)
    got = e.ctr("container", "restore", "--live", "--rw", again, ref)
    assert got.status == 0, got
    assert e.tasks()[again][1] == "RUNNING"
    after = count(again)
    assert after >= before, (before, after)
    e.wait_for(lambda: count(again) > after, "the count to go on")
    e.remove(again)


@entry("50 in parallel")
def crowd(e):
    before = e.tasks()
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda n: e.sh(f"echo {n}; exit {n}", timeout=300), range(50)))
    wrong = [(n, got) for n, got in enumerate(results) if (got.status, got.out) != (n, f"{n}\n")]
    assert not wrong, wrong
    assert e.tasks() == before


@entry("nothing is left: no task, shim, state, mount or cgroup")
def nothing_left(e):
    e.wait_for(lambda: not processes.with_words("-address", str(e.socket)), "shims to end", 10)
    assert not e.tasks() and not e.ctr("container", "ls", "-q").out
    assert not e.state.exists() or not os.listdir(e.state)
    assert not [line for line in processes.read("self", "mountinfo").splitlines() if f"{e.dir}/state" in line]
    left = [path for tree in processes.cgroup_trees() if (tree / e.namespace).is_dir()
            for path in (tree / e.namespace).iterdir() if path.is_dir()]
    assert not left, left
