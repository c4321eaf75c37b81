"""StopContainer: signals, grace, and that nothing is waited for longer than needed."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import METHODS, refused
from harness.pods import until

SAYS = 'trap "echo {0}; exit 9" {0}; echo ready; while :; do sleep 0.05; done'


@pytest.fixture
def pod(rig):
    return rig.pod()


def ready(pod, signal, **config):
    container = pod.shell(SAYS.format(signal), **config)
    until(lambda: "ready" in container.output(), "its trap")
    return container


def timed(container, grace):
    begun = time.monotonic()
    container.stop(grace=grace)
    return time.monotonic() - begun


def test_sigterm_first_and_no_longer_than_it_takes(pod):
    container = ready(pod, "TERM")
    assert timed(container, 30) < 5
    assert container.status.exit_code == 9
    assert container.output() == "ready\nTERM\n"


def test_sigkill_after_the_grace(pod):
    container = pod.shell('trap "" TERM; echo ready; while :; do sleep 0.05; done')
    until(lambda: "ready" in container.output(), "its trap")
    assert 0.9 < timed(container, 1) < 5
    assert container.status.exit_code == 137
    assert container.status.reason == "Error"


def test_no_grace_is_sigkill_at_once(pod):
    container = ready(pod, "TERM")
    assert timed(container, 0) < 3
    assert container.status.exit_code == 137
    assert container.output() == "ready\n"


def test_the_images_stop_signal(pod):
    container = pod.container("sh", "-c", SAYS.format("USR1"), image="configured:latest")
    container.start()
    until(lambda: "ready" in container.output(), "its trap")
    container.stop(grace=20)
    assert container.status.exit_code == 9
    assert "USR1" in container.output()


@pytest.mark.only_ours("it has no stop_signal")
@pytest.mark.parametrize("name, says", [("SIGNAL_SIGINT", "INT"), ("SIGNAL_SIGUSR2", "USR2"), ("SIGNAL_SIGRTMINPLUS3", "37"),
                                        ("SIGNAL_SIGRTMAX", "64")])
def test_the_containers_stop_signal(pod, name, says):
    container = ready(pod, says, stop_signal=name, image="configured:latest")
    container.stop(grace=20)
    assert container.status.exit_code == 9
    assert says in container.output()


@pytest.mark.only_ours("it has no stop_signal")
def test_the_status_has_the_stop_signal(pod):
    values = METHODS["ContainerStatus"].output_type.fields_by_name["status"].message_type.fields_by_name[
        "stop_signal"].enum_type.values_by_name
    assert pod.container("true", stop_signal="SIGNAL_SIGHUP").status.stop_signal == values["SIGNAL_SIGHUP"].number
    assert pod.container("true", image="configured:latest").status.stop_signal == values["SIGNAL_SIGUSR1"].number
    assert pod.container("true").status.stop_signal == values["SIGNAL_SIGTERM"].number


def test_stops_at_once(pod):
    container = ready(pod, "TERM")
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: container.stop(grace=20), range(5)))
    assert container.status.exit_code == 9
    assert container.output() == "ready\nTERM\n"


def test_a_second_stop_with_less_grace_is_not_held_up(pod):
    container = pod.shell('trap "" TERM; echo ready; while :; do sleep 0.05; done')
    until(lambda: "ready" in container.output(), "its trap")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(container.stop, 60)
        time.sleep(0.3)
        assert timed(container, 0) < 10
        first.result(10)
    assert container.status.exit_code == 137


@pytest.mark.only_ours("its stop goes on to SIGKILL")
def test_a_deadline_during_the_grace(pod):
    container = pod.shell('trap "" TERM; echo ready; while :; do sleep 0.05; done')
    until(lambda: "ready" in container.output(), "its trap")
    with refused("DEADLINE_EXCEEDED", "CANCELLED"):
        container.stop(grace=60, timeout=1)
    assert container.state == "RUNNING"
    container.stop(grace=0)


def test_a_paused_cgroup_is_not_in_the_way_of_sigkill(pod):
    container = pod.start("sh", "-c", "while :; do :; done")
    rig = pod.rig
    frozen = container.cgroup("freezer")
    name, value = ("cgroup.freeze", "1") if rig.place.tree.view == "unified" else ("freezer.state", "FROZEN")
    (frozen / name).write_text(value)
    try:
        rig.client.StopContainer(container_id=container.id, timeout_=0, timeout=15)
        assert container.status.exit_code == 137
    finally:
        if frozen.exists():
            try:
                (frozen / name).write_text("0" if value == "1" else "THAWED")
            except OSError:
                pass
