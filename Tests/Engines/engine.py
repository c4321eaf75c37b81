"""What every engine has in common: a scratch root of its own, calls with a time limit, a terminal, and a clean end."""

import functools
import itertools
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from registry import Registry


@dataclass
class Result:
    """What a caller sees of a command."""

    status: int
    out: str
    err: str

    @property
    def said(self):
        return self.out + self.err


class NotOffered(Exception):
    """The engine has no such thing, or not on this host; the reason is printed in the table's notes."""


@dataclass(frozen=True)
class Runtime:
    """Under which the list is run: `apus`, or one of those that tell the engine's own limits from ours."""

    name: str
    path: str

    def version(self):
        lines = subprocess.run([self.path, "--version"], capture_output=True, text=True).stdout.splitlines()
        return lines[0] if lines else "unknown"


class Engine:
    """One engine with one runtime. `with Engine(...) as e` starts it on directories of its own, and ends it: what it
    started is gone then, whatever came of the entries."""

    name = ""
    # Whose entries they are that it runs, where that is another one's name.
    list = ""
    # Program names that have to be in PATH, and the Debian packages they come from.
    programs = {}

    def __init__(self, runtime):
        self.runtime = runtime
        self.dir = Path(tempfile.mkdtemp(prefix=f"apus-{self.name}-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.daemons = []
        # Threads take from it, too.
        self.serial = itertools.count(1)

    @classmethod
    def missing(cls):
        """Why it cannot run here; nothing where it can."""
        programs = [f"{program} ({package})" for program, package in cls.programs.items() if not shutil.which(program)]
        return f"needs {', '.join(programs)}" if programs else cls.unfit()

    @classmethod
    def unfit(cls):
        """What the host or the caller is not."""
        return "" if os.geteuid() == 0 else "is for root"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # For each engine to say.

    def start(self):
        """Daemons, and the image."""

    def clean(self):
        """Removes all containers, while the daemons are there."""

    def version(self):
        raise NotImplementedError

    # For all.

    @staticmethod
    def root_alone(what):
        """For an entry that an unprivileged user cannot have."""
        if os.geteuid():
            raise NotOffered(f"{what} is for root")

    def unique(self, what="c"):
        return f"apus-{what}-{os.getpid()}-{next(self.serial)}"

    def call(self, *words, input=None, timeout=60):
        """Runs a program to its end. With no time left it is killed, and that is a failure of the entry."""
        done = subprocess.run(list(map(str, words)), input=input, stdin=subprocess.DEVNULL if input is None else None,
                              capture_output=True, text=True, errors="replace", timeout=timeout, env=self.environment())
        return Result(done.returncode, done.stdout, done.stderr)

    def environment(self):
        return os.environ | {"TMPDIR": str(self.dir)}

    def on_terminal(self, *words, typed="", timeout=30):
        """Runs a program on a terminal of 30 rows and 100 columns and types to it; the terminal's output."""
        main, other = pty.openpty()
        os.set_blocking(main, False)
        subprocess.run(["stty", "-F", os.ttyname(other), "rows", "30", "cols", "100"], check=True)
        process = subprocess.Popen(list(map(str, words)), stdin=other, stdout=other, stderr=other, start_new_session=True, env=self.environment())
        os.close(other)
        output, end, left = b"", time.monotonic() + timeout, typed.encode()
        try:
            while time.monotonic() < end:
                ready, writable, _ = select.select([main], [main] if left else [], [], 0.2)
                if writable:
                    left = left[os.write(main, left[:1]):]
                if ready:
                    try:
                        chunk = os.read(main, 4096)
                    except OSError:
                        break
                    if not chunk:
                        break
                    output += chunk
                elif process.poll() is not None:
                    break
            return Result(process.wait(max(0.1, end - time.monotonic())), output.decode(errors="replace").replace("\r\n", "\n"), "")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(main)

    def spawn(self, *words):
        """A daemon of the engine's; its words are in log()."""
        with open(self.dir / f"log-{len(self.daemons)}", "wb") as log:
            process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment())
        self.daemons.append(process)
        return process

    def log(self, daemon):
        return self.dir / f"log-{self.daemons.index(daemon)}"

    @functools.cached_property
    def registry(self):
        """On loopback, started for the first who asks."""
        return Registry(self)

    def wait_for(self, condition, what, timeout=30):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {timeout} s")
            time.sleep(0.05)

    def stop_daemons(self):
        for process in reversed(self.daemons):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.daemons = []

    def close(self):
        try:
            self.clean()
        finally:
            self.stop_daemons()
            # Our own mount namespace (conduct.py): nothing of the host's is touched.
            for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
                point = line.split(" ")[4].encode().decode("unicode_escape")
                if point.startswith(f"{self.dir}/"):
                    subprocess.run(["umount", "--lazy", point], capture_output=True)
            shutil.rmtree(self.dir, ignore_errors=True)
