"""The life of a container: states, times, exit codes and reasons, names, lists."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import OURS
from harness.client import refused
from harness.pods import until


@pytest.fixture
def pod(rig):
    return rig.pod()


def test_created_running_exited(rig, pod):
    begun = time.time_ns()
    container = pod.container("sleep", "1000", labels={"l": "1"}, annotations={"a": "2"})
    status = container.status
    assert container.state == "CREATED"
    assert begun <= status.created_at <= time.time_ns() and status.started_at == status.finished_at == 0
    container.start()
    status = container.status
    assert container.state == "RUNNING"
    assert status.created_at <= status.started_at <= time.time_ns() and status.finished_at == 0
    container.stop(grace=0)
    status = container.status
    assert container.state == "EXITED" and status.exit_code == 137
    assert status.started_at <= status.finished_at <= time.time_ns()
    assert dict(status.labels) == {"l": "1"} and dict(status.annotations) == {"a": "2"}
    assert status.metadata.name == container.config["metadata"]["name"]
    assert status.log_path == container.log_path
    container.remove()
    with refused("NOT_FOUND", says=container.id[:12]):
        container.status


@pytest.mark.parametrize("script, code, reason", [
    ("exit 0", 0, "Completed"), ("exit 1", 1, "Error"), ("exit 255", 255, "Error"),
    # The first process of a pid namespace gets no signal from within that it does not handle.
    ("kill -9 $$; exit 4", 4, "Error"), ("sh -c 'kill -9 $$'; exit $?", 137, "Error")])
def test_exit_codes_and_reasons(pod, script, code, reason):
    status = pod.shell(script).wait()
    assert (status.exit_code, status.reason) == (code, reason)


@pytest.mark.only_ours("it takes the time after the start has returned")
def test_times_are_in_order(pod):
    for _ in range(5):
        status = pod.start("true").wait()
        assert status.created_at <= status.started_at <= status.finished_at <= time.time_ns()


def test_a_signal_from_outside_is_an_exit_code(rig, pod):
    container = pod.start("sleep", "1000")
    rig.place.run("kill", "-KILL", container.first())
    status = container.wait()
    assert (status.exit_code, status.reason) == (137, "Error")


def test_command_and_arguments(rig, pod):
    """command is the image's Entrypoint, args its Cmd: each is replaced alone, and the command drops the Cmd."""
    def say(**config):
        container = pod.container(image="configured:latest", **config)
        container.start()
        container.wait()
        return container.output().strip()

    assert say() == "image default  /var/www"
    assert say(args=["one", "two"]) == "image one two /var/www"
    assert say(command=["echo", "just"]) == "just"
    assert say(command=["echo"], args=["a b"]) == "a b"
    assert say(working_dir="/etc") == "image default  /etc"


def test_environment(rig, pod):
    container = pod.container(image="configured:latest", command=["env"], env={"BOTH": "pod", "MINE": "a=b c"})
    container.start()
    container.wait()
    lines = container.output().splitlines()
    assert "FROM_IMAGE=image" in lines and "BOTH=pod" in lines and "BOTH=image" not in lines
    assert "MINE=a=b c" in lines
    assert any(line.startswith("PATH=/usr/local/sbin:") for line in lines)


@pytest.mark.only_ours("its runc makes the directory, ours and the newest as well, but as root's")
def test_a_working_directory_is_made(pod):
    assert pod.result("pwd", working_dir="/made/for/this") == "/made/for/this\n"


def test_a_command_that_is_not_there(pod):
    """The runtime's `create` finds out, which ours calls in CreateContainer, as CRI-O does; containerd does in StartContainer."""
    with refused("UNKNOWN", "INTERNAL", "NOT_FOUND", "INVALID_ARGUMENT", says="/no/such/command") as error:
        pod.container("/no/such/command").start()
    if OURS:
        assert "level=error" not in error.value.details()
        assert not pod.rig.containers()


def test_an_image_that_is_not_there(rig, pod):
    with refused("NOT_FOUND", says="open.test/never-pulled"):
        pod.container("true", image="open.test/never-pulled:latest")
    assert not rig.containers()


@pytest.mark.only_ours("it says Unknown of an empty command")
def test_no_command_at_all(rig, pod):
    with refused("INVALID_ARGUMENT", says="command"):
        pod.container(image="volume:latest")
    assert not rig.containers()


def test_a_name_is_reserved_till_the_container_is_removed(rig, pod):
    first = pod.container("true")
    with refused("ALREADY_EXISTS", "UNKNOWN", says=first.config["metadata"]["name"]):
        pod.container("true", metadata=first.config["metadata"])
    second = pod.container("true", metadata={**first.config["metadata"], "attempt": 1})
    assert second.id != first.id
    first.remove()
    assert pod.container("true", metadata=first.config["metadata"]).state == "CREATED"
    assert rig.pod().container("true", metadata=second.config["metadata"]).state == "CREATED"


def test_stop_start_and_remove_again(pod):
    container = pod.start("sleep", "1000")
    with refused("FAILED_PRECONDITION", "UNKNOWN", "ALREADY_EXISTS", "INTERNAL"):
        container.start()
    assert container.state == "RUNNING"
    container.stop(grace=0)
    container.stop(grace=0)
    with refused("FAILED_PRECONDITION", "UNKNOWN"):
        container.start()
    container.remove()
    container.remove()


@pytest.mark.only_ours("it answers NotFound to a stop")
def test_unknown_containers_are_stopped_and_removed_already(rig):
    rig.client.StopContainer(container_id="0" * 64)
    rig.client.RemoveContainer(container_id="0" * 64)


@pytest.mark.parametrize("call", ["ContainerStatus", "StartContainer", "ReopenContainerLog", "ExecSync",
                                  "UpdateContainerResources"])
def test_unknown_containers_are_not_found(rig, call):
    more = {"cmd": ["true"]} if call == "ExecSync" else {"linux": {"cpu_shares": 2}} if "Update" in call else {}
    with refused("NOT_FOUND", says="no-such-id"):
        getattr(rig.client, call)(container_id="no-such-id", **more)


def test_a_running_container_is_removed(rig, pod):
    container = pod.start("sleep", "1000")
    pids = container.pids()
    container.remove()
    assert not rig.containers()
    until(lambda: not container.pids(), f"the end of {pids}")


def test_what_was_never_started_is_stopped_and_removed(rig, pod):
    container = pod.container("sleep", "1000")
    container.stop()
    container.remove()
    assert not rig.containers()


def test_children_end_with_their_container(pod):
    container = pod.shell("sleep 1000 & setsid sleep 2000 & exec sleep 3000")
    until(lambda: len(container.pids()) == 3, "its processes")
    container.stop(grace=0)
    until(lambda: not container.pids(), "their end")


def test_a_container_needs_a_ready_pod(rig, pod):
    container = pod.container("sleep", "1000")
    pod.stop()
    with refused("FAILED_PRECONDITION", "UNKNOWN"):
        container.start()
    with refused("FAILED_PRECONDITION", "UNKNOWN", "NOT_FOUND"):
        pod.container("true")
    with refused("NOT_FOUND", says="no-such-pod"):
        rig.client.CreateContainer(pod_sandbox_id="no-such-pod", config=container.config, sandbox_config=pod.config)


def test_lists_and_their_filters(rig, pod):
    other = rig.pod()
    created = pod.container("true", labels={"k": "1"})
    running = pod.start("sleep", "1000", labels={"k": "1", "m": "2"})
    exited = other.start("false", labels={"k": "3"})
    exited.wait()

    def ids(**filter):
        return {container.id for container in rig.containers(**filter)}

    assert ids() == {created.id, running.id, exited.id}
    for state, container in (("CREATED", created), ("RUNNING", running), ("EXITED", exited)):
        assert ids(state={"state": f"CONTAINER_{state}"}) == {container.id}
    assert ids(pod_sandbox_id=pod.id) == {created.id, running.id}
    assert ids(pod_sandbox_id=pod.id[:13]) == {created.id, running.id}
    assert ids(label_selector={"k": "1"}) == {created.id, running.id}
    assert ids(label_selector={"k": "1", "m": "2"}) == {running.id}
    assert ids(id=exited.id) == ids(id=exited.id[:13]) == {exited.id}
    assert ids(id=exited.id, pod_sandbox_id=pod.id) == set()
    listed = rig.containers(id=running.id)[0]
    assert listed.pod_sandbox_id == pod.id and listed.metadata.name == running.config["metadata"]["name"]
    assert listed.image.image == running.config["image"]["image"]


@pytest.mark.only_ours("it has no streams of lists")
def test_a_stream_has_what_a_list_has(rig, pod):
    made = sorted(pod.container("true").id for _ in range(3))
    assert sorted(c.id for part in rig.client.StreamContainers() for c in part.containers) == made


@pytest.mark.only_ours("it has no image_id")
def test_the_image_of_a_container(rig, pod):
    container = pod.container("true")
    image = rig.image("open.test/busybox:latest")
    for view in (container.status, rig.containers(id=container.id)[0]):
        assert view.image_id == image.id
        assert view.image_ref in (image.id, *image.repo_digests)
    assert container.status.image.image == "open.test/busybox:latest"


def test_an_image_by_its_id(rig, pod):
    image = rig.image(rig.need("busybox:latest"))
    container = pod.container("echo", "by id", create=False)
    container.config["image"] = {"image": image.id}
    container.create()
    container.start()
    container.wait()
    assert container.output() == "by id\n"


def test_containers_at_once(pod):
    with ThreadPoolExecutor(6) as pool:
        containers = list(pool.map(lambda n: pod.shell(f"echo {n}; exit {n}"), range(12)))
        statuses = list(pool.map(lambda c: c.wait(), containers))
    assert [status.exit_code for status in statuses] == list(range(12))
    assert [container.output() for container in containers] == [f"{n}\n" for n in range(12)]


def test_what_a_container_wrote_is_its_own(pod):
    assert pod.result("echo x >/etc/new; rm /etc/passwd; cat /etc/new") == "x\n"
    assert pod.result("ls /etc/passwd; test ! -e /etc/new") == "/etc/passwd\n"
