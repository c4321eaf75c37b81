"""`run` in the foreground: exit statuses, output, signals, clean-up."""

import os
import signal
import subprocess
import time

import pytest
from cases import Held
from harness.runtime import ENVIRONMENT, Footprint


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 255])
def test_exit_status_of_the_container(runtime, bundle, code):
    bundle.sh(f"exit {code}")
    bundle.write()
    assert runtime("run", "--bundle", bundle.dir, bundle.id).code == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_exit_status_of_a_signal_is_128_and_its_number(runtime, bundle, number):
    bundle.without("pid")  # the first process of a pid namespace ignores signals that it sends itself
    bundle.sh(f"kill -{int(number)} $$; exit 3")
    bundle.write()
    assert runtime("run", "--bundle", bundle.dir, bundle.id).code == 128 + number


def test_output_and_input_pass_through(runtime, bundle):
    bundle.sh("cat; echo error >&2")
    bundle.busybox("cat")
    bundle.write()
    text = b"".join(b"line %d\n" % n for n in range(20000))
    result = runtime("run", "--bundle", bundle.dir, bundle.id, input=text)
    assert (result.code, result.out, result.err) == (0, text.decode(), "error\n")


def test_output_survives_a_reader_that_goes_away(runtime, bundle):
    bundle.busybox("yes")
    bundle.process["args"] = ["/bin/yes"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    process = subprocess.Popen(runtime.command("run", "--bundle", bundle.dir, bundle.id), stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
    process.stdout.read(1000)
    process.stdout.close()
    assert process.wait(20) != 0
    footprint.assert_clean()


def test_nothing_is_left_after_run(runtime, bundle):
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    bundle.write()
    assert runtime("run", "--bundle", bundle.dir, bundle.id).code == 0
    assert not (runtime.root / bundle.id).exists()
    footprint.assert_clean()


def test_capabilities_that_cannot_be_ambient_are_one_line(runtime, bundle):
    """buildah asks for 14 of them, and shows what the runtime says of a step that fails."""
    names = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]
    bundle.process["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted", "ambient")}
    bundle.sh("exit 3")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 3 and len(result.err.splitlines()) == 1, result
    assert f"/process/capabilities/ambient: {', '.join(names)} cannot be given" in result.err, result


def test_bundle_defaults_to_the_working_directory(runtime, bundle):
    bundle.sh("echo here")
    bundle.write()
    assert runtime("run", bundle.id, cwd=bundle.dir).out == "here\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT])
def test_signals_are_forwarded(runtime, bundle, number):
    bundle.sh(f"trap 'echo got {int(number)}; exit 9' {int(number)}; echo ready; while :; do sleep 0.05; done")
    bundle.busybox("sleep")
    bundle.write()
    process = subprocess.Popen(runtime.command("run", "--bundle", bundle.dir, bundle.id), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (out, process.returncode) == (f"got {int(number)}\n".encode(), 9), err


def test_signals_are_forwarded_from_the_first_moment(runtime, bundle):
    """A signal during the set-up must end in neither a hang nor a container that is left behind."""
    bundle.sh("while :; do sleep 0.05; done")
    bundle.busybox("sleep")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    for delay in (0.0005, 0.002, 0.004, 0.006, 0.008, 0.012, 0.02):
        process = subprocess.Popen(runtime.command("run", "--bundle", bundle.dir, bundle.id), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
        time.sleep(delay)
        # A shell as the first process of its pid namespace does not end by SIGTERM, so SIGKILL through the runtime follows.
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        runtime("kill", bundle.id, "KILL")
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"run hangs after SIGTERM at {delay} s")
        runtime("delete", "--force", bundle.id)
    footprint.assert_clean()


def test_detached(runtime, bundle):
    bundle.sh("echo out; while :; do sleep 0.05; done")
    bundle.busybox("sleep")
    bundle.write()
    pid_file = bundle.dir / "pid"
    with open(bundle.dir / "log", "wb") as log, open(os.devnull, "rb") as stdin:
        code = subprocess.run(runtime.command("run", "--detach", "--pid-file", pid_file, "--bundle", bundle.dir, bundle.id),
                              stdin=stdin, stdout=log, stderr=log, env=ENVIRONMENT, timeout=30).returncode
    assert code == 0, (bundle.dir / "log").read_text()
    state = runtime.state(bundle.id)
    assert (state["status"], state["pid"]) == ("running", int(pid_file.read_text()))
    assert runtime("kill", bundle.id, "KILL").code == 0
    runtime.wait_for_status(bundle.id, "stopped")
    assert runtime("delete", bundle.id).code == 0


def test_keep(runtime, bundle):
    bundle.sh("exit 5")
    bundle.write()
    assert runtime("run", "--keep", "--bundle", bundle.dir, bundle.id).code == 5
    assert runtime.state(bundle.id)["status"] == "stopped"
    assert runtime("delete", bundle.id).code == 0
    assert runtime.state(bundle.id) is None


def test_orphans_of_the_container_do_not_survive(runtime, bundle):
    """Without a pid namespace the container's background processes outlive its first."""
    bundle.without("pid")
    bundle.sh("(while :; do sleep 0.1; done) </dev/null >/dev/null 2>&1 & exit 0")
    bundle.busybox("sleep")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    assert runtime("run", "--bundle", bundle.dir, bundle.id).code == 0
    footprint.assert_clean()


def test_script_without_interpreter(runtime, bundle):
    """execve's own failure, after the hand-shake, is told on the container's stderr."""
    script = bundle.rootfs / "run.sh"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    bundle.process["args"] = ["/run.sh"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code in (1, 255) and "no such file or directory" in result.err.lower(), result
    footprint.assert_clean()


def test_terminal_in_the_foreground(runtime, bundle):
    """A real terminal on the caller's side: raw bytes both ways, the size copied, restored at the end."""
    import pty
    import termios

    bundle.process["terminal"] = True
    bundle.process["consoleSize"] = {"height": 25, "width": 81}
    bundle.sh("tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; ls -l /dev/console; exit 3")
    bundle.busybox("tty", "stty", "ls")
    bundle.write()
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(runtime.command("run", "--bundle", bundle.dir, bundle.id), stdin=slave, stdout=slave,
                               stderr=slave, env=ENVIRONMENT, start_new_session=True)
    output = b""
    end = time.monotonic() + 20
    os.set_blocking(master, False)
    while process.poll() is None and time.monotonic() < end:
        try:
            output += os.read(master, 4096)
        except BlockingIOError:
            time.sleep(0.01)
    process.kill()
    try:
        output += os.read(master, 4096)
    except OSError:
        pass
    after = termios.tcgetattr(slave)
    os.close(master)
    os.close(slave)
    text = output.decode()
    assert process.wait() == 3, text
    assert "/dev/pts/0" in text and "all" in text and "/dev/console" in text, text
    assert before == after, "the caller's terminal was left in another mode"


def test_oom_score_with_joined_namespaces(runtime, make_bundle):
    """What the parent sets must be set before the process forks again to enter namespaces; under load, often."""
    from concurrent.futures import ThreadPoolExecutor

    def some(bundle):
        return [runtime("run", "--bundle", bundle.dir, f"{bundle.id}-{n}").out.strip() for n in range(25)]

    bundles = [make_bundle() for _ in range(4)]
    for bundle in bundles:
        bundle.busybox("cat")
        bundle.process.update(args=["/bin/cat", "/proc/self/oom_score_adj"], oomScoreAdj=432)
        bundle.without("network", "ipc")
        bundle.unmount("/dev/mqueue")
        bundle.linux["namespaces"] += [{"type": "network", "path": Held.path("net")}, {"type": "ipc", "path": Held.path("ipc")}]
        # Each its own cgroup at a time: the threads run different bundles.
        bundle.write()
    with ThreadPoolExecutor(4) as pool:
        seen = [value for values in pool.map(some, bundles) for value in values]
    assert set(seen) == {"432"}, {value: seen.count(value) for value in set(seen)}
