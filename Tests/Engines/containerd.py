"""containerd with its shim for runtimes like runc (io.containerd.runc.v2), called by `ctr`."""

import json
import os
import signal
import subprocess
from pathlib import Path

import image
import processes
import registry
from engine import Engine

# Where the shim keeps its sockets, ctr its FIFOs, and the shim the runtime's state, whatever containerd's directory is.
FIXED = Path("/run/containerd")


class Containerd(Engine):
    name = "containerd"
    programs = {"containerd": "containerd", "ctr": "containerd", "containerd-shim-runc-v2": "containerd", **registry.PROGRAMS}

    def __init__(self, runtime):
        super().__init__(runtime)
        self.namespace = f"apus-{os.getpid()}"
        self.socket = self.dir / "containerd.sock"
        self.state = FIXED / "runc" / self.namespace
        self.made_fixed = not FIXED.exists()

    def start(self):
        FIXED.mkdir(exist_ok=True)
        # In our own mount namespace (conduct.py), so that nothing of these is left.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=711", "tmpfs", FIXED], check=True)
        # Where no runtime is named, the shim calls `runc` of PATH.
        (self.dir / "bin").mkdir()
        (self.dir / "bin" / "runc").symlink_to(self.runtime.path)
        (self.dir / "config.toml").write_text(f"""version = 2
root = "{self.dir}/root"
state = "{self.dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.dir}/opt"
""")
        self.start_daemon()
        plugins = self.call("ctr", "--address", self.socket, "plugins", "ls").out.splitlines()
        overlay = any("overlayfs" in line.split() and line.split()[-1] == "ok" for line in plugins)
        self.snapshotter = "overlayfs" if overlay else "native"
        got = self.ctr("images", "import", "--snapshotter", self.snapshotter, image.write(self.dir / "image.tar"))
        assert got.status == 0, got.said

    def environment(self):
        return super().environment() | {"PATH": f"{self.dir}/bin:{os.environ['PATH']}"}

    def start_daemon(self):
        self.daemon = self.spawn("containerd", "--config", self.dir / "config.toml")
        self.wait_for(lambda: self.socket.exists() and self.call("ctr", "--address", self.socket, "version").status == 0, "containerd")

    def stop_daemon(self):
        self.daemon.terminate()
        self.daemon.wait(30)

    def version(self):
        return self.call("containerd", "--version").out.strip()

    # What the entries do.

    def command(self, *words):
        return ["ctr", "--address", self.socket, "--namespace", self.namespace, *words]

    def ctr(self, *words, **named):
        return self.call(*self.command(*words), **named)

    def command_of_run(self, *words, id=None, options=(), of=image.NAME):
        return self.command("run", "--snapshotter", self.snapshotter, "--runc-binary", self.runtime.path, *options,
                            of, id or self.unique(), *words)

    def run(self, *words, id=None, options=(), of=image.NAME, **named):
        """Runs a container to its end; the task and the container are gone then."""
        return self.call(*self.command_of_run(*words, id=id, options=["--rm", *options], of=of), **named)

    def sh(self, script, shell="sh", **named):
        """Ends late: ctr loses what a process prints that ends before a thread of ctr's has opened the FIFO, whatever the runtime."""
        return self.run(shell, "-c", f"trap 'sleep 0.3' EXIT\n{script}", **named)

    def detached(self, *words, options=()):
        """A container that runs; its ID."""
        id = self.unique()
        got = self.call(*self.command_of_run(*words, id=id, options=["--detach", "--null-io", *options]))
        assert got.status == 0, got.said
        return id

    def sleeper(self, *options):
        """A container that runs until it is told to end, by SIGTERM: with status 5."""
        id = self.detached("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done", options=options)
        self.wait_handler(id, signal.SIGTERM)
        return id

    def wait_handler(self, id, number):
        self.wait_for(lambda: processes.handles(self.tasks()[id][0], number), f"{id} to handle signal {number}")

    def exec(self, id, *words, options=(), **named):
        return self.ctr("task", "exec", "--exec-id", self.unique("x"), *options, id, *words, **named)

    def tasks(self):
        """ID -> (pid, status), as `ctr task ls` shows them."""
        lines = [line.split() for line in self.ctr("task", "ls").out.splitlines()[1:]]
        return {words[0]: (int(words[1]), words[2]) for words in lines}

    def wait_until(self, id, status):
        self.wait_for(lambda: self.tasks().get(id, (0, ""))[1] == status, f"{id} to be {status}")

    def remove(self, id):
        """Ends a container, and everything of it; with an error if something is left of it."""
        if self.tasks().get(id, (0, "STOPPED"))[1] != "STOPPED":
            assert self.ctr("task", "kill", "-s", "KILL", id).status == 0
            self.wait_until(id, "STOPPED")
        self.ctr("task", "delete", id)
        got = self.ctr("container", "delete", id)
        assert got.status == 0, got.said
        assert not self.of_runtime(id), f"the runtime still has {id}"

    def of_runtime(self, id):
        """What the runtime itself says of a container."""
        got = self.call(self.runtime.path, "--root", self.state, "state", id)
        return json.loads(got.out) if got.status == 0 else None

    def events(self):
        """Begins to collect what happens; a function that gives the lines of a container's so far."""
        path = self.log(self.spawn(*self.command("events")))
        # Nothing says that ctr listens; an event of our own does, as soon as it is there.
        label = lambda: self.ctr("images", "label", image.NAME, f"at={self.unique()}")  # noqa: E731
        self.wait_for(lambda: label().status == 0 and path.read_text(), "ctr events")
        return lambda id: [line.split(" ", 5)[-1] for line in path.read_text().splitlines() if f'"{id}"' in line]

    # The end.

    def clean(self):
        try:
            for id in self.ctr("container", "ls", "-q").out.split():
                self.ctr("task", "kill", "-s", "KILL", id)
                self.ctr("task", "delete", "--force", id)
                self.ctr("container", "delete", id)
        finally:
            processes.end(processes.with_words("-address", str(self.socket)))
            processes.remove_cgroup(self.namespace)

    def close(self):
        super().close()
        subprocess.run(["umount", "--lazy", FIXED], capture_output=True)
        if self.made_fixed:
            FIXED.rmdir()
