"""The monitor of a pod, spoken to as the CRI daemon does."""

import ctypes
import os
import resource
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest
from harness import monitor as m
from harness.monitor import Client, Failed, Monitor, lines, wait_for
from harness.runtime import Runtime


@pytest.fixture
def make_monitor(subject_path, tmp_path):
    made = []

    def make(*arguments):
        made.append(Monitor(subject_path, tmp_path / f"pod{len(made)}", *arguments))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def monitor(make_monitor):
    return make_monitor()


@pytest.fixture(params=["apus", "crun"])
def engine(request, subject_path, workplace, reference):
    """Both a runtime of ours and another."""
    if request.param == "crun":
        yield reference("crun")
        return
    runtime = Runtime("apus", subject_path, workplace / f"root-monitor-{os.getpid()}")
    yield runtime
    for directory in runtime.root.glob("*") if runtime.root.exists() else ():
        runtime.discard(directory.name)


def create(monitor, runtime, bundle, **more):
    log = monitor.dir / f"{bundle.id}.log"
    pid_file = monitor.dir / f"{bundle.id}.pid"
    bundle.write()
    flags = ["--console-socket", more["console"]] if more.get("console") else []
    pid = monitor.client.create(
        bundle.id, runtime.command("create", "--bundle", bundle.dir, "--pid-file", pid_file, *flags, bundle.id),
        pid_file, log=log, **more)
    return pid, log


def start(monitor, runtime, bundle):
    outcome = monitor.client.run(*runtime.command("start", bundle.id))
    assert outcome["status"] == 0, outcome


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def has_ended(pid):
    wait_for(lambda: not alive(pid))


class TestStart:
    def test_it_is_nobodys_child(self, monitor):
        status = Path(f"/proc/{monitor.pid}/status").read_text()
        assert f"PPid:\t{os.getpid()}\n" in status or "PPid:\t1\n" in status  # the tests are a subreaper
        assert os.getsid(monitor.pid) != os.getsid(0)
        assert os.stat(monitor.socket).st_mode & 0o777 == 0o600
        assert {os.readlink(f"/proc/{monitor.pid}/fd/{n}") for n in range(3)} == {"/dev/null"}
        assert os.readlink(f"/proc/{monitor.pid}/cwd") == "/"
        assert monitor.client.version == 1

    def test_errors_are_told(self, subject_path, tmp_path):
        def fails(*arguments):
            result = subprocess.run([subject_path, "pod-monitor", *map(str, arguments)], capture_output=True, text=True)
            assert result.returncode == 1 and result.stdout == ""
            return result.stderr

        assert fails() == "apus pod-monitor: --socket is missing\n"
        assert fails("--socket", "x") == "apus pod-monitor: --socket: \"x\" is no absolute path\n"
        assert fails("--socket", "/x", "--more") == "apus pod-monitor: unknown argument \"--more\"\n"
        assert "no such file" in fails("--socket", tmp_path / "no/s", "--state", tmp_path)
        text = fails("--socket", tmp_path / "s.sock", "--state", tmp_path, "--cgroup", tmp_path / "none")
        assert "none/cgroup.procs" in text and "ENOENT" in text
        assert not (tmp_path / "s.sock").exists()

    def test_it_is_in_no_list(self, subject_path):
        assert "pod-monitor" not in subprocess.run([subject_path, "--help"], capture_output=True, text=True).stdout

    def test_a_second_one_does_not_take_the_socket(self, monitor, subject_path):
        result = subprocess.run([subject_path, "pod-monitor", "--socket", monitor.socket, "--state", monitor.dir],
                                capture_output=True, text=True)
        assert result.returncode == 1 and "EADDRINUSE" in result.stderr
        assert Client(monitor.socket).pid == monitor.pid

    def test_a_socket_that_was_left_is_replaced(self, monitor, subject_path):
        os.kill(monitor.pid, signal.SIGKILL)
        has_ended(monitor.pid)
        result = subprocess.run([subject_path, "pod-monitor", "--socket", monitor.socket, "--state", monitor.dir])
        assert result.returncode == 0
        client = Client(monitor.socket)
        assert client.pid != monitor.pid
        client.shutdown()

    def test_its_cgroup(self, make_monitor):
        cgroup = Path("/sys/fs/cgroup/apus-test/monitor")
        cgroup.mkdir(parents=True)
        try:
            monitor = make_monitor("--cgroup", cgroup)
            assert str(monitor.pid) in (cgroup / "cgroup.procs").read_text().split()
            monitor.end()
        finally:
            wait_for(lambda: not (cgroup / "cgroup.procs").read_text())
            cgroup.rmdir()

    def test_signals(self, monitor, runtime, bundle):
        bundle.busybox("sleep")
        bundle.process["args"] = ["/bin/sleep", "60"]
        create(monitor, runtime, bundle)
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM, signal.SIGINT):
            os.kill(monitor.pid, number)
        assert list(monitor.client.list()) == [bundle.id]
        monitor.client.kill(bundle.id, signal.SIGKILL)
        monitor.client.wait(bundle.id)
        os.kill(monitor.pid, signal.SIGTERM)
        has_ended(monitor.pid)
        assert not monitor.socket.exists()


    def test_the_daemon_makes_its_directory(self, subject_path, tmp_path):
        """One that is gone is that of a pod which is being removed."""
        result = subprocess.run([subject_path, "pod-monitor", "--socket", tmp_path / "s", "--state", tmp_path / "gone"],
                                capture_output=True, text=True)
        assert result.returncode == 1 and "gone/exits" in result.stderr
        assert os.listdir(tmp_path) == []


class TestWant:
    """What is short is short for one request: the monitor stays, and the pod with it."""

    def test_of_descriptors(self, monitor):
        limits = resource.prlimit(monitor.pid, resource.RLIMIT_NOFILE)
        used = {int(n) for n in os.listdir(f"/proc/{monitor.pid}/fd")}
        resource.prlimit(monitor.pid, resource.RLIMIT_NOFILE, (min(set(range(1000)) - used), limits[1]))
        waiting = Client(monitor.socket, greet=False)
        number = waiting.post(m.HELLO, m.word(1))
        for ask in (lambda: monitor.client.run("/bin/true"), lambda: monitor.client.create("c", ["/bin/true"], monitor.dir / "p")):
            with pytest.raises(Failed) as refusal:
                ask()
            assert (refusal.value.kind, refusal.value.errno) == ("system", 24)
        assert monitor.client.list() == {}
        ticks = lambda: sum(map(int, Path(f"/proc/{monitor.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        before = ticks()
        time.sleep(1)
        assert ticks() - before < 20  # of a hundred: it does not look for who waits all the time
        resource.prlimit(monitor.pid, resource.RLIMIT_NOFILE, limits)
        assert waiting.reply(number)[1] == monitor.pid
        assert waiting.run("/bin/true")["status"] == 0

    def test_of_one_descriptor_at_a_time(self, monitor):
        """Whichever is the one too many: a runtime is known, or there is none."""
        hard = resource.prlimit(monitor.pid, resource.RLIMIT_NOFILE)[1]
        free = sorted(set(range(1000)) - {int(n) for n in os.listdir(f"/proc/{monitor.pid}/fd")})
        children = lambda: Path(f"/proc/{monitor.pid}/task/{monitor.pid}/children").read_text().split()
        outcomes = []
        for most in free[:12]:
            resource.prlimit(monitor.pid, resource.RLIMIT_NOFILE, (most, hard))
            number = monitor.client.post(m.RUN, m.command(["/bin/sleep", "60"]))
            monitor.client.list()  # answered after what is refused at once
            outcomes.append(number not in monitor.client.replies)
            assert len(children()) == outcomes[-1]
            if outcomes[-1]:
                monitor.client.ask(m.CANCEL, m.word(number))
            with pytest.raises(Failed) as refusal:
                monitor.client.reply(number)
            assert refusal.value.kind == ("cancelled" if outcomes[-1] else "system")
        assert set(outcomes) == {False, True}

    @staticmethod
    def without_room(pid):
        """epoll_ctl(2) fails for a thread from now on, as in a kernel at its limit of watches."""
        tracer = subprocess.Popen(["strace", "--quiet=exit", "--output=/dev/null", f"--attach={pid}", "--trace=epoll_ctl",
                                   "--inject=epoll_ctl:error=ENOSPC"], stderr=subprocess.PIPE)
        assert b"attached" in tracer.stderr.readline()
        return tracer

    def test_of_watches_for_a_runtime(self, monitor):
        mark = monitor.dir / "mark"
        tracer = self.without_room(monitor.pid)
        try:
            for ask in (lambda *c: monitor.client.run(*c), lambda *c: monitor.client.create("c", list(c), monitor.dir / "p")):
                with pytest.raises(Failed) as refusal:
                    ask("/bin/sh", "-c", f"touch {mark}")
                assert refusal.value.errno == 28
            assert monitor.client.list() == {}
        finally:
            tracer.kill()
            tracer.wait()
        # Nothing is left running that nobody knows of, and no second answer comes.
        assert not mark.exists() and monitor.client.replies == {}
        assert monitor.client.run("/bin/true")["status"] == 0

    def test_of_watches_for_a_log(self, monitor, runtime, make_bundle):
        bundle, second_bundle = make_bundle(), make_bundle()
        bundle.sh("read line")
        create(monitor, runtime, bundle, keeps_input=True)
        thread = next(n for n in os.listdir(f"/proc/{monitor.pid}/task") if int(n) != monitor.pid)
        tracer = self.without_room(thread)
        try:
            second_bundle.busybox("sleep")
            second_bundle.sh("echo one; sleep 0.3; echo two")
            _, log = create(monitor, runtime, second_bundle)
            start(monitor, runtime, second_bundle)
            assert monitor.client.wait(second_bundle.id)["code"] == 0
            assert lines(log) == [("stdout", "F", b"one"), ("stdout", "F", b"two")]
        finally:
            tracer.kill()
            tracer.wait()
        assert set(monitor.client.list()) == {bundle.id, second_bundle.id}


class TestMessages:
    def test_hello_comes_first(self, monitor):
        client = Client(monitor.socket, greet=False)
        with pytest.raises(Failed, match="hello has to come first"):
            client.list()
        assert client.ask(m.HELLO, m.word(99))[0] == 1
        assert client.list() == {}

    def test_what_is_malformed_is_refused(self, monitor):
        client = monitor.client
        for kind, body, words in [
            (200, b"", "no request has the number 200"), (m.LIST, b"x", "1 bytes too many"),
            (m.WAIT, m.text("../x"), "no container's ID"), (m.RUN, m.command(["true"]), "absolute path"),
            (m.RUN, b"\xff\xff\xff\xff", "do not fit"),
        ]:
            with pytest.raises(Failed, match=words) as refusal:
                client.ask(kind, body)
            assert refusal.value.kind == "malformed"
        with pytest.raises(Failed, match="140.* bytes, and 131072 is the limit"):
            client.ask(m.RUN, m.command(["/bin/true", "x" * 140000]))
        assert client.list() == {}

    def test_noise(self, monitor):
        client = Client(monitor.socket)
        for count in range(300):
            noise = os.urandom(1 + count)
            client.socket.send(noise)
        other = Client(monitor.socket)
        assert other.list() == {}
        assert monitor.is_alive()

    def test_a_foreign_user_is_turned_away(self, monitor):
        for directory in (monitor.dir, *monitor.dir.parents):
            mode = directory.stat().st_mode
            # pytest's own, which nobody else may pass through; /tmp and what is above are not ours.
            if not mode & 0o001:
                directory.chmod(mode & 0o7777 | 0o011)
        os.chmod(monitor.socket, 0o666)
        code = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
                f"s.connect({str(monitor.socket)!r}); s.settimeout(5)\n"
                "try:\n s.send(bytes([1,1,0,0,0,1,0,0,0])); print(len(s.recv(100)))\n"
                "except OSError as e: print(e.errno)")
        out = subprocess.run(["python3", "-c", code], capture_output=True, text=True, user=65534).stdout.strip()
        assert out in ("0", "32", "104")

    def test_one_who_does_not_listen(self, monitor):
        deaf, other = Client(monitor.socket), Client(monitor.socket)
        deaf.socket.setblocking(False)
        try:
            for _ in range(20000):
                deaf.post(m.RUN, m.command(["relative"]))
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass
        assert other.list() == {}


class TestContainers:
    def test_a_life(self, monitor, engine, bundle):
        bundle.sh("echo out; echo err >&2; printf part; exit 7")
        monitor.client.ask(m.SUBSCRIBE)
        pid, log = create(monitor, engine, bundle)
        assert monitor.client.list() == {bundle.id: {"pid": pid, "exit": None}}
        assert lines(log) == []
        before = time.time()
        start(monitor, engine, bundle)
        event = monitor.client.event()
        assert (event["id"], event["pid"], event["code"], event["signal"]) == (bundle.id, pid, 7, 0)
        assert before <= event["time"] <= time.time()
        # The record is there before the event, and so is all of the log.
        record = monitor.exit_record(bundle.id)
        assert (record["id"], record["pid"], record["exitCode"], record["signal"]) == (bundle.id, pid, 7, 0)
        found = lines(log)
        assert [line for line in found if line[0] == "stdout"] == [("stdout", "F", b"out"), ("stdout", "P", b"part")]
        assert ("stderr", "F", b"err") in found
        assert os.stat(log).st_mode & 0o777 == 0o640
        assert monitor.client.wait(bundle.id) == event
        assert monitor.client.list()[bundle.id]["exit"] == event
        assert monitor.client.run(*engine.command("delete", bundle.id))["status"] == 0
        monitor.client.named(m.FORGET, bundle.id)
        assert monitor.client.list() == {}
        assert not (monitor.state / "exits" / bundle.id).exists()

    def test_killed(self, monitor, runtime, bundle):
        bundle.busybox("sleep")
        bundle.process["args"] = ["/bin/sleep", "60"]
        create(monitor, runtime, bundle)
        start(monitor, runtime, bundle)
        waiting = monitor.client.post(m.WAIT, m.text(bundle.id))
        with pytest.raises(Failed, match="has not ended"):
            monitor.client.named(m.FORGET, bundle.id)
        with pytest.raises(Failed, match="1 containers and 0 other"):
            monitor.client.shutdown()
        monitor.client.kill(bundle.id, signal.SIGKILL)
        end = monitor.client.reply(waiting)
        assert (end["code"], end["signal"]) == (137, 9)
        with pytest.raises(Failed) as refusal:
            monitor.client.kill(bundle.id, signal.SIGKILL)
        assert refusal.value.errno == 3

    def test_what_fails_is_told(self, monitor, engine, bundle):
        bundle.process["args"] = ["/not-there"]
        with pytest.raises(Failed, match="not-there") as refusal:
            create(monitor, engine, bundle)
            monitor.client.run(*engine.command("start", bundle.id))
        assert refusal.value.kind == "runtime" and refusal.value.status == 1
        assert monitor.client.list() == {}

    def test_its_log_says_why(self, monitor, runtime, bundle):
        (monitor.dir / "r.log").write_text("x" * 100000 + "\nthe end\n")
        with pytest.raises(Failed) as refusal:
            monitor.client.create("c", ["/bin/false"], monitor.dir / "p", runtime_log=monitor.dir / "r.log")
        assert refusal.value.text.endswith("x\nthe end") and len(refusal.value.text) == 65535

    def test_a_program_that_is_not_there(self, monitor):
        with pytest.raises(Failed, match="exec /no/runtime") as refusal:
            monitor.client.create("c", ["/no/runtime"], monitor.dir / "p")
        assert refusal.value.kind == "system" and refusal.value.errno == 2

    def test_no_pid(self, monitor):
        with pytest.raises(Failed, match="has left no pid"):
            monitor.client.create("c", ["/bin/true"], monitor.dir / "p")
        with pytest.raises(Failed, match="not the monitor's to wait for"):
            monitor.client.create("c", ["/bin/sh", "-c", f"printf 1 > {monitor.dir}/p"], monitor.dir / "p")

    def test_a_runtime_that_hangs(self, monitor):
        began = time.monotonic()
        with pytest.raises(Failed, match="create c: timed out: busy") as refusal:
            monitor.client.create("c", ["/bin/sh", "-c", "echo busy >&2; exec sleep 60"], monitor.dir / "p", limit=300)
        assert refusal.value.kind == "timedOut" and 0.25 < time.monotonic() - began < 5

    def test_one_of_a_name(self, monitor, runtime, bundle):
        bundle.sh("exit 0")
        create(monitor, runtime, bundle)
        with pytest.raises(Failed) as refusal:
            create(monitor, runtime, bundle)
        assert refusal.value.kind == "containerExists"

    def test_the_daemon_is_killed(self, monitor, runtime, bundle):
        bundle.sh("read line; echo got $line; exit 3")
        create(monitor, runtime, bundle, keeps_input=True)
        start(monitor, runtime, bundle)
        monitor.client.close()
        client = Client(monitor.socket)
        assert client.list()[bundle.id]["exit"] is None
        client.named(m.CLOSE_INPUT, bundle.id)
        assert client.wait(bundle.id)["code"] == 3
        assert monitor.exit_record(bundle.id)["exitCode"] == 3

    def test_no_input(self, monitor, engine, bundle):
        """Its null device is nobody else's: runtimes give it to the container's user."""
        bundle.sh("cat; cat < /proc/self/fd/0; echo $?; exit 0")
        bundle.busybox("cat")
        host = os.stat("/dev/null")
        pid, log = create(monitor, engine, bundle)
        null = os.stat(f"/proc/{pid}/fd/0")
        start(monitor, engine, bundle)
        monitor.client.wait(bundle.id)
        assert lines(log) == [("stdout", "F", b"0")]
        if engine.name != "apus":  # whose init has none of these yet
            assert null.st_rdev == host.st_rdev and (null.st_dev, null.st_ino) != (host.st_dev, host.st_ino)

    def test_one_that_is_being_made(self, monitor):
        number = monitor.client.post_create("c", ["/bin/sh", "-c", "echo stop >&2; exec sleep 60"], monitor.dir / "p", limit=1000)
        for ask in (lambda: monitor.client.kill("c", 9), lambda: monitor.client.named(m.FORGET, "c")):
            with pytest.raises(Failed, match="is being made") as refusal:
                ask()
            assert refusal.value.kind == "busy"
        with pytest.raises(Failed, match="timed out"):
            monitor.client.reply(number)
        with pytest.raises(Failed) as refusal:
            monitor.client.kill("c", 9)
        assert refusal.value.kind == "unknownContainer"

    def test_a_terminal(self, monitor, engine, bundle):
        bundle.process["terminal"] = True
        bundle.busybox("stty", "sleep")
        bundle.sh("until [ \"$(stty size)\" = '33 111' ]; do sleep 0.05; done; stty size; exit 5")
        _, log = create(monitor, engine, bundle, console=monitor.dir / "console.sock")
        assert not (monitor.dir / "console.sock").exists()
        start(monitor, engine, bundle)
        assert monitor.client.list()[bundle.id]["exit"] is None, log.read_text()
        monitor.client.named(m.RESIZE, bundle.id, m.word(33) + m.word(111))
        end = monitor.client.wait(bundle.id)
        assert end["code"] == 5, (end, log.read_text())
        assert lines(log)[-1] == ("stdout", "F", b"33 111\r")
        with pytest.raises(Failed, match="no terminal"):
            monitor.client.named(m.RESIZE, bundle.id, m.word(33) + m.word(111))

    def test_a_terminal_that_is_closed_for_a_moment(self, monitor, engine, bundle):
        bundle.process["terminal"] = True
        bundle.busybox("sleep")
        bundle.sh("echo before; exec </dev/null >/dev/null 2>&1; sleep 0.5; exec >/dev/console; echo after; exit 5")
        _, log = create(monitor, engine, bundle, console=monitor.dir / "console.sock")
        start(monitor, engine, bundle)
        assert monitor.client.wait(bundle.id)["code"] == 5
        assert lines(log) == [("stdout", "F", b"before\r"), ("stdout", "F", b"after\r")]

    def test_pods_processes_are_reaped(self, monitor):
        # More at once than are taken in one go.
        monitor.client.run("/bin/sh", "-c", "i=0; while [ $i -lt 300 ]; do (sleep 0.3 & ); i=$((i + 1)); done")
        wait_for(lambda: not Path(f"/proc/{monitor.pid}/task/{monitor.pid}/children").read_text())
        assert not [p for p in Path("/proc").glob("[0-9]*/stat")
                    if f") Z {monitor.pid} " in p.read_text(errors="replace")]


class TestCommands:
    def test_outcome(self, monitor):
        outcome = monitor.client.run("/bin/sh", "-c", "echo out; echo err >&2; exit 4")
        assert outcome == {"status": 4, "signal": 0, "timed_out": False, "out": b"out\n", "err": b"err\n"}
        outcome = monitor.client.run("/bin/sh", "-c", "kill -9 $$")
        assert (outcome["status"], outcome["signal"]) == (137, 9)

    def test_the_end_of_much(self, monitor):
        outcome = monitor.client.run("/bin/sh", "-c", "seq 1 100000; seq 1 100000 >&2")
        assert len(outcome["out"]) == 60 << 10 and outcome["out"].endswith(b"99999\n100000\n")
        assert len(outcome["err"]) == 64 << 10 and outcome["err"].endswith(b"99999\n100000\n")

    def test_at_once(self, monitor):
        """The first ends only by the last."""
        fifo = monitor.dir / "fifo"
        os.mkfifo(fifo)
        first = monitor.client.post(m.RUN, m.command(["/bin/cat", str(fifo)]))
        for _ in range(5):
            assert monitor.client.run("/bin/true")["status"] == 0
        assert monitor.client.run("/bin/sh", "-c", f"echo last >{fifo}")["status"] == 0
        assert monitor.client.reply(first)["out"] == b"last\n"

    def test_time_limit_and_cancel(self, monitor):
        outcome = monitor.client.run("/bin/sleep", "60", limit=200)
        assert outcome["timed_out"] and outcome["signal"] == 9
        number = monitor.client.post(m.RUN, m.command(["/bin/sleep", "60"]))
        monitor.client.ask(m.CANCEL, m.word(number))
        with pytest.raises(Failed) as refusal:
            monitor.client.reply(number)
        assert refusal.value.kind == "cancelled"
        with pytest.raises(Failed, match="runs nothing"):
            monitor.client.ask(m.CANCEL, m.word(number))

    def test_descendants_that_hold_the_pipe(self, monitor):
        began = time.monotonic()
        pid = int(monitor.client.run("/bin/sh", "-c", "sleep 60 & echo $!")["out"])
        assert time.monotonic() - began < 20
        os.kill(pid, signal.SIGKILL)


class TestExec:
    @pytest.fixture
    def running(self, monitor, engine, bundle):
        bundle.busybox("sleep", "cat", "sh")
        bundle.process["args"] = ["/bin/sleep", "60"]
        create(monitor, engine, bundle)
        start(monitor, engine, bundle)
        self.monitor, self.engine, self.bundle = monitor, engine, bundle
        return self

    def post(self, script, descriptors=(), limit=0, client=None):
        pid_file = self.monitor.dir / "exec.pid"
        return (client or self.monitor.client).post_exec(
            self.engine.command("exec", "--detach", "--pid-file", pid_file, self.bundle.id, "/bin/sh", "-c", script),
            pid_file, descriptors, limit)

    def test_streams_and_status(self, running):
        (in_read, in_write), (out_read, out_write), (err_read, err_write) = os.pipe(), os.pipe(), os.pipe()
        number = running.post("cat; echo err >&2; exit 9", (in_read, out_write, err_write))
        for descriptor in (in_read, out_write, err_write):
            os.close(descriptor)
        os.write(in_write, b"hello")
        os.close(in_write)
        assert running.monitor.client.reply(number)["code"] == 9
        assert os.read(out_read, 100) == b"hello" and os.read(out_read, 100) == b""
        assert os.read(err_read, 100) == b"err\n"
        assert not (running.monitor.dir / "exec.pid").exists()
        os.close(out_read), os.close(err_read)

    def test_time_limit(self, running):
        began = time.monotonic()
        with pytest.raises(Failed) as refusal:
            running.monitor.client.reply(running.post("echo $$ > /pid; exec sleep 60", limit=1500))
        assert refusal.value.kind == "timedOut" and 1.4 < time.monotonic() - began < 8

    def test_who_asked_is_gone(self, running):
        client = Client(running.monitor.socket)
        running.post("exec sleep 61", client=client)
        children = lambda: subprocess.run(["pgrep", "-P", str(running.monitor.pid), "-f", "sleep 61"],
                                          capture_output=True, text=True).stdout.split()
        pids = wait_for(children)
        client.close()
        for pid in pids:
            has_ended(pid)

    def test_cancel(self, running):
        number = running.post("exec sleep 60")
        running.monitor.client.ask(m.CANCEL, m.word(number))
        with pytest.raises(Failed) as refusal:
            running.monitor.client.reply(number)
        assert refusal.value.kind == "cancelled"

    def test_what_fails(self, running):
        read, write = os.pipe()
        pid_file = running.monitor.dir / "exec.pid"
        number = running.monitor.client.post_exec(
            running.engine.command("exec", "--detach", "--pid-file", pid_file, running.bundle.id, "/no"), pid_file,
            (read, write, write))
        with pytest.raises(Failed) as refusal:
            running.monitor.client.reply(number)
        assert refusal.value.kind == "runtime" and refusal.value.status != 0
        os.close(write)
        assert b"/no" in os.read(read, 1000)
        os.close(read)

    def test_many(self, running):
        numbers = []
        for index in range(20):
            pid_file = running.monitor.dir / f"exec{index}.pid"
            numbers.append((index, running.monitor.client.post_exec(
                running.engine.command("exec", "--detach", "--pid-file", pid_file, running.bundle.id,
                                       "/bin/sh", "-c", f"exit {index}"), pid_file)))
        for index, number in numbers:
            assert running.monitor.client.reply(number)["code"] == index


class TestLog:
    def run(self, monitor, runtime, bundle, script):
        bundle.sh(script)
        _, log = create(monitor, runtime, bundle)
        start(monitor, runtime, bundle)
        return log, monitor.client.wait(bundle.id, 60)

    def test_long_lines(self, monitor, runtime, bundle):
        bundle.busybox("head", "tr", "cat")
        (bundle.rootfs / "long").write_bytes(b"a" * 16384 + b"\n" + b"b" * 16385 + b"\n" + b"c" * 40000)
        log, _ = self.run(monitor, runtime, bundle, "cat /long")
        assert lines(log) == [
            ("stdout", "F", b"a" * 16384), ("stdout", "P", b"b" * 16384), ("stdout", "F", b"b"),
            ("stdout", "P", b"c" * 16384), ("stdout", "P", b"c" * 16384), ("stdout", "P", b"c" * 7232)]

    def test_parts_of_both_streams(self, monitor, runtime, bundle):
        bundle.busybox("sleep")
        log, _ = self.run(monitor, runtime, bundle,
                          "printf one; sleep 0.1; echo error >&2; sleep 0.1; printf ' two\\n\\n'; sleep 0.1; printf x >&2")
        assert lines(log) == [("stderr", "F", b"error"), ("stdout", "F", b"one two"), ("stdout", "F", b""), ("stderr", "P", b"x")]

    def test_much(self, monitor, runtime, bundle):
        bundle.busybox("seq")
        log, _ = self.run(monitor, runtime, bundle, "seq 1 200000; seq 1 1000 >&2")
        found = lines(log)
        assert [int(c) for s, _, c in found if s == "stdout"] == list(range(1, 200001))
        assert [int(c) for s, _, c in found if s == "stderr"] == list(range(1, 1001))

    def test_reopen(self, monitor, runtime, bundle):
        bundle.sh("echo before; read line; echo after")
        _, log = create(monitor, runtime, bundle, keeps_input=True)
        start(monitor, runtime, bundle)
        wait_for(lambda: lines(log))
        log.rename(log.with_suffix(".1"))
        monitor.client.named(m.REOPEN, bundle.id)
        assert log.exists()
        monitor.client.named(m.CLOSE_INPUT, bundle.id)
        monitor.client.wait(bundle.id)
        assert lines(log.with_suffix(".1")) == [("stdout", "F", b"before")]
        assert lines(log) == [("stdout", "F", b"after")]
        with pytest.raises(Failed, match="EISDIR"):
            log.unlink()
            log.mkdir()
            monitor.client.named(m.REOPEN, bundle.id)

    def test_it_is_appended_to(self, monitor, runtime, bundle):
        log = monitor.dir / f"{bundle.id}.log"
        log.write_text("2026-01-01T00:00:00.000000000Z stdout F old\n")
        self.run(monitor, runtime, bundle, "echo new")
        assert lines(log) == [("stdout", "F", b"old"), ("stdout", "F", b"new")]

    def test_a_full_disk(self, make_monitor, subject_path, runtime, bundle, tmp_path):
        disk = tmp_path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
        try:
            monitor = make_monitor()
            bundle.busybox("seq")
            bundle.sh("seq 1 20000; read line; echo after")
            bundle.write()
            pid_file, log = monitor.dir / "p", disk / "log"
            monitor.client.create(
                bundle.id, runtime.command("create", "--bundle", bundle.dir, "--pid-file", pid_file, bundle.id), pid_file,
                log=log, keeps_input=True)
            start(monitor, runtime, bundle)
            wait_for(lambda: Path(f"/proc/{monitor.client.list()[bundle.id]['pid']}/wchan").exists() and log.stat().st_size > 60000)
            time.sleep(0.5)
            # The container has not waited: it reads. Make room by removing what is there.
            log.unlink()
            monitor.client.named(m.REOPEN, bundle.id)
            monitor.client.named(m.CLOSE_INPUT, bundle.id)
            monitor.client.wait(bundle.id)
            found = lines(log)
            assert found[0][0] == "stderr" and b"lines (" in found[0][2] and b"are lost: no space left" in found[0][2]
            assert found[-1] == ("stdout", "F", b"after")
            monitor.end()
        finally:
            subprocess.run(["umount", "-l", disk], check=True)

    def test_grandchildren_do_not_hold_up_the_end(self, monitor, runtime, bundle):
        bundle.without("pid")
        bundle.busybox("sleep")
        log, end = self.run(monitor, runtime, bundle,
                            "(while [ ! -e /data/go ]; do sleep 0.1; done; echo late) & echo early; exit 6")
        assert end["code"] == 6
        assert lines(log) == [("stdout", "F", b"early")]
        (bundle.rootfs / "data/go").touch()
        wait_for(lambda: len(lines(log)) == 2)

    @pytest.mark.parametrize("kind", ["fifo", "link", "directory"])
    def test_nothing_but_a_file_is_a_log(self, monitor, runtime, bundle, kind):
        """A container may have been given the directory to write to: who opens must not wait, nor follow."""
        log, other = monitor.dir / "log", monitor.dir / "other"
        other.write_text("")
        {"fifo": os.mkfifo, "link": lambda path: path.symlink_to(other), "directory": os.mkdir}[kind](log)
        bundle.sh("echo x")
        bundle.write()
        pid_file = monitor.dir / "p"
        with pytest.raises(Failed, match=f"open {log}"):
            monitor.client.create(
                bundle.id, runtime.command("create", "--bundle", bundle.dir, "--pid-file", pid_file, bundle.id), pid_file, log=log)
        assert monitor.client.list() == {}
        assert other.read_text() == ""

    def test_a_log_that_is_stuck(self, make_monitor, runtime, bundle):
        """A disk that takes nothing: the monitor's writes to it are held up."""
        monitor = make_monitor()
        bundle.busybox("seq")
        bundle.sh("seq 1 20000 & exit 8")
        _, log = create(monitor, runtime, bundle)
        slow = subprocess.Popen(
            ["strace", "--follow-forks", "--quiet=exit,path-resolution", "--output=/dev/null", f"--attach={monitor.pid}",
             f"--trace-path={log}", "--inject=write:delay_enter=30s"], stderr=subprocess.PIPE)
        try:
            assert b"attached" in slow.stderr.readline()
            start(monitor, runtime, bundle)
            assert monitor.client.wait(bundle.id, 5)["code"] == 8
            assert monitor.client.list()[bundle.id]["exit"]["code"] == 8
            assert log.read_text() == ""
        finally:
            slow.kill()
            slow.wait()


class TestNamespaces:
    def namespace(self, path):
        return os.stat(path).st_ino

    @pytest.fixture
    def directory(self, monitor):
        path = monitor.dir / "ns"
        path.mkdir()
        yield path
        for file in path.iterdir():
            subprocess.run(["umount", "-l", file], capture_output=True)

    def test_all_of_them(self, monitor, directory):
        pause = monitor.client.prepare(
            [(k, directory / k) for k in ("network", "ipc", "uts", "cgroup")], host="pod-a", domain="example",
            settings=[("net.ipv4.ip_unprivileged_port_start", "0"), ("kernel.shm_rmid_forced", "1"),
                      ("net/ipv4/conf/lo/forwarding", "1"), ("fs.mqueue.msg_max", "20")],
            pause=directory / "pid")
        enter = ["nsenter", f"--net={directory}/network", f"--ipc={directory}/ipc", f"--uts={directory}/uts"]
        out = subprocess.run([*enter, "sh", "-c", "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/"
                              "ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/conf/lo/"
                              "forwarding /proc/sys/fs/mqueue/msg_max; ip -o link show lo"], capture_output=True, text=True).stdout
        assert out.split("\n")[:6] == ["pod-a", "example", "0", "1", "1", "20"] and "LOOPBACK,UP" in out
        for name in ("net", "ipc", "uts"):
            file = directory / {"net": "network"}.get(name, name)
            assert self.namespace(f"/proc/{pause}/ns/{name}") == self.namespace(file)
            assert self.namespace(f"/proc/self/ns/{name}") != self.namespace(file)
        assert self.namespace(f"/proc/{pause}/ns/pid") == self.namespace(directory / "pid")
        assert self.namespace(f"/proc/{monitor.pid}/ns/net") == self.namespace("/proc/self/ns/net")
        with pytest.raises(Failed, match="made once"):
            monitor.client.prepare()

    def test_pause(self, monitor, directory):
        cgroup = Path("/sys/fs/cgroup/apus-test/pause")
        cgroup.mkdir(parents=True)
        try:
            pause = monitor.client.prepare(pause=directory / "pid", cgroups=[cgroup])
            assert (cgroup / "cgroup.procs").read_text() == f"{pause}\n"
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pause}/status").read_text().splitlines())
            assert status["Name"] == "pause" and status["PPid"] == str(monitor.pid)
            assert status["NSpid"].split()[-1] == "1" and status["Seccomp"] == "1"
            assert {int(status[k], 16) for k in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
            assert status["NoNewPrivs"] == "1" and int(status["VmRSS"].split()[0]) < 200
            assert os.listdir(f"/proc/{pause}/fd") == ["0"] and os.listdir(f"/proc/{pause}/root") == []
            # It reaps what comes to it.
            subprocess.run(["nsenter", f"--pid={directory}/pid", "sh", "-c", "(sleep 0.1 &)"], check=True)
            time.sleep(0.4)
            inside = [p for p in Path("/proc").glob("[0-9]*/stat") if f" {pause} " in p.read_text(errors="replace")[:60]]
            assert [p for p in inside if f") Z {pause}" in p.read_text(errors="replace")] == []
            os.kill(pause, signal.SIGINT)
            time.sleep(0.1)
            assert alive(pause)
            os.kill(pause, signal.SIGTERM)
            has_ended(pause)
        finally:
            wait_for(lambda: not (cgroup / "cgroup.procs").read_text())
            cgroup.rmdir()

    def test_pause_is_killed_before_its_monitor(self, monitor, directory):
        score = lambda pid: int(Path(f"/proc/{pid}/oom_score_adj").read_text())
        if score(monitor.pid) != -999:
            pytest.skip("scores cannot be lowered here (CAP_SYS_RESOURCE)")
        assert score(monitor.client.prepare(pause=directory / "pid")) == -998

    def test_with_containers(self, monitor, directory, engine, bundle):
        pause = monitor.client.prepare([("network", directory / "net"), ("uts", directory / "uts")], host="pod-b",
                                       pause=directory / "pid")
        bundle.namespaces("mount", "ipc", network=directory / "net", uts=directory / "uts", pid=directory / "pid")
        bundle.config.pop("hostname")
        bundle.busybox("hostname", "sleep")
        bundle.sh("hostname; echo $$; sleep 60 & exit 0")
        _, log = create(monitor, engine, bundle)
        start(monitor, engine, bundle)
        assert monitor.client.wait(bundle.id)["code"] == 0
        found = lines(log)
        assert found[0][2] == b"pod-b" and int(found[1][2]) > 1
        monitor.client.run(*engine.command("delete", "--force", bundle.id))
        monitor.client.shutdown(force=True)
        has_ended(pause)

    def test_user_namespace(self, monitor, directory):
        pause = monitor.client.prepare(
            [("network", directory / "network"), ("uts", directory / "uts"), ("ipc", directory / "ipc"), ("user", directory / "user")],
            uids=[(0, 200000, 65536)], gids=[(0, 300000, 1000), (1000, 400000, 10)], host="pod-c",
            settings=[("net.ipv4.ip_forward", "1"), ("kernel.shmmax", "4096"), ("user.max_user_namespaces", "7")],
            pause=directory / "pid")
        assert os.stat(f"/proc/{pause}").st_uid in (0, 200000)  # undumpable: root's
        out = subprocess.run(["nsenter", f"--user={directory}/user", f"--net={directory}/network", f"--uts={directory}/uts",
                              f"--ipc={directory}/ipc", "sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; hostname; "
                              "cat /proc/sys/kernel/shmmax /proc/sys/user/max_user_namespaces"], capture_output=True, text=True)
        assert out.stdout.split() == "0 200000 65536 0 300000 1000 1000 400000 10 pod-c 4096 7".split(), out
        assert self.namespace(f"/proc/{pause}/ns/user") == self.namespace(directory / "user")
        libc, fd = ctypes.CDLL(None, use_errno=True), os.open(directory / "network", os.O_RDONLY)
        owner = libc.ioctl(fd, 0xB701)  # NS_GET_USERNS
        assert os.fstat(owner).st_ino == self.namespace(directory / "user")
        os.close(owner), os.close(fd)

    @pytest.mark.parametrize("more, words", [
        ({"settings": [("net.nothing.here", "x")]}, 'net.nothing.here = "x": no such file'),
        ({"settings": [("net.ipv4.ip_forward", "yes")]}, 'net.ipv4.ip_forward = "yes": invalid argument'),
        ({"settings": [("kernel.panic", "1")]}, 'kernel.panic = "1": does not belong to a namespace'),
        ({"settings": [("net.ipv4/../../kernel/panic", "1")]}, "does not belong"),
        ({"settings": [("kernel.shmmax", "1")]}, "the pod has no ipc namespace"),
        ({"host": "x" * 65}, "set the host name"),
        ({"uids": [(0, 1, 1)], "gids": [(0, 1, 1)]}, "belong to a user namespace"),
        ({"pause": "/proc/nothing/pid"}, "open /proc/nothing/pid"),
        ({"pause": "ns/pid", "cgroups": ["/nowhere"]}, "open /nowhere/cgroup.procs"),
    ])
    def test_all_or_nothing(self, monitor, directory, more, words):
        if more.get("pause") == "ns/pid":
            more = {**more, "pause": directory / "pid"}
        with pytest.raises(Failed) as refusal:
            monitor.client.prepare([("network", directory / "net"), ("uts", directory / "uts")], **more)
        assert words in refusal.value.text
        assert list(directory.iterdir()) == []
        assert str(directory) not in Path("/proc/self/mountinfo").read_text()
        wait_for(lambda: not subprocess.run(["pgrep", "-P", str(monitor.pid)], capture_output=True).stdout)
        # And again, as it should be.
        monitor.client.prepare([("network", directory / "net")])
