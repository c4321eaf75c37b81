"""Who a container runs as: users, groups, the policies of supplementary groups, user namespaces."""

import os

import pytest
from harness.client import refused
from harness.daemons import chosen
from harness.pods import until


def security(**fields):
    return {"linux": {"security_context": fields}}


def value(number):
    return {"value": number}


@pytest.fixture
def pod(rig):
    return rig.pod()


def ids(pod, image="busybox:latest", **fields):
    """uid, gid and the supplementary groups, as the kernel has them."""
    container = pod.start("sleep", "1000", image=image, **security(**fields))
    groups = sorted(map(int, container.field("Groups").split()))
    found = int(container.field("Uid").split()[0]), int(container.field("Gid").split()[0]), groups
    container.remove()
    return found


@pytest.mark.parametrize("image, expected", [
    ("user-uid:latest", (1002, 0)), ("user-name:latest", (33, 33)), ("user-uid-group:latest", (1003, 100)),
    ("user-name-gid:latest", (33, 100)), ("user-member:latest", (1000, 1000))])
def test_the_images_user(pod, image, expected):
    assert ids(pod, image)[:2] == expected


def test_the_containers_user_comes_first(pod):
    assert ids(pod, "user-name:latest", run_as_user=value(1000))[:2] == (1000, 1000)
    assert ids(pod, "user-name:latest", run_as_user=value(1234))[:2] == (1234, 0)
    assert ids(pod, "user-name:latest", run_as_username="member")[:2] == (1000, 1000)
    assert ids(pod, "user-name:latest", run_as_user=value(0))[:2] == (0, 0)


def test_the_group(pod):
    assert ids(pod, run_as_user=value(1000), run_as_group=value(33))[:2] == (1000, 33)
    assert ids(pod, run_as_user=value(1000), run_as_group=value(4321))[:2] == (1000, 4321)


def test_groups_of_the_image_and_of_the_container_are_merged(pod):
    found = ids(pod, run_as_user=value(1000), supplemental_groups=[1111, 2222])[2]
    assert {50000, 1111, 2222} <= set(found) <= {1000, 50000, 1111, 2222}


@pytest.mark.only_ours("it has no policies")
def test_the_strict_policy_takes_the_containers_groups_alone(pod):
    found = ids(pod, run_as_user=value(1000), supplemental_groups=[1111], supplemental_groups_policy="Strict")[2]
    assert set(found) - {1000} == {1111}


@pytest.mark.only_ours("it has no user in its status")
def test_the_status_has_the_user(pod):
    container = pod.start("sleep", "1000", **security(run_as_user=value(1000), supplemental_groups=[1111]))
    user = container.status.user.linux
    assert (user.uid, user.gid) == (1000, 1000)
    assert {50000, 1111} <= set(user.supplemental_groups)


def test_root_by_default(pod):
    assert ids(pod)[:2] == (0, 0)


@pytest.mark.parametrize("fields, says", [
    ({"run_as_username": "no-such-user"}, "no-such-user"),
    ({"run_as_group": {"value": 33}}, "run_as_group")])
def test_users_that_cannot_be(rig, pod, fields, says):
    with refused("INVALID_ARGUMENT", "UNKNOWN", "NOT_FOUND", "INTERNAL", "FAILED_PRECONDITION", says=says):
        pod.container("true", **security(**fields)).start()


def test_an_image_whose_user_is_nowhere(rig, pod):
    with refused("INVALID_ARGUMENT", "UNKNOWN", "NOT_FOUND", "INTERNAL", "FAILED_PRECONDITION", says="nobody-of-that-name"):
        pod.container("true", image="user-unknown:latest")
    assert not rig.containers()


def test_home_and_user_are_in_the_environment(pod):
    assert pod.result("echo $HOME", **security(run_as_user=value(1000))) == "/home/member\n"


# ---- user namespaces ----

FIRST, COUNT = 200_000, 65_536


def mapped(**more):
    mapping = [{"host_id": FIRST, "container_id": 0, "length": COUNT}]
    options = {"userns_options": {"mode": "POD", "uids": mapping, "gids": mapping}, "pid": "CONTAINER"}
    return {"security_context": {"namespace_options": {**options, **more}}}


@pytest.mark.only_ours("it has no user namespaces")
def test_a_user_namespace(rig):
    pod = rig.pod(linux=mapped())
    container = pod.start("sleep", "1000")
    assert container.field("Uid").split()[0] == str(FIRST)
    assert container.exec("id", "-u") == "0\n"
    assert container.exec("cat", "/proc/self/uid_map").split() == ["0", str(FIRST), str(COUNT)]
    assert container.exec("stat", "-c", "%u:%g", "/etc/passwd", "/tmp", "/etc/hosts").split() == ["0:0"] * 3
    container.sh("touch /tmp/x && chown 1000:1000 /tmp/x && hostname")
    assert pod.status.linux.namespaces.options.userns_options.uids[0].host_id == FIRST


@pytest.mark.only_ours("it has no user namespaces")
@pytest.mark.parametrize("handler", chosen().handlers)
def test_the_hosts_null_device_stays_the_hosts(rig, handler):
    """Runtimes give standard input to a container's user."""
    null = rig.place.path("/dev/null")
    before = null.stat()
    try:
        container = rig.pod(handler=handler, linux=mapped()).shell("cat; cat /dev/stdin; echo read; sleep 1000")
        until(lambda: container.output() == "read\n", "the end of no input")
        assert container.sh("cat; cat /dev/stdin; stat -Lc %t:%T /dev/stdin") == "1:3\n"
        after = null.stat()
        assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    finally:
        os.chown(null, before.st_uid, before.st_gid)
        null.chmod(before.st_mode & 0o7777)


@pytest.mark.only_ours("it has no user namespaces")
def test_containers_of_a_pod_share_its_user_namespace(rig):
    pod = rig.pod(linux=mapped())
    one, two = pod.start("sleep", "1000"), pod.start("sleep", "1000")
    assert one.proc("ns/user").readlink() == two.proc("ns/user").readlink()
    assert one.proc("ns/user").readlink() != rig.place.path("/proc/1/ns/user").readlink()


@pytest.mark.only_ours("it has no user namespaces")
def test_a_pods_network_and_shm_belong_to_its_user_namespace(rig):
    pod = rig.pod(linux=mapped())
    admin = {"security_context": {"capabilities": {"add_capabilities": ["NET_ADMIN"]}}}
    assert pod.result("echo x >/dev/shm/x && ip link add name d0 type bridge && echo made", linux=admin) == "made\n"
    assert pod.ip


@pytest.mark.only_ours("it has no user namespaces")
def test_the_next_pod_without_sees_the_images_own_ids(rig):
    rig.pod(linux=mapped()).result("true")
    assert rig.pod().result("stat -c %u /etc/passwd") == "0\n"


@pytest.mark.only_ours("it has no user namespaces")
@pytest.mark.parametrize("options, says", [
    ({"userns_options": {"mode": "POD"}}, "uids"),
    ({"userns_options": {"mode": "CONTAINER"}}, "mode"),
    ({"userns_options": {"mode": "POD", "uids": [{"host_id": 0, "container_id": 0, "length": 0}],
                         "gids": [{"host_id": 0, "container_id": 0, "length": 0}]}}, "length"),
    ({"network": "NODE"}, "network")])
def test_user_namespaces_that_cannot_be(rig, options, says):
    """The host's network is refused as long as Status says that it cannot be had together."""
    if says == "network" and rig.client.Status().features.user_namespaces_host_network:
        pytest.skip("the daemon says that it can")
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNIMPLEMENTED", says=says):
        rig.pod(linux=mapped(**options))
    assert not rig.pods()
