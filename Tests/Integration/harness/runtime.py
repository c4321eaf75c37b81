"""A runtime under test, and what it leaves behind."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

# What the runtimes inherit: fixed, so that nothing of the caller's session shows in a container.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
TIMEOUT = 60
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx")


@dataclass
class Result:
    """How one command of a runtime ended."""

    args: list
    code: int
    out: str
    err: str

    def __str__(self):
        return f"{shlex.join(map(str, self.args))}\nexit {self.code}\nstdout: {self.out}\nstderr: {self.err}"


@dataclass
class Runtime:
    """An OCI runtime's executable with a state directory of its own."""

    name: str
    path: str
    root: Path
    flags: list = field(default_factory=list)
    # A command that becomes another user and then the runtime, and what is in that user's environment.
    become: list = field(default_factory=list)
    environment: dict = field(default_factory=lambda: ENVIRONMENT)

    def command(self, *args, flags=()):
        return [*self.become, self.path, "--root", str(self.root), *self.flags, *flags, *map(str, args)]

    def __call__(self, *args, flags=(), prefix=(), env=None, input=None, cwd=None, timeout=TIMEOUT, check=False, **popen):
        """Runs one command to its end. The container's own output, if it has any, is captured too."""
        full = [*prefix, *self.command(*args, flags=flags)]
        # Never the host's /dev/null: runtimes give the standard descriptors to the container's user.
        popen.setdefault("stdin", subprocess.PIPE)
        process = subprocess.Popen(
            full, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**self.environment, **(env or {})}, cwd=cwd, **popen)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            # Perhaps it has ended, and a container that should not be there holds the other end.
            ended = process.poll()
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
            how = "did not end" if ended is None else f"ended with {ended}, but its output was held open"
            raise AssertionError(
                f"{shlex.join(full)} {how} within {timeout} s\nstdout: {late.stdout}\nstderr: {late.stderr}")
        result = Result(full, process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
        if check:
            assert result.code == 0, str(result)
        return result

    def create(self, bundle, id, *args, stdout=None, stderr=None, prefix=(), flags=(), env=None, check=True, pid_file=None,
               verb=("create",)):
        """`create`, whose container inherits the output: files, because a pipe would be held open."""
        stdout, stderr = stdout or bundle / "stdout", stderr or bundle / "stderr"
        pid_file = pid_file or bundle / f"{id}.pid"
        full = [*prefix, *self.command(*verb, "--bundle", bundle, "--pid-file", pid_file, *args, id, flags=flags)]
        empty = bundle / "stdin"
        empty.touch()
        with open(stdout, "ab") as out, open(stderr, "ab") as err, open(empty, "rb") as stdin:
            code = subprocess.run(
                full, stdin=stdin, stdout=out, stderr=err,
                env={**self.environment, **(env or {})}, timeout=TIMEOUT).returncode
        result = Result(full, code, Path(stdout).read_text("utf-8", "replace"), Path(stderr).read_text("utf-8", "replace"))
        if check:
            assert code == 0, str(result)
        return result

    def pid(self, bundle, id):
        return int((bundle / f"{id}.pid").read_text())

    def state(self, id):
        result = self("state", id)
        return json.loads(result.out) if result.code == 0 else None

    def wait_for_status(self, id, *wanted, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.state(id)
            if (state["status"] if state else None) in wanted:
                return state
            time.sleep(0.02)
        raise AssertionError(f"{id} did not become {wanted}: {state}")

    def discard(self, id):
        """Removes a container whatever its state, for clean-up."""
        try:
            self("delete", "--force", id, timeout=20)
        except AssertionError:
            pass
        shutil.rmtree(self.root / id, ignore_errors=True)


def reap(pid, seconds=20):
    """Waits for a container's first process that became our child; returns its shell exit status."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        time.sleep(0.005)
    raise AssertionError(f"process {pid} did not end within {seconds} s: {describe(pid)}")


def describe(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()[:300] + Path(f"/proc/{pid}/wchan").read_text()
    except OSError as error:
        return str(error)


def mount_points():
    """The mount points of this namespace: no runtime may add one."""
    return sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())


def processes():
    """Live processes by pid and start time, without kernel threads and zombies."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
        if rest[0] in "ZX" or int(rest[6]) & 0x00200000:
            continue
        found.add((int(entry.name), rest[19], name))
    return found


def cgroups():
    found = []
    for top in {"/sys/fs/cgroup"}:
        for directory, names, _ in os.walk(top):
            found += [os.path.join(directory, name) for name in names]
    return sorted(found)


def temporary_files():
    found = []
    for top in ("/tmp", "/dev/shm", "/run", "/var/tmp"):
        try:
            found += [os.path.join(top, name) for name in os.listdir(top)]
        except OSError:
            pass
    return sorted(found)


def belongs(pid, marks):
    """Whether a process is a container's or a runtime's: its command line, cgroup or cwd says so."""
    for name in ("cmdline", "cgroup"):
        try:
            text = Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if any(mark in text for mark in marks):
            return True
    return False


class Footprint:
    """The host before a command, to be compared with the host after it.

    Other tests, and on a shared machine other people, start and end processes meanwhile. A new process
    counts as left behind only when it carries one of `marks` (the container's id, the bundle's path);
    mounts, cgroups and state are compared completely.
    """

    def __init__(self, runtime, *marks):
        self.runtime, self.marks = runtime, [str(mark) for mark in marks]
        self.before = self._take()

    def _take(self):
        state = sorted(str(p.relative_to(self.runtime.root)) for p in self.runtime.root.rglob("*")) \
            if self.runtime.root.exists() else []
        nodes = [f"{name} {s.st_mode:o} {s.st_uid} {s.st_gid}" for name in DEVICES if (s := os.stat(f"/dev/{name}"))]
        return {"devices": nodes, "mounts": mount_points(), "cgroups": cgroups(), "state": state,
                "temporary": temporary_files(), "processes": processes()}

    def left_behind(self):
        after, found = self._take(), {}
        for name in ("mounts", "state", "devices"):
            if after[name] != self.before[name]:
                found[name] = sorted(set(after[name]) ^ set(self.before[name])) or "different counts"
        for name in ("cgroups", "temporary"):
            new = [n for n in set(after[name]) - set(self.before[name])
                   if any(m in n for m in self.marks) or re.search(r"apus|runc|crun", n)]
            if new:
                found[name] = sorted(new)
        new = [p for p in after["processes"] - self.before["processes"] if belongs(p[0], self.marks)]
        if new:
            found["processes"] = new
        return found

    def assert_clean(self, seconds=3):
        """Gives what is dying a moment: a killed process stays in its cgroup until it is reaped."""
        end = time.monotonic() + seconds
        while (found := self.left_behind()) and time.monotonic() < end:
            time.sleep(0.05)
        assert not found, f"left behind: {found}"
