"""What CRI-O and Podman get to see through conmon."""

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import processes
from conmon import ATTACHED_STDERR
from engine import NotOffered
from entries import Entries

entry = Entries("conmon")


@entry("create: the pid on the sync pipe and in the pid file, state created")
def create(e):
    made = e.created("sleep", "1000")
    assert int(made.pid_file.read_text()) == made.pid and processes.lives(made.pid)
    assert made.state() == "created" and made.bundle.samefile(json.loads(e.of_runtime("state", made.id).out)["bundle"])
    conmon = int(made.conmon_pid_file.read_text())
    assert processes.read(made.pid, "stat").rpartition(") ")[2].split()[1] == str(conmon), "conmon is not the process's parent"
    assert e.of_runtime("start", made.id).status == 0 and made.state() == "running"
    made.remove()


@entry("exit file: status 0")
def exit_0(e):
    made = e.started("true")
    assert made.exit() == 0 and made.state() == "stopped"
    made.remove()


@entry("exit file: status 7")
def exit_7(e):
    made = e.started("sh", "-c", "exit 7")
    assert made.exit() == 7
    made.remove()


@entry("exit file: ended by a signal, 128 + 9")
def exit_137(e):
    made = e.started("sleep", "1000")
    made.kill("KILL")
    assert made.exit() == 137 and made.state() == "stopped"
    made.remove()


@entry("log: both streams, whole and partial lines")
def log(e):
    made = e.started("sh", "-c", "echo to out; sleep 0.3; echo to err >&2; sleep 0.3; printf 'no end'")
    assert made.exit() == 0
    assert made.lines() == [("stdout", "F", "to out"), ("stderr", "F", "to err"), ("stdout", "P", "no end")], made.log.read_text()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) ", line) for line in made.log.read_text().splitlines())
    made.remove()


@entry("log: 1 MB from a container that ends at once")
def long_log(e):
    made = e.started("sh", "-c", "yes 123456789012345678901234567890123456789 | head -c 1000000")
    assert made.exit() == 0
    # What is read in the middle of a line is logged as a part of one, and only a whole line had a newline.
    assert sum(len(text) + (tag == "F") for _, tag, text in made.lines()) == 1000000
    made.remove()


def refused(e, *words, named, **rest):
    """A create that fails: what the sync pipe, and the runtime's log in the engine's format, say of it."""
    log = e.dir / e.unique("log")
    made = e.container(*words, options=["--runtime-arg", "--log-format=json", "--runtime-arg", "--log", "--runtime-arg", str(log)], **rest)
    made.create()
    assert made.reply and made.reply["data"] == -1, made.reply
    told = [json.loads(line) for line in log.read_text().splitlines()]
    errors = [line["msg"] for line in told if line["level"] in ("error", "fatal")]
    assert errors, told
    for text in (made.reply["message"], errors[-1]):
        for word in named:
            assert word.lower() in text.lower(), text
    assert made.state() is None and not (made.bundle / "exit").exists()
    assert not [tree for tree in processes.cgroup_trees() if (tree / e.cgroup / made.id).exists()]
    return made


@entry("create fails: a program that is missing")
def missing_program(e):
    made = refused(e, "no-such-program", named=["no-such-program"])
    assert re.search("not found|no such file", made.reply["message"], re.I), made.reply


@entry("create fails: a mount whose source is missing")
def bad_mount(e):
    refused(e, "true", named=["/no/such/source", "no such file or directory"], change=lambda config: config["mounts"].append(
        {"destination": "/mnt", "type": "bind", "source": "/no/such/source", "options": ["rbind"]}))


@entry("create fails: a root file system that is missing")
def bad_root(e):
    refused(e, "true", named=["/no/such/root"], change=lambda config: config["root"].update(path="/no/such/root"))


@entry("create fails with a terminal: a program that is missing")
def missing_on_terminal(e):
    refused(e, "no-such-program", named=["no-such-program"], terminal=True)


@entry("create fails: an ID that there is already")
def same_id(e):
    made = e.sleeper()
    other = e.container("true", id=made.id)
    other.create()
    assert other.reply["data"] == -1 and "exist" in other.reply["message"], other.reply
    assert made.state() == "running" and processes.lives(made.pid)
    made.remove()


@entry("terminal: attached input and output, resized")
def terminal(e):
    made = e.started("sh", terminal=True, options=["-i"])
    attached = made.attach()
    attached.send("tty; echo a''b\n")
    attached.expect("/dev/pts/0")
    attached.expect("ab\n")
    made.resize(40, 120)
    attached.send("sleep 0.3; stty size\n")
    attached.expect("40 120")
    attached.send("exit 4\n")
    assert made.exit() == 4
    assert any(stream == "stdout" and text == "ab" for stream, _, text in made.lines()), made.lines()
    made.remove()


@entry("attached without a terminal: input, both streams, the input's end")
def attached(e):
    made = e.created("sh", "-c", "echo out; echo err >&2; cat", options=["-i"])
    client = made.attach()
    assert e.of_runtime("start", made.id).status == 0
    client.expect("out\n")
    client.expect("err\n", ATTACHED_STDERR)
    client.send("typed\n")
    client.expect("typed\n")
    client.close()
    assert made.exit() == 0
    made.remove()


@entry("attached twice: the input stays open where it is to")
def attached_twice(e):
    made = e.started("cat", options=["-i", "--leave-stdin-open"])
    for words in ("first\n", "second\n"):
        client = made.attach()
        client.send(words)
        client.expect(words)
        client.close()
    assert made.state() == "running"
    made.remove()


@entry("stop: a signal that the process handles")
def stop(e):
    made = e.sleeper()
    made.kill("TERM")
    assert made.exit() == 5 and made.state() == "stopped"
    made.remove()


@entry("delete: not while it runs, by force then")
def delete(e):
    made = e.sleeper()
    got = e.of_runtime("delete", made.id)
    assert got.status != 0 and made.id in got.err + got.out, got
    assert made.state() == "running"
    assert e.of_runtime("delete", "--force", made.id).status == 0 and made.state() is None
    assert made.exit() == 137


@entry("time limit: conmon ends the container")
def time_limit(e):
    made = e.started("sleep", "1000", options=["-T", "1"])
    e.wait_for(lambda: not processes.lives(made.pid), "the end", 15)
    made.exit()
    made.remove()


@entry("more memory than allowed: status 137 and the OOM file")
def out_of_memory(e):
    if not processes.has_memory_controller():
        raise NotOffered("no memory controller on this host")
    made = e.started("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1",
                     change=lambda config: config["linux"]["resources"].update(memory={"limit": 16 << 20}))
    assert made.exit() == 137
    assert (made.bundle / "oom").exists(), (made.bundle / "conmon.err").read_text()
    made.remove()


@entry("--systemd-cgroup: a scope of systemd's, in the slice given, with its limits")
def systemd(e):
    if not processes.with_systemd():
        raise NotOffered("systemd is not the first process")

    def placed(config):
        config["linux"].update(cgroupsPath=f"apusconmon.slice:crio:{e.cgroup}", resources={"memory": {"limit": 64 << 20}})
    made = e.sleeper(options=["--systemd-cgroup"], change=placed)
    scope = f"crio-{e.cgroup}.scope"
    assert processes.unit_of(made.pid) == (scope, "apusconmon.slice")
    assert e.call("systemctl", "show", "--property", "MemoryMax", scope).out.strip() == f"MemoryMax={64 << 20}"
    made.remove()
    e.wait_for(lambda: e.call("systemctl", "is-active", scope).out.strip() == "inactive", f"{scope} to be gone")


@entry("exit command: called at the end")
def exit_command(e):
    file = e.dir / e.unique("called")
    made = e.started("true", options=["--exit-command", "/bin/sh", "--exit-command-arg", "-c", "--exit-command-arg", f"echo called >{file}"])
    made.exit()
    e.wait_for(lambda: file.exists() and file.read_text() == "called\n", "the exit command")
    made.remove()


@entry("conmon is killed: the container lives on and can be ended")
def conmon_killed(e):
    made = e.sleeper()
    os.kill(int(made.conmon_pid_file.read_text()), signal.SIGKILL)
    e.wait_for(lambda: not processes.lives(int(made.conmon_pid_file.read_text())), "conmon's end")
    assert made.state() == "running" and processes.lives(made.pid)
    made.kill("TERM")
    e.wait_for(lambda: made.state() == "stopped", "the container's end")
    assert e.of_runtime("delete", made.id).status == 0 and made.state() is None


@entry("50 in parallel")
def crowd(e):
    def one(n):
        made = e.started("sh", "-c", f"echo {n}; exit {n}")
        status, lines = made.exit(), made.lines()
        made.remove()
        return status, lines
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(one, range(50)))
    assert results == [(n, [("stdout", "F", str(n))]) for n in range(50)], results


@entry("nothing is left: no conmon, state or cgroup")
def nothing_left(e):
    e.wait_for(lambda: not processes.with_words("conmon", str(e.root)), "conmons to end", 10)
    assert not os.listdir(e.root), os.listdir(e.root)
    left = [path for tree in processes.cgroup_trees() if (tree / e.cgroup).is_dir() for path in (tree / e.cgroup).iterdir() if path.is_dir()]
    assert not left, left
