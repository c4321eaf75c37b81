"""The life of a pod sandbox: states, names, idempotence, lists and filters."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from harness.client import refused


def test_a_pod_is_ready_then_not_then_gone(rig):
    begun = time.time_ns()
    pod = rig.pod(labels={"app": "a"}, annotations={"note": "n"})
    status = pod.status
    assert status.id == pod.id and pod.ready
    assert begun <= status.created_at <= time.time_ns()
    assert (status.metadata.name, status.metadata.uid, status.metadata.namespace) == (pod.name, f"uid-{pod.name}", "tests")
    assert dict(status.labels) == {"app": "a"} and dict(status.annotations) == {"note": "n"}
    pod.stop()
    status = pod.status
    assert status.state == 1 and status.labels["app"] == "a"
    pod.remove()
    with refused("NOT_FOUND", says=pod.id[:12]):
        pod.answer()
    assert rig.pods(id=pod.id) == []


def test_stop_and_remove_are_idempotent(rig):
    pod = rig.pod()
    pod.stop()
    pod.stop()
    pod.remove()
    pod.remove()


def test_a_running_pod_is_removed_with_its_containers(rig):
    pod = rig.pod()
    container = pod.start("sleep", "1000")
    pod.stop()
    assert container.state == "EXITED"
    pod.remove()
    assert rig.containers(pod_sandbox_id=pod.id) == []
    with refused("NOT_FOUND"):
        container.status


def test_remove_of_a_ready_pod(rig):
    pod = rig.pod()
    container = pod.start("sleep", "1000")
    pod.remove()
    assert not rig.pods(id=pod.id)
    with refused("NOT_FOUND"):
        container.status


@pytest.mark.only_ours("it answers NotFound")
def test_unknown_pods_are_stopped_and_removed_already(rig):
    rig.client.StopPodSandbox(pod_sandbox_id="0" * 64)
    rig.client.RemovePodSandbox(pod_sandbox_id="0" * 64)


def test_the_status_of_an_unknown_pod_is_not_found(rig):
    with refused("NOT_FOUND", says="0123456789"):
        rig.client.PodSandboxStatus(pod_sandbox_id="0123456789")


@pytest.mark.only_ours("it answers with Unknown, or as if the id were there")
@pytest.mark.parametrize("call", ["StopPodSandbox", "RemovePodSandbox", "PodSandboxStatus"])
def test_an_id_that_is_a_path_is_not_an_id(rig, call):
    pod = rig.pod()
    if call == "PodSandboxStatus":
        with refused("NOT_FOUND", "INVALID_ARGUMENT"):
            rig.client.PodSandboxStatus(pod_sandbox_id=f"../pods/{pod.id}")
    else:
        try:
            getattr(rig.client, call)(pod_sandbox_id=f"../pods/{pod.id}")
        except grpc.RpcError as error:
            assert error.code().name in ("NOT_FOUND", "INVALID_ARGUMENT")
    assert pod.ready


def test_a_name_is_reserved_till_the_pod_is_removed(rig):
    pod = rig.pod()
    with refused("ALREADY_EXISTS", "UNKNOWN", says=pod.name):
        rig.pod(metadata=pod.config["metadata"])
    pod.stop()
    with refused("ALREADY_EXISTS", "UNKNOWN", says=pod.name):
        rig.pod(metadata=pod.config["metadata"])
    again = rig.pod(metadata={**pod.config["metadata"], "attempt": 1})
    assert again.id != pod.id and again.ready
    pod.remove()
    assert rig.pod(metadata=pod.config["metadata"]).ready


def test_one_name_at_once_is_had_by_one(rig):
    pods = [rig.pod(run=False, metadata={"name": "same", "uid": "u", "namespace": "n", "attempt": 0}) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = [pool.submit(pod.run) for pod in pods]
    errors = [outcome.exception() for outcome in outcomes]
    assert errors.count(None) == 1, errors
    assert len(rig.pods()) == 1


def test_pods_at_once(rig):
    with ThreadPoolExecutor(8) as pool:
        pods = list(pool.map(lambda _: rig.pod(), range(8)))
        assert len({pod.id for pod in pods}) == 8
        assert len({pod.ip for pod in pods}) == 8
        list(pool.map(lambda pod: (pod.stop(), pod.remove()), pods))
    assert not rig.pods()


def test_stops_at_once(rig):
    pod = rig.pod()
    pod.start("sh", "-c", "trap '' TERM; sleep 1000 & wait; wait")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: pod.stop(), range(4)))
    assert not pod.ready


def test_lists_and_their_filters(rig):
    one, two = rig.pod(labels={"app": "x", "tier": "1"}), rig.pod(labels={"app": "x", "tier": "2"})
    three = rig.pod(labels={"app": "y"}, annotations={"k": "v"})
    two.stop()

    def ids(**filter):
        return {pod.id for pod in rig.pods(**filter)}

    assert ids() == {one.id, two.id, three.id}
    assert ids(label_selector={"app": "x"}) == {one.id, two.id}
    assert ids(label_selector={"app": "x", "tier": "2"}) == {two.id}
    assert ids(label_selector={"app": "z"}) == set()
    assert ids(state={"state": "SANDBOX_READY"}) == {one.id, three.id}
    assert ids(state={"state": "SANDBOX_NOTREADY"}) == {two.id}
    assert ids(id=three.id) == {three.id}
    assert ids(id=three.id[:13]) == {three.id}
    assert ids(id=three.id, label_selector={"app": "x"}) == set()
    listed = rig.pods(id=three.id)[0]
    assert listed.metadata.name == three.name and listed.annotations["k"] == "v"
    assert listed.created_at == three.status.created_at


@pytest.mark.only_ours("it has no streams of lists")
def test_a_stream_has_what_a_list_has(rig):
    made = {rig.pod(labels={"app": "x"}).id for _ in range(3)}
    rig.pod()
    streamed = [pod.id for part in rig.client.StreamPodSandboxes(filter={"label_selector": {"app": "x"}})
                for pod in part.pod_sandboxes]
    assert sorted(streamed) == sorted(made)


def test_a_part_of_an_id_will_do(rig):
    pod = rig.pod()
    assert rig.client.PodSandboxStatus(pod_sandbox_id=pod.id[:13]).status.id == pod.id


@pytest.mark.parametrize("field, change", [
    ("metadata", {"metadata": None}),
    ("name", {"metadata": {"name": "", "uid": "u", "namespace": "n"}}),
    ("/config/linux/cgroup_parent", {"linux": {"cgroup_parent": "/pods/../.."}}),
])
@pytest.mark.only_ours("it panics without metadata, and takes empty names and any cgroup")
def test_what_is_missing_or_wrong_is_named(rig, field, change):
    with refused("INVALID_ARGUMENT", says=field):
        rig.pod(**change)
    assert not rig.pods()


def test_an_unknown_handler_is_refused_by_name(rig):
    with refused("NOT_FOUND", "INVALID_ARGUMENT", "UNKNOWN", says="no-such-handler"):
        rig.pod(handler="no-such-handler")
    assert not rig.pods()


@pytest.mark.only_ours("a bad sysctl is found by runc, and answered with Unknown")
def test_a_failure_in_the_middle_leaves_nothing(rig):
    with refused("INVALID_ARGUMENT", "INTERNAL", "UNKNOWN", "FAILED_PRECONDITION", says="net.no.such"):
        rig.pod(linux={"sysctls": {"net.no.such": "1"}})
    assert not rig.pods()


@pytest.mark.only_ours("it forgets the deadline and goes on")
def test_a_deadline_that_is_over_leaves_nothing(rig):
    with refused("DEADLINE_EXCEEDED", "CANCELLED"):
        rig.pod(timeout=0.002)
    assert not [pod for pod in rig.pods() if pod.state == 0]


def test_verbose_status_has_details(rig):
    pod = rig.pod()
    assert pod.answer(verbose=True).info["info"]
    assert not pod.answer().info


@pytest.mark.only_ours("it has no such field")
def test_the_status_names_the_handler(rig):
    assert rig.pod(handler="crun").status.runtime_handler == "crun"
    assert rig.pod().status.runtime_handler in ("", "apus")


@pytest.mark.only_ours("its codes are others")
def test_the_beginning_of_several_ids(rig):
    """That nothing is there is no error for these; that it is not clear what is meant is one."""
    pods = []
    while len({pod.id[0] for pod in pods}) == len(pods):
        pods.append(rig.pod(linux={"security_context": {"namespace_options": {"network": "NODE"}}}))
    for call in (rig.client.StopPodSandbox, rig.client.RemovePodSandbox, rig.client.PodSandboxStatus):
        with refused("INVALID_ARGUMENT", says=("2 pod sandboxes begin", "give more")):
            call(pod_sandbox_id=pods[-1].id[0])
    assert all(pod.ready for pod in pods)
    rig.client.StopPodSandbox(pod_sandbox_id=pods[-1].id[:60])
    assert not pods[-1].ready
