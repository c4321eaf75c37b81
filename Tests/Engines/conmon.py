"""conmon, called as CRI-O and Podman call it: on bundles, with pipes that tell of the container.

The protocol: conmon waits for a byte on the start pipe (so that its caller can first move it to a cgroup), calls the
runtime, and writes one line of JSON to the sync pipe: the container's pid, or -1 and what the runtime said. What it knows
of the end is in files: an exit file of the container's name with the status as 128 + signal in the usual way.
"""

import json
import os
import select
import signal
import socket
import subprocess
import time

import processes
import rootfs
from engine import Engine

ATTACHED_STDOUT, ATTACHED_STDERR = 2, 3


class Conmon(Engine):
    name = "conmon"
    programs = {"conmon": "conmon"}

    def start(self):
        self.root = self.dir / "state"
        self.cgroup = f"apus-conmon-{os.getpid()}"
        self.exits, self.sockets = self.dir / "exits", self.dir / "sockets"
        for directory in (self.exits, self.sockets):
            directory.mkdir()
        self.rootfs = rootfs.unpack(self.dir / "rootfs")

    def version(self):
        return self.call("conmon", "--version").out.splitlines()[0]

    def clean(self):
        # All conmons of ours, and then their containers, which would go on without them.
        processes.end(processes.with_words("conmon", str(self.root)))
        for id in os.listdir(self.root) if self.root.exists() else []:
            self.of_runtime("delete", "--force", id)
        processes.remove_cgroup(self.cgroup)

    def of_runtime(self, *words, **named):
        return self.call(self.runtime.path, "--root", self.root, *words, **named)

    def container(self, *words, **named):
        """A container whose bundle is written, and nothing more."""
        return Container(self, words, **named)

    def created(self, *words, **named):
        made = self.container(*words, **named)
        made.create()
        assert made.reply.get("data", -1) > 0, made.reply
        return made

    def started(self, *words, **named):
        made = self.created(*words, **named)
        got = self.of_runtime("start", made.id)
        assert got.status == 0, got
        return made

    def sleeper(self, **named):
        made = self.started("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done", **named)
        # Before that, PID 1 of a namespace would not hear of it.
        self.wait_for(lambda: processes.handles(made.pid, signal.SIGTERM), "the shell to handle SIGTERM")
        return made

    def conmon(self, *options, pipes, cwd):
        """Calls conmon with pipes that it writes to, ENVIRONMENT NAME -> reader; the start pipe's end is given back."""
        theirs, readers, environment = [], {}, self.environment()
        for name in pipes:
            reader, writer = os.pipe()
            theirs.append(writer)
            readers[name] = Lines(reader)
            environment[name] = str(writer)
        start, go = os.pipe()
        os.set_inheritable(go, False)
        environment["_OCI_STARTPIPE"] = str(start)
        words = ["conmon", "-r", self.runtime.path, "--log-level", "error", "--runtime-arg", "--root", "--runtime-arg", str(self.root), *options]
        process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(cwd / "conmon.err", "wb"),
                                   pass_fds=[*theirs, start], env=environment, cwd=cwd)
        for fd in [*theirs, start]:
            os.close(fd)
        os.write(go, b"0")
        status = process.wait(100)
        assert status == 0, (cwd / "conmon.err").read_text()
        return readers, go


class Lines:
    """Lines of JSON from a pipe."""

    def __init__(self, fd):
        self.fd, self.buffer = fd, b""

    def next(self, timeout=100):
        """The next; nothing when the pipe's other end is closed."""
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"conmon wrote nothing within {timeout} s but {self.buffer}")
            got = os.read(self.fd, 4096)
            if not got:
                return None
            self.buffer += got
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def __del__(self):
        os.close(self.fd)


class Container:
    def __init__(self, engine, words, id=None, terminal=False, options=(), change=lambda config: None):
        self.engine, self.terminal, self.options = engine, terminal, options
        self.uuid = engine.unique("u")
        self.id = id or engine.unique()
        self.bundle = engine.dir / self.uuid
        self.bundle.mkdir()
        self.log, self.pid_file, self.conmon_pid_file = self.bundle / "log", self.bundle / "pidfile", self.bundle / "conmon.pid"
        self.runtime_log = self.bundle / "oci-log"
        assert engine.call(engine.runtime.path, "spec", "--bundle", self.bundle).status == 0
        config = json.loads((self.bundle / "config.json").read_text())
        config["root"]["path"] = str(engine.rootfs)
        config["linux"]["cgroupsPath"] = f"/{engine.cgroup}/{self.id}"
        config["process"].update(terminal=terminal, args=list(words))
        change(config)
        self.config = config
        (self.bundle / "config.json").write_text(json.dumps(config))

    def create(self):
        """What conmon said of it on the sync pipe is `reply`; None if it said nothing."""
        options = ["-b", self.bundle, "-c", self.id, "-u", self.uuid, "-n", f"name-{self.id}", "-p", self.pid_file, "-P", self.conmon_pid_file,
                   "-l", f"k8s-file:{self.log}", "--exit-dir", self.engine.exits, "--persist-dir", self.bundle,
                   "--socket-dir-path", self.engine.sockets, "--no-new-keyring", "--api-version", "1",
                   *(["-t"] if self.terminal else []), *self.options]
        readers, go = self.engine.conmon(*options, pipes=["_OCI_SYNCPIPE"], cwd=self.bundle)
        os.close(go)
        self.reply = readers["_OCI_SYNCPIPE"].next()

    @property
    def pid(self):
        return self.reply["data"]

    def state(self):
        got = self.engine.of_runtime("state", self.id)
        return json.loads(got.out)["status"] if got.status == 0 else None

    def exit(self):
        """The status that conmon wrote down, as soon as it has."""
        file = self.engine.exits / self.id
        self.engine.wait_for(lambda: file.exists() and file.read_text(), f"the exit file of {self.id}", 100)
        assert (self.bundle / "exit").read_text() == file.read_text()
        return int(file.read_text())

    def lines(self):
        """(stream, tag, text) of the log."""
        return [tuple(line.split(" ", 3)[1:]) for line in self.log.read_text().splitlines()]

    def attach(self):
        return Attached(self.engine.sockets / self.uuid / "attach")

    def resize(self, rows, columns):
        with open(self.bundle / "ctl", "w") as file:
            file.write(f"1 {rows} {columns}\n")

    def kill(self, name="KILL"):
        got = self.engine.of_runtime("kill", self.id, name)
        assert got.status == 0, got

    def remove(self):
        if self.state() in ("running", "created", "paused"):
            self.kill()
            self.exit()
        got = self.engine.of_runtime("delete", self.id)
        assert got.status == 0, got
        assert self.state() is None


class Attached:
    """A connection to conmon's attach socket: packets, each with a byte in front that says of which stream it is."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(path))
        self.heard = {ATTACHED_STDOUT: "", ATTACHED_STDERR: ""}

    def send(self, text):
        self.socket.sendall(text.encode())

    def expect(self, text, stream=ATTACHED_STDOUT, timeout=20):
        end = time.monotonic() + timeout
        while text not in self.heard[stream]:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.socket], [], [], left)[0]:
                raise AssertionError(f"heard {self.heard}, not {text!r}, within {timeout} s")
            packet = self.socket.recv(16384)
            if not packet:
                raise AssertionError(f"heard {self.heard}, not {text!r}, until the end")
            self.heard[packet[0]] += packet[1:].decode(errors="replace").replace("\r\n", "\n")

    def close(self):
        self.socket.close()
