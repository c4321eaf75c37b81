"""The probe run through `exec` in a bundle's container, in the ways that exec can be told what to run.

One running container of each runtime serves all of its ways. Each way gives leaves like those of
`observe`, or the refusal.
"""

import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .observe import CannotRun, creation_flags, names_of_namespaces, neutral, normalise, prefix
from .runtime import TIMEOUT, reap

SOME = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID"]


@dataclass
class Way:
    """Flags of exec, or changes of the configured process that go into a process.json."""

    flags: list = field(default_factory=list)
    process: Callable | None = None
    shell: str = ""
    terminal: bool = False
    detached: bool = False
    prepare: Callable | None = None


def _make_cgroup(bundle):
    path = Path("/sys/fs/cgroup") / bundle.linux.get("cgroupsPath", f"/{bundle.id}").lstrip("/") / "below"
    if not path.parent.exists():
        raise CannotRun("the container has no cgroup of its own")
    path.mkdir()
    bundle.cleanup.append(lambda: path.exists() and path.rmdir())


def _changed(**fields):
    return lambda process: process.update(fields)


# The first two are tried in every container; the others are dealt out, one to each.
WAYS = {
    "words": Way(),
    "file": Way(process=_changed(
        user={"uid": 1000, "gid": 1001, "umask": 0o37}, cwd="/data/sub",
        env=["PATH=/bin:/", "FROM=file", "FROM=again"], noNewPrivileges=False, oomScoreAdj=700,
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 4096}],
        capabilities={**{k: SOME for k in ("bounding", "effective", "permitted")},
                      "inheritable": SOME[1:3], "ambient": SOME[2:3]})),
    # By itself, for Debian's runc gives groups to nobody who is rootless.
    "file-groups": Way(process=_changed(user={"uid": 1000, "gid": 1001, "additionalGids": [5, 900]})),
    "file-as-configured": Way(process=_changed()),
    "file-least": Way(process=lambda process: [
        process.pop(key, None) for key in list(process) if key not in ("args", "cwd", "user")]),
    "file-root": Way(process=_changed(
        user={"uid": 0, "gid": 0}, noNewPrivileges=True, env=["HOME=/given", "PATH=/"],
        capabilities={"bounding": SOME, "permitted": SOME[:2], "effective": SOME[:1], "inheritable": []})),
    "file-terminal": Way(process=_changed(terminal=True, consoleSize={"height": 33, "width": 77}), terminal=True),
    "user": Way(["--user", "1000:1001"]),
    "user-without-group": Way(["--user", "5"]),
    "groups": Way(["--user", "0:0", "--additional-gids", "7", "--additional-gids", "900"]),
    "capability": Way(["--cap", "CAP_NET_RAW", "--cap", "CAP_CHOWN"]),
    "capability-as-user": Way(["--user", "1000:1000", "--cap", "CAP_NET_RAW"]),
    "environment": Way(["--env", "A=1=2", "--env", "TERM=other", "--env", "HOME=/elsewhere", "--env", "EMPTY="]),
    "directory": Way(["--cwd", "/data/sub"]),
    "no-new-privileges": Way(["--no-new-privs"]),
    "descriptors": Way(["--preserve-fds", "2"], shell="exec 3<{dir}/config.json 4>{dir}/four 7</;"),
    "caller": Way(shell="umask 0007; ulimit -Sn 333; trap '' INT TERM PIPE USR1; exec 3</etc/passwd;"),
    "cgroup": Way(["--cgroup", "below"], prepare=_make_cgroup),
    "terminal": Way(["--tty"], terminal=True),
    "terminal-as-user": Way(["--tty", "--user", "1000:1000"], terminal=True),
    "detached": Way(detached=True),
}
EVERYWHERE = ("words", "file")
# Where all are tried: one configuration of each kind that matters to what exec does.
THOROUGH = (
    "base", "rootless-specification", "user-namespace", "engine-docker", "engine-podman", "namespace-only-mount",
    "capabilities-root-all-sets", "seccomp-without-no-new-privileges", "no-new-privileges-off", "namespace-no-cgroup")


# Containers in which neither crun's exec nor runc's works: nothing to compare with.
NOWHERE = {
    "mount-no-proc": "crun's exec wants a /proc in the container, and runc makes no container without",
    "mount-none-at-all": "as mount-no-proc",
    "seccomp-old-profile-unknown-to-it": "the profile keeps crun's exec from what it does, and runc's container from its start",
}


def ways_of(names, without=()):
    """Which ways are tried in which configuration: a name has the same ones whatever else is in the table."""
    dealt = [name for name in WAYS if name not in EVERYWHERE and name not in without]
    return {name: [way for way in WAYS if way not in without] if name in THOROUGH else
            [*EVERYWHERE, dealt[zlib.crc32(name.encode()) % len(dealt)]] for name in names}


def observe_exec(runtime, bundle, ways, joined=None):
    """What came of each way: leaves, or the exception. Raises CannotRun when there is no container."""
    program = bundle.process["args"]
    bundle.process["args"] = [program[0], "--wait"]
    bundle.write()
    flags = bundle.global_flags
    pid = None
    try:
        made = runtime.create(bundle.dir, bundle.id, *creation_flags(bundle), flags=flags, prefix=prefix(bundle),
                              env=bundle.env, check=False, verb=("run", "--detach"))
        if made.code != 0:
            raise CannotRun(neutral(f"run: {made.err.strip()}", runtime, bundle))
        pid = runtime.pid(bundle.dir, bundle.id)
        _wait_until_it_waits(pid)
        names = {**_own_namespaces(pid), **names_of_namespaces(joined)}
        found = {}
        for name in ways:
            try:
                found[name] = _exec(runtime, bundle, WAYS[name], program, names)
            except (CannotRun, AssertionError) as refusal:
                found[name] = refusal
        return found
    finally:
        if not pid or not _end(pid, runtime.root / bundle.id):
            runtime.discard(bundle.id)


def _wait_until_it_waits(pid):
    """`start` may return before the exec of the container's process, which can be seen until then."""
    end = time.monotonic() + TIMEOUT
    while b"--wait" not in (line := Path(f"/proc/{pid}/cmdline").read_bytes()):
        if time.monotonic() > end or "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            raise CannotRun(f"the container's process does not wait: {line}")
        time.sleep(0.002)


def _end(pid, state):
    """Kills the container, and takes away by hand what is left of it: `delete` would cost a process more."""
    space, cgroup = _pid_namespace(pid), Path(f"/proc/{pid}/cgroup").read_text().split("0::/")[-1].strip()
    os.kill(pid, signal.SIGKILL)
    # A pid namespace's first process ends last: what runtimes that gave up have left in it is ours to reap.
    if space != _pid_namespace("self"):
        for children in Path("/proc/self/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                if child != pid and _pid_namespace(child) == space:
                    reap(child)
    reap(pid)
    try:
        # Not that of a caller who could make no other.
        if state.name in cgroup:
            for directory in sorted(Path("/sys/fs/cgroup", cgroup).glob("**/"), reverse=True):
                directory.rmdir()
        shutil.rmtree(state)
    except OSError:
        return False
    return True


def _pid_namespace(pid):
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except FileNotFoundError:
        return None


def _own_namespaces(pid):
    return {os.stat(path).st_ino: f"the container's {path.name}" for path in Path(f"/proc/{pid}/ns").iterdir()
            if not path.name.endswith("_for_children")}


def _exec(runtime, bundle, way, program, names):
    if way.prepare:
        way.prepare(bundle)
    flags, words = [*way.flags], program
    if way.process:
        process = copy.deepcopy(bundle.process)
        process["args"] = program
        way.process(process)
        (bundle.dir / "process.json").write_text(json.dumps(process))
        flags, words = ["--process", bundle.dir / "process.json"], []
    shell = prefix(bundle) if not way.shell else \
        ["/bin/sh", "-c", way.shell.format(dir=bundle.dir) + ' exec "$@"', "sh"]
    call = _with_terminal if way.terminal else _detached if way.detached else _attached
    code, out, err = call(runtime, bundle, flags, words, shell)
    if code != bundle.expect_code or not out:
        raise CannotRun(neutral(f"exec: exit {code}: {err.strip() or out[-300:]}", runtime, bundle))
    own_pids = {"type": "pid"} in bundle.linux["namespaces"]
    leaves = normalise(json.loads(neutral(out, runtime, bundle)), names, own_pids)
    leaves.update({"exit": str(code), "stderr": neutral(err.strip(), runtime, bundle)})
    return leaves


def _attached(runtime, bundle, flags, words, shell):
    result = runtime("exec", *flags, bundle.id, *words, flags=bundle.global_flags, prefix=shell, env=bundle.env)
    return result.code, result.out, result.err


def _detached(runtime, bundle, flags, words, shell):
    """The process outlives the runtime, and becomes our child."""
    pid_file, out, err = (bundle.dir / f"exec.{n}" for n in ("pid", "out", "err"))
    with open(out, "wb") as stdout, open(err, "wb") as stderr, open(bundle.dir / "stdin", "rb") as stdin:
        command = [*shell, *runtime.command("exec", "--detach", "--pid-file", pid_file, *flags, bundle.id, *words)]
        try:
            code = subprocess.run(command, stdin=stdin, stdout=stdout, stderr=stderr, env=runtime.environment,
                                  timeout=TIMEOUT).returncode
        except subprocess.TimeoutExpired as late:
            raise AssertionError(str(late)) from None
    if code == 0:
        code = reap(int(pid_file.read_text()))
    return code, out.read_text(), err.read_text()


def _with_terminal(runtime, bundle, flags, words, shell):
    pid_file, path = bundle.dir / "exec.pid", bundle.dir / "s"
    text = b""
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(bundle.dir, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/s")
        os.close(here)
        path.chmod(0o777)
        listener.listen()
        listener.settimeout(TIMEOUT)
        try:
            result = runtime("exec", "--detach", "--console-socket", path, "--pid-file", pid_file, *flags, bundle.id, *words,
                             flags=bundle.global_flags, prefix=shell, env=bundle.env)
            if result.code != 0:
                return result.code, "", result.err
            with listener.accept()[0] as connection:
                _, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        finally:
            path.unlink()
    try:
        while chunk := os.read(fds[0], 65536):
            text += chunk
    except OSError:  # EIO: nobody has the other end any more
        pass
    os.close(fds[0])
    return reap(int(pid_file.read_text())), text.decode("utf-8", "replace").replace("\r\n", "\n"), result.err
