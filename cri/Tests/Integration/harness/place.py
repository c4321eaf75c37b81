"""A place for a daemon: namespaces of every kind but user's, held by a process that does nothing (holder.py).

The daemon is started, killed and started again inside of them. As the process ids are a namespace of their own,
whatever is left is seen, and ends with the holder; as the cgroups are one, no daemon reaches any but those below
the place's own directory.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from .cgroups import Tree

_libc = ctypes.CDLL(None, use_errno=True)
HERE = Path(__file__).resolve().parent
# What the place's network calls its link to the outside, which leads nowhere.
ADDRESS = "192.0.2.1"


class Place:
    def __init__(self, directory, view):
        self.directory = Path(directory)
        self.tree = Tree(self.directory.name, view)
        command = ["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--cgroup", "--fork", "--kill-child",
                   "--propagation", "private", sys.executable, HERE / "holder.py", self.directory, view]
        self.process = subprocess.Popen(self.tree.joining(self.tree.top, command), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, cwd="/")
        answer = self.process.stdout.readline()
        if answer != "ready\n":
            self.close()
            raise RuntimeError(f"no place for a daemon: {answer}")
        self.holder = self._child(self.process.pid)
        for pid in (self.process.pid, self.holder):
            self.tree.move(pid, self.tree.rig)
        self.root = Path(f"/proc/{self.holder}/root")
        self.spawned = []

    def close(self):
        """Ends the holder, and so everything in it, and removes its cgroups."""
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.tree.remove()

    @staticmethod
    def _child(pid, patience=5):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                break
            if children:
                return int(children[0])
            time.sleep(0.005)
        raise RuntimeError(f"process {pid} has started nothing")

    # ---- processes ----

    def entering(self, command):
        enter = ["nsenter", f"--target={self.holder}", "--mount", "--net", "--ipc", "--uts", "--pid", "--cgroup", "--"]
        return self.tree.joining(self.tree.rig, [*enter, *map(str, command)])

    def run(self, *command, check=True, timeout=60, **options):
        options = {"capture_output": True, "text": True, "cwd": "/", **options}
        done = subprocess.run(self.entering(command), timeout=timeout, **options)
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def spawn(self, *command, log, env=None):
        """Starts a process that stays, with its output in the file `log`: gives its id outside of the place."""
        with open(log, "ab") as output:
            process = subprocess.Popen(self.entering(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       env=env, cwd="/")
        started = Started(process, self._child(process.pid))
        self.spawned.append(started)
        return started

    def processes(self):
        """What runs here beside the holder and what was spawned: ids within the place, with their command lines."""
        known = {1}
        for started in self.spawned:
            known |= {started.inner()}
        found = {}
        for directory in (self.root / "proc").iterdir():
            if not directory.name.isdigit() or int(directory.name) in known:
                continue
            try:
                line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                state = (directory / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            found[int(directory.name)] = line or f"[{state}]"
        return found

    def path(self, path):
        """A path of the place as this process reaches it."""
        return self.root / str(path).lstrip("/")

    def mounts(self):
        """Mount points with their sources, as often as they are mounted."""
        lines = Path(f"/proc/{self.holder}/mountinfo").read_text().splitlines()
        return sorted(" ".join((line.split()[4], *line.split(" - ")[1].split()[:2])) for line in lines)

    # ---- network ----

    def inside(self, function, *arguments, timeout=60):
        """Calls a function in a thread whose network is the place's: sockets keep it."""
        result = []

        def work():
            try:
                namespace = os.open(f"/proc/{self.holder}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                if _libc.setns(namespace, 0x40000000) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                os.close(namespace)
                result.extend((function(*arguments), None))
            except BaseException as error:
                result.extend((None, error))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(timeout)
        if not result:
            raise TimeoutError(f"{function} took longer than {timeout} s")
        if result[1] is not None:
            raise result[1]
        return result[0]

    def listen(self, host="127.0.0.1", port=0):
        return self.inside(lambda: socket.create_server((host, port), backlog=64))

    def get(self, url, timeout=5):
        """The text at an address, as a client on this place's host gets it."""
        return self.inside(lambda: urllib.request.urlopen(url, timeout=timeout).read().decode())

    def reachable(self, url, timeout=2):
        try:
            self.get(url, timeout)
            return True
        except (OSError, urllib.error.URLError):
            return False

    def interfaces(self):
        return sorted(line.split(":")[0].strip()
                      for line in self.path("/proc/1/net/dev").read_text().splitlines() if ":" in line)


class Started:
    """A process started in a place: `nsenter`, which waits, and its child, which it is about."""

    def __init__(self, process, pid):
        self.process, self.pid = process, pid

    def inner(self):
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next(int(line.split()[-1]) for line in lines if line.startswith("NSpid:"))

    def alive(self):
        return self.process.poll() is None

    def send(self, number):
        # Between its death and that of the nsenter that waits for it nobody else can get the process id.
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, patience=20):
        self.send(number)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"process {self.pid} did not end {patience} s after signal {number}") from None
