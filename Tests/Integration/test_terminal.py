"""A person at a terminal: `run` and `exec -t` in the foreground, driven through a pty."""

import array
import fcntl
import os
import pty
import select
import signal
import socket
import subprocess
import termios
import time

import pytest
from harness.runtime import ENVIRONMENT, reap


class Session:
    """A command with a terminal of its own, at whose other end the test sits."""

    def __init__(self, command, rows=24, columns=80, stdin=None, stdout=None):
        self.master, self.peer = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.peer)
        self.text = ""
        self.process = subprocess.Popen(
            command, stdin=self.peer if stdin is None else stdin, stdout=self.peer if stdout is None else stdout,
            stderr=self.peer, env=ENVIRONMENT, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(self.peer, termios.TIOCSCTTY, 0))

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, array.array("H", [rows, columns, 0, 0]))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, words, seconds=15):
        end = time.monotonic() + seconds
        while words not in self.text:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {words!r} in {self.text!r}"
            self.text += os.read(self.master, 4096).decode("utf-8", "replace")
        before, self.text = self.text.split(words, 1)
        return before

    def press(self, keys, words, seconds=20):
        """Types until the words come: a key may be too early for the job that it is meant for."""
        end = time.monotonic() + seconds
        while True:
            self.type(keys)
            try:
                return self.expect(words, 0.5)
            except AssertionError:
                assert time.monotonic() < end, f"no {words!r} in {self.text!r}"

    def end(self, seconds=15):
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.02)[0]:
                self.text += os.read(self.master, 4096).decode("utf-8", "replace")
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 4096).decode("utf-8", "replace")
        assert self.process.poll() is not None, f"it goes on: {self.text!r}"
        return self.process.returncode

    def is_as_before(self):
        return termios.tcgetattr(self.peer) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.peer)


@pytest.fixture
def open_session(runtime, bundle):
    """Gives a function that opens a shell at a terminal: as the container's own process, or by exec."""
    bundle.busybox("sh", "stty", "sleep", "cat", "tty", "ps", "id", "ls", "kill", "yes", "head")
    sessions, pids = [], []

    def open_one(how, *words, **more):
        if how == "run":
            bundle.process.update(terminal=True, args=list(words or ["/bin/sh"]))
            bundle.write()
            command = runtime.command("run", "--bundle", bundle.dir, bundle.id)
        else:
            if not pids:
                bundle.process["args"] = ["/bin/sleep", "1000"]
                bundle.write()
                runtime.create(bundle.dir, bundle.id)
                pids.append(runtime.pid(bundle.dir, bundle.id))
                runtime("start", bundle.id, check=True)
            command = runtime.command("exec", "-t", bundle.id, *(words or ["/bin/sh"]))
        sessions.append(Session(command, **more))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()
    runtime.discard(bundle.id)
    for pid in pids:
        reap(pid)


both = pytest.mark.parametrize("how", ["run", "exec"])


@both
def test_shell(open_session, how):
    session = open_session(how)
    session.expect("# ")
    session.type("echo $((6*7)); tty\n")
    assert "echo $((6*7)); tty" in session.expect("42\r\n"), "what is typed is echoed once"
    session.expect("/dev/pts/0")
    session.type("exit 5\n")
    assert session.end() == 5 and session.is_as_before()


@both
def test_terminal_is_the_users(open_session, bundle, how):
    """Whoever the process is, it may open its terminal again by name."""
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.user_namespace()
    session = open_session(how, "/bin/sh", "-c", "id -u; echo again >/dev/pts/0; echo err >/dev/stderr; ls -ln /dev/pts/0")
    session.expect("1000")
    session.expect("again")
    session.expect("err")
    assert session.end() == 0, session.text


@both
def test_size_follows_the_callers(open_session, how):
    session = open_session(how, rows=30, columns=100)
    session.expect("# ")
    session.type("stty size\n")
    session.expect("30 100")
    session.resize(41, 123)
    session.press("stty size\n", "41 123")
    session.type("exit\n")
    assert session.end() == 0


@both
def test_interrupt_key_ends_the_foreground_job_only(open_session, how):
    session = open_session(how)
    session.expect("# ")
    session.type("sleep 1000\n")
    session.expect("sleep 1000\r\n")
    session.press("\x03", "# ")
    session.press("echo $((40+2))\n", "42\r\n")
    session.type("exit 3\n")
    assert session.end() == 3 and session.is_as_before()


@both
def test_stop_key_is_the_shells(open_session, how):
    session = open_session(how)
    session.expect("# ")
    session.type("sleep 1000\n")
    session.expect("sleep 1000\r\n")
    session.press("\x1a", "Stopped")
    session.press("kill -9 %1\n", "Killed")
    session.type("exit 4\n")
    assert session.end() == 4


@both
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_terminal_is_restored_after_a_signal_to_the_runtime(open_session, how, number):
    session = open_session(how, "/bin/sh", "-c", "trap 'exit 6' TERM HUP INT; echo ready; while :; do sleep 0.05; done")
    session.expect("ready")
    assert not session.is_as_before(), "it should be raw by now"
    session.process.send_signal(number)
    assert session.end() == 6 and session.is_as_before()


@both
def test_killed_process(open_session, how):
    session = open_session(how, "/bin/sh", "-c", "kill -KILL $$" if how == "exec" else "exec 2>&1; exit 137")
    assert session.end() == 137 and session.is_as_before()


@both
def test_nothing_is_lost_at_the_end(open_session, how):
    session = open_session(how, "/bin/sh", "-c", "yes 0123456789abcdef | head -n 20000; echo last")
    assert session.end(60) == 0
    assert session.text.count("0123456789abcdef\r\n") == 20000 and session.text.endswith("last\r\n")


@both
def test_input_from_a_pipe(open_session, how):
    """As in a script: `echo ... | apus exec -t`. The output is a terminal's all the same."""
    reader, writer = os.pipe()
    session = open_session(how, stdin=reader)
    os.close(reader)
    os.write(writer, b"tty; exit 8\n")
    session.expect("/dev/pts/0")
    assert session.end() == 8 and session.is_as_before()
    os.close(writer)


@both
def test_much_input_that_nobody_reads(open_session, how):
    session = open_session(how, "/bin/sh", "-c", "stty raw -echo; echo ready; sleep 1; exit 2")
    session.expect("ready")
    os.set_blocking(session.master, False)
    try:
        for _ in range(1000):
            os.write(session.master, b"x" * 1000)
    except BlockingIOError:
        pass
    assert session.end() == 2


def test_configured_size(runtime, bundle):
    """consoleSize counts where no caller's terminal has one."""
    bundle.busybox("sh", "stty")
    bundle.process.update(terminal=True, consoleSize={"height": 33, "width": 77})
    bundle.sh("stty size >/size")
    bundle.write()
    path = str(bundle.dir / "console.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        runtime.create(bundle.dir, bundle.id, "--console-socket", path)
        with listener.accept()[0] as connection:
            name, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        pid = runtime.pid(bundle.dir, bundle.id)
        runtime("start", bundle.id, check=True)
        reap(pid)
        os.close(fds[0])
    assert name and (bundle.rootfs / "size").read_text() == "33 77\n"
    runtime("delete", bundle.id, check=True)


def test_exec_with_a_console_socket(runtime, bundle):
    bundle.busybox("sh", "sleep", "tty")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    # Longer than the name of a socket can be.
    directory = bundle.dir / ("d" * 120)
    directory.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(directory, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/s")
        listener.listen()
        os.close(here)
        pid_file = bundle.dir / "exec.pid"
        runtime("exec", "-d", "-t", "--console-socket", directory / "s", "--pid-file", pid_file, bundle.id,
                "sh", "-c", "tty; read x; echo got $x; exit 3", check=True)
        with listener.accept()[0] as connection:
            _, fds, _, _ = socket.recv_fds(connection, 4096, 1)
    os.write(fds[0], b"hello\n")
    text = b""
    try:
        while True:
            text += os.read(fds[0], 4096)
    except OSError:
        pass  # EIO: the process has ended
    os.close(fds[0])
    assert b"/dev/pts/0" in text and b"got hello" in text
    assert reap(int(pid_file.read_text())) == 3
    runtime("delete", "--force", bundle.id)
    reap(pid)


@pytest.mark.parametrize("flags, words", [
    (["-d", "-t"], "cannot allocate tty if runc will detach without setting console socket"),
    (["-t", "--console-socket", "/nosuch"], "cannot use console socket if runc will not detach or allocate tty"),
    (["-d", "--console-socket", "/nosuch"], "cannot use console socket if runc will not detach or allocate tty"),
    (["-d", "-t", "--console-socket", "/nosuch"], "/nosuch")])
def test_what_cannot_be_combined(runtime, bundle, flags, words):
    bundle.busybox("sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    result = runtime("exec", *flags, bundle.id, "/bin/sh")
    assert result.code == 255 and words in result.err, result
    runtime("delete", "--force", bundle.id)
    reap(pid)


@pytest.mark.parametrize("hooked", [False, True])
def test_pidfd_is_handed_over_once(runtime, bundle, hooked):
    """However often the runtime notes the state meanwhile: the listener takes one connection."""
    bundle.sh("exit 4")
    if hooked:
        bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    bundle.write()
    path = str(bundle.dir / "pidfd.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert runtime("run", "--bundle", bundle.dir, "--pidfd-socket", path, bundle.id).code == 4
        listener.settimeout(0)
        with listener.accept()[0] as connection:
            name, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        assert name == b"standard"
        os.close(fds[0])
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("verb", ["create", "exec"])
def test_pidfd_socket(runtime, bundle, verb):
    bundle.busybox("sh", "sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    path = str(bundle.dir / "pidfd.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        runtime.create(bundle.dir, bundle.id, *(["--pidfd-socket", path] if verb == "create" else []))
        pid = runtime.pid(bundle.dir, bundle.id)
        if verb == "exec":
            runtime("start", bundle.id, check=True)
            file = bundle.dir / "exec.pid"
            subprocess.run(runtime.command("exec", "-d", "--pid-file", file, "--pidfd-socket", path, bundle.id, "/bin/sleep", "50"),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with listener.accept()[0] as connection:
            name, fds, _, _ = socket.recv_fds(connection, 4096, 1)
    with open(f"/proc/self/fdinfo/{fds[0]}") as info:
        fields = dict(line.split(":", 1) for line in info)
    expected = pid if verb == "create" else int(file.read_text())
    assert int(fields["Pid"]) == expected and name == {"create": b"standard", "exec": b"setns"}[verb]
    os.close(fds[0])
    if verb == "exec":
        os.kill(expected, signal.SIGKILL)
        reap(expected)
    runtime("delete", "--force", bundle.id)
    reap(pid)
