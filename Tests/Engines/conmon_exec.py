"""exec through conmon: as CRI-O waits for the end (one answer, the exit status), and as Podman attaches to it."""

import json
import os
import re

import processes
from conmon import ATTACHED_STDERR, Attached
from entries import Entries

entry = Entries("conmon")


class Exec:
    def __init__(self, made, words, terminal=False, **process):
        self.made, self.terminal = made, terminal
        self.engine = made.engine
        self.id = self.engine.unique("x")
        self.dir = self.engine.dir / self.id
        self.dir.mkdir()
        self.log, self.spec, self.pid_file = self.dir / "log", self.dir / "process.json", self.dir / "pidfile"
        self.spec.write_text(json.dumps(made.config["process"] | {"terminal": terminal, "args": list(words)} | process))
        self.options = ["-c", made.id, "-u", self.id, "-n", f"name-{made.id}", "-p", self.pid_file, "-P", self.dir / "conmon.pid", "-e",
                        "-l", f"k8s-file:{self.log}", "--exec-process-spec", self.spec, "--socket-dir-path", self.engine.sockets,
                        *(["-t"] if terminal else [])]

    def synchronous(self, *options):
        """CRI-O's: the one answer."""
        readers, go = self.engine.conmon(*self.options, *options, pipes=["_OCI_SYNCPIPE"], cwd=self.dir)
        os.close(go)
        return readers["_OCI_SYNCPIPE"].next()

    def attached(self, *options):
        """Podman's: the socket first, then the process is told to start; the answers are read from the sync pipe."""
        readers, go = self.engine.conmon(*self.options, "-b", self.dir, "--exec-attach", "--api-version", "1", "--exit-dir", self.dir, *options,
                                         pipes=["_OCI_SYNCPIPE", "_OCI_ATTACHPIPE"], cwd=self.dir)
        assert readers["_OCI_ATTACHPIPE"].next()["data"] == 0
        client = Attached(self.engine.sockets / self.id / "attach")
        os.write(go, b"0")
        os.close(go)
        return client, readers["_OCI_SYNCPIPE"]

    def lines(self):
        return [tuple(line.split(" ", 3)[1:]) for line in self.log.read_text().splitlines()]

    def exit(self):
        file = self.dir / self.made.id
        self.engine.wait_for(lambda: file.exists() and file.read_text(), "the exit file")
        return int(file.read_text())


@entry("exec: status and output")
def status(e):
    made = e.sleeper()
    session = Exec(made, ["sh", "-c", "echo to out; exit 7"])
    assert session.synchronous() == {"exit_code": 7}
    assert session.lines() == [("stdout", "F", "to out")]
    assert Exec(made, ["true"]).synchronous() == {"exit_code": 0}
    made.remove()


@entry("exec: ended by a signal")
def signalled(e):
    made = e.sleeper()
    assert Exec(made, ["sh", "-c", "kill -9 $$"]).synchronous() == {"exit_code": 137}
    made.remove()


@entry("exec: user, environment and working directory of the process's own")
def own_process(e):
    made = e.sleeper()
    session = Exec(made, ["sh", "-c", "id -u; id -G; pwd; echo $MINE"], user={"uid": 1000, "gid": 1000, "additionalGids": [50]},
                   cwd="/tmp", env=["PATH=/bin", "MINE=yes"])
    assert session.synchronous() == {"exit_code": 0}
    assert [text for _, _, text in session.lines()] == ["1000", "1000 50", "/tmp", "yes"], session.lines()
    made.remove()


@entry("exec: a time limit")
def time_limit(e):
    made = e.sleeper()
    got = Exec(made, ["sleep", "1000"]).synchronous("-T", "1")
    assert got["exit_code"] == -1 and "timed out" in got["message"], got
    made.remove()


@entry("exec: a program that is missing")
def missing(e):
    made = e.sleeper()
    got = Exec(made, ["no-such-program"]).synchronous()
    assert got["exit_code"] < 0 and "no-such-program" in got["message"], got
    assert re.search("not found|no such file", got["message"], re.I), got
    assert made.state() == "running"
    made.remove()


@entry("exec: a container that has ended")
def ended(e):
    made = e.started("true")
    made.exit()
    got = Exec(made, ["true"]).synchronous()
    assert got["exit_code"] < 0 and re.search("stopped|not running", got["message"]), got
    made.remove()


@entry("exec attached: input, both streams, status")
def attached(e):
    made = e.sleeper()
    session = Exec(made, ["sh", "-c", "echo err >&2; read line; echo got $line; exit 3"])
    client, answers = session.attached("-i")
    pid = answers.next()["data"]
    assert pid == int(session.pid_file.read_text()) and processes.lives(pid)
    client.expect("err\n", ATTACHED_STDERR)
    client.send("words\n")
    client.expect("got words\n")
    assert session.exit() == 3
    made.remove()


@entry("exec attached with a terminal: input, output, resized, status")
def terminal(e):
    made = e.sleeper()
    session = Exec(made, ["sh"], terminal=True)
    client, answers = session.attached("-i")
    assert answers.next()["data"] > 0
    client.send("tty\n")
    client.expect("/dev/pts/")
    with open(session.dir / "ctl", "w") as file:
        file.write("1 41 121\n")
    client.send("sleep 0.3; stty size\n")
    client.expect("41 121")
    client.send("exit 6\n")
    assert session.exit() == 6
    made.remove()


@entry("exec attached: a program that is missing")
def missing_attached(e):
    made = e.sleeper()
    for terminal in (False, True):
        _, answers = Exec(made, ["no-such-program"], terminal=terminal).attached()
        got = answers.next()
        assert got["data"] < 0 and "no-such-program" in got["message"], got
    assert made.state() == "running"
    made.remove()
