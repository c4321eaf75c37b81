"""ExecSync: output, exit codes, time-outs, the cap of 16 MiB, and where a command runs."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import refused
from harness.pods import until

CAP = 16 << 20


@pytest.fixture
def container(rig):
    return rig.pod().start("sleep", "1000", env={"MINE": "of the container"})


def test_output_and_exit_code(container):
    answer = container.exec_answer("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (answer.stdout, answer.stderr, answer.exit_code) == (b"out\n", b"err\n", 7)


def test_output_is_bytes(container):
    answer = container.exec_answer("printf", "\\000\\377\\012x")
    assert answer.stdout == b"\0\xff\nx"


def test_there_is_no_input(container):
    assert container.exec("cat") == ""


def test_it_runs_in_the_container(container):
    assert container.exec("hostname") == container.pod.rig.place.path(f"/proc/{container.first()}/root").joinpath(
        "etc/hostname").read_text()
    assert container.sh("echo $MINE") == "of the container\n"
    assert container.exec("cat", "/proc/1/comm") == "sleep\n"


def test_it_has_the_containers_user_and_limits(rig):
    pod = rig.pod()
    container = pod.start("sleep", "1000", working_dir="/var/www", linux={"security_context": {
        "run_as_user": {"value": 1000}, "run_as_group": {"value": 33}, "supplemental_groups": [4242],
        "capabilities": {"drop_capabilities": ["ALL"]}, "no_new_privs": True}})
    text = container.sh("pwd; grep CapBnd /proc/self/status; grep NoNewPrivs /proc/self/status; "
                        "id -G; id -u; id -g").split("\n")
    assert text[0] == "/var/www"
    assert text[1].split() == ["CapBnd:", "0" * 16]
    assert text[2].split() == ["NoNewPrivs:", "1"]
    assert "4242" in text[3].split()
    assert text[4:6] == ["1000", "33"]


def test_it_is_in_the_containers_cgroup(container):
    before = container.proc("cgroup").read_text()
    inner = container.sh("cat /proc/self/cgroup; sleep 0.1")
    assert inner  # with a cgroup namespace of its own the paths differ
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(container.exec, "sleep", "1.5")
        pids = until(lambda: (found := container.pids()) and len(found) > 1 and found, "the command")
        groups = {(container.rig.place.root / "proc" / str(pid) / "cgroup").read_text() for pid in pids}
        running.result()
    assert groups == {before}


@pytest.mark.parametrize("command", [
    "exec sleep 1000", "trap '' TERM INT HUP; while :; do sleep 0.1; done",
    pytest.param("sleep 1000 & sleep 2000", marks=pytest.mark.only_ours("it waits for who has the output open"))])
def test_a_time_out_ends_the_command(container, command):
    begun = time.monotonic()
    with refused("DEADLINE_EXCEEDED", "UNKNOWN"):
        container.sh(command, limit=1)
    assert 0.9 < time.monotonic() - begun < 5
    assert container.state == "RUNNING"
    if "&" not in command:
        until(lambda: len(container.pids()) == 1, "the end of the command")


def test_a_call_that_is_cancelled_ends_the_command(container):
    call = container.rig.client.ExecSync.later(container_id=container.id, cmd=["sleep", "1000"])
    until(lambda: len(container.pids()) == 2, "the command")
    call.cancel()
    until(lambda: len(container.pids()) == 1, "its end")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.only_ours("1.6.20 caps by its own")
def test_output_is_capped_and_the_command_goes_on(container, stream):
    redirect = ">&2" if stream == "stderr" else ""
    answer = container.exec_answer("sh", "-c", f"dd if=/dev/zero bs=1M count=20 {redirect} 2>/dev/null; touch /tmp/done; exit 3")
    assert len(getattr(answer, stream)) == CAP
    assert answer.exit_code == 3
    assert container.exec("ls", "/tmp/done") == "/tmp/done\n"


def test_a_command_that_is_not_there(container):
    with refused("UNKNOWN", "NOT_FOUND", "INTERNAL", "INVALID_ARGUMENT", says="/no/such"):
        container.exec("/no/such")
    assert container.exec("true") == ""


@pytest.mark.only_ours("it answers with Unknown of runc")
def test_no_command(container):
    with refused("INVALID_ARGUMENT", says="cmd"):
        container.rig.client.ExecSync(container_id=container.id, cmd=[])


def test_what_stays_behind_does_not_hold_the_answer_up(container):
    """A child that keeps the output open: containerd waits some seconds, ours for the command alone."""
    begun = time.monotonic()
    answer = container.exec_answer("sh", "-c", "sleep 20 >/dev/null 2>&1 & echo done", timeout=30)
    assert answer.stdout == b"done\n" and answer.exit_code == 0
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("state", ["created", "exited"])
def test_only_in_a_running_container(rig, state):
    pod = rig.pod()
    container = pod.container("true")
    if state == "exited":
        container.start()
        container.wait()
    with refused("FAILED_PRECONDITION", "UNKNOWN"):
        container.exec("true")


def test_many_at_once(container):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: container.exec_answer("sh", "-c", f"echo {n}; exit {n}"), range(24)))
    assert [(a.stdout, a.exit_code) for a in answers] == [(f"{n}\n".encode(), n) for n in range(24)]


def test_the_end_of_the_container_ends_the_command(container):
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(container.exec_answer, "sleep", "1000", timeout=30)
        until(lambda: len(container.pids()) == 2, "the command")
        container.stop(grace=0)
        assert running.exception(20) is not None or running.result().exit_code == 137


def test_nothing_of_it_is_in_the_log(container):
    container.sh("echo loud; echo louder >&2")
    assert container.records() == []
