"""Limits of containers: what is asked for is in the kernel, is changed there, and what happens beyond it."""

import os

import pytest
from harness.client import refused
from harness.pods import until

MEMORY = 96 << 20


@pytest.fixture
def pod(rig):
    return rig.pod()


def limits(**resources):
    return {"linux": {"resources": resources}}


def read(container, controller, unified, legacy):
    """A setting of its cgroup, by the name it has in this host's tree."""
    v2 = container.rig.place.tree.view == "unified"
    return (container.cgroup(controller) / (unified if v2 else legacy)).read_text().strip()


def memory(container):
    return int(read(container, "memory", "memory.max", "memory.limit_in_bytes"))


def quota(container):
    if container.rig.place.tree.view == "unified":
        return tuple(map(int, read(container, "cpu", "cpu.max", "").split()))
    return int(read(container, "cpu", "", "cpu.cfs_quota_us")), int(read(container, "cpu", "", "cpu.cfs_period_us"))


def shares(container):
    """cgroup v2 has weights: shares from 2 to 262144 are 1 to 10000 there."""
    if container.rig.place.tree.view == "unified":
        return int(read(container, "cpu", "cpu.weight", ""))
    return int(read(container, "cpu", "", "cpu.shares"))


@pytest.mark.controllers("memory")
def test_memory(pod):
    container = pod.start("sleep", "1000", **limits(memory_limit_in_bytes=MEMORY))
    assert memory(container) == MEMORY


@pytest.mark.controllers("cpu")
def test_processor_time(pod):
    container = pod.start("sleep", "1000", **limits(cpu_quota=50_000, cpu_period=100_000, cpu_shares=512))
    assert quota(container) == (50_000, 100_000)
    assert shares(container) in (512, 20, 59)  # 59: the newer of the two formulas for v2


@pytest.mark.controllers("cpuset")
def test_processors(pod):
    container = pod.start("sleep", "1000", **limits(cpuset_cpus="0", cpuset_mems="0"))
    assert read(container, "cpuset", "cpuset.cpus", "cpuset.cpus") == "0"
    assert container.field("Cpus_allowed_list") == "0"


def test_oom_score(pod):
    container = pod.start("sleep", "1000", **limits(oom_score_adj=777))
    assert container.proc("oom_score_adj").read_text() == "777\n"


@pytest.mark.controllers("memory", "cpu")
def test_update(pod):
    container = pod.start("sleep", "1000", **limits(memory_limit_in_bytes=MEMORY, cpu_quota=50_000, cpu_period=100_000))
    container.resources(memory_limit_in_bytes=2 * MEMORY)
    assert memory(container) == 2 * MEMORY
    assert quota(container) == (50_000, 100_000), "what was not named stays"
    container.resources(cpu_quota=20_000, cpu_period=100_000, cpu_shares=1024)
    assert quota(container) == (20_000, 100_000)
    assert memory(container) == 2 * MEMORY


@pytest.mark.controllers("memory", "cpu")
@pytest.mark.only_ours("it has no resources in its status")
def test_the_status_has_the_resources(pod):
    container = pod.start("sleep", "1000", **limits(memory_limit_in_bytes=MEMORY, cpu_shares=512))
    found = container.status.resources.linux
    assert (found.memory_limit_in_bytes, found.cpu_shares) == (MEMORY, 512)
    container.resources(memory_limit_in_bytes=2 * MEMORY)
    found = container.status.resources.linux
    assert (found.memory_limit_in_bytes, found.cpu_shares) == (2 * MEMORY, 512)


@pytest.mark.controllers("memory", "cpu")
@pytest.mark.only_ours("it has changed the first when the second fails")
def test_an_update_is_all_or_nothing(pod):
    container = pod.start("sleep", "1000", **limits(memory_limit_in_bytes=MEMORY, cpu_quota=50_000, cpu_period=100_000))
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNKNOWN", "INTERNAL"):
        container.resources(cpu_quota=20_000, cpu_period=100_000, memory_limit_in_bytes=2 * MEMORY, cpuset_cpus="4000")
    assert quota(container) == (50_000, 100_000)
    assert memory(container) == MEMORY


@pytest.mark.controllers("memory")
def test_an_update_before_the_start(pod):
    container = pod.container("sleep", "1000", **limits(memory_limit_in_bytes=MEMORY))
    container.resources(memory_limit_in_bytes=2 * MEMORY)
    container.start()
    assert memory(container) == 2 * MEMORY


@pytest.mark.only_ours("it does not change it")
def test_an_update_of_the_oom_score(pod):
    container = pod.start("sleep", "1000", **limits(oom_score_adj=600))
    score = lambda: (int(container.proc("oom_score_adj").read_text()), container.status.resources.linux.oom_score_adj)
    container.resources(oom_score_adj=800)
    assert score() == (800, 800)
    container.resources(cpu_shares=512)
    assert score() == (800, 800), "what is not named stays"
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNKNOWN", "INTERNAL"):
        container.resources(oom_score_adj=900, cpuset_cpus="4000")
    assert score() == (800, 800)
    with refused("INVALID_ARGUMENT", says="/linux/oom_score_adj"):
        container.resources(oom_score_adj=2000)


@pytest.mark.only_ours("it drops them")
def test_an_update_with_annotations(rig, pod):
    container = pod.start("sleep", "1000")
    with refused("UNIMPLEMENTED", says="/annotations/example.com~1x"):
        rig.client.UpdateContainerResources(container_id=container.id, annotations={"example.com/x": "1"})


@pytest.mark.only_ours("it has nothing to say against it")
def test_an_update_after_the_end(pod):
    container = pod.start("true")
    container.wait()
    with refused("FAILED_PRECONDITION", "UNKNOWN"):
        container.resources(cpu_shares=512)


@pytest.mark.controllers("memory")
@pytest.mark.only_ours("with runc on cgroup v1 it misses the event of a container that ends at once")
def test_out_of_memory(pod):
    container = pod.shell("x=$(head -c 200000000 /dev/zero | tr '\\0' x)", **limits(
        memory_limit_in_bytes=32 << 20, memory_swap_limit_in_bytes=32 << 20))
    status = container.wait()
    assert (status.exit_code, status.reason) == (137, "OOMKilled")


@pytest.mark.controllers("memory")
def test_a_kill_is_not_out_of_memory(pod):
    container = pod.start("sleep", "1000", **limits(memory_limit_in_bytes=MEMORY))
    container.stop(grace=0)
    status = container.status
    assert (status.exit_code, status.reason) == (137, "Error")


@pytest.mark.controllers("memory")
@pytest.mark.only_ours("the whole container ends there")
def test_a_child_out_of_memory(pod):
    """The container goes on where only a child was killed; its reason is that of its own end."""
    container = pod.shell("sh -c 'x=$(head -c 200000000 /dev/zero | tr \"\\0\" x)'; sleep 0.2; exit 3", **limits(
        memory_limit_in_bytes=32 << 20, memory_swap_limit_in_bytes=32 << 20))
    status = container.wait()
    assert status.exit_code in (3, 137)
    assert status.reason == {3: "Error", 137: "OOMKilled"}[status.exit_code] or status.reason == "OOMKilled"


@pytest.mark.parametrize("resources, field", [
    ({"memory_limit_in_bytes": -5}, "memory_limit_in_bytes"), ({"cpu_period": -1}, "cpu_period"),
    ({"cpuset_cpus": "no cpus"}, "cpuset_cpus"), ({"oom_score_adj": 5000}, "oom_score_adj"),
    ({"hugepage_limits": [{"page_size": "3KB", "limit": 1}]}, "hugepage_limits")])
@pytest.mark.only_ours("it hands them on to runc, or overlooks them")
def test_limits_that_cannot_be(rig, pod, resources, field):
    with refused("INVALID_ARGUMENT", says=f"/config/linux/resources/{field}"):
        pod.container("true", **limits(**resources))
    assert not rig.containers()


@pytest.mark.only_ours("it takes no such call")
def test_pod_level_resources(rig, pod):
    rig.client.UpdatePodSandboxResources(pod_sandbox_id=pod.id, resources={"cpu_shares": 512})
    with refused("NOT_FOUND", says="no-such"):
        rig.client.UpdatePodSandboxResources(pod_sandbox_id="no-such", resources={"cpu_shares": 512})


# ---- devices ----

def device(host="/dev/full", inner=None, permissions="rwm"):
    return {"devices": [{"host_path": host, "container_path": inner or host, "permissions": permissions}]}


def test_usual_devices(pod):
    text = pod.result("ls /dev; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x >/dev/null")
    assert {"null", "zero", "full", "tty", "random", "urandom", "ptmx", "pts", "shm", "fd", "stdin"} <= set(text.split())


@pytest.mark.controllers("devices")
def test_other_devices_are_closed(pod):
    assert "not permitted" in pod.result("mknod /d b 7 0; head -c 1 /d 2>&1; exit 0")


def test_a_device_of_the_host(pod):
    assert "No space" in pod.result("(echo x >/dev/mine) 2>&1; exit 0", **device(inner="/dev/mine"))


@pytest.mark.controllers("devices")
@pytest.mark.parametrize("permissions", ["r", "w", "rw"])
def test_what_a_device_may_be_used_for(pod, permissions):
    """To open one of these does nothing, and no container has it by default."""
    host = next((name for name in ("/dev/fuse", "/dev/loop-control") if os.path.exists(name)), None)
    if not host:
        pytest.skip("there is neither /dev/fuse nor /dev/loop-control")
    text = pod.result("(: </dev/mine) && printf r; (: >/dev/mine) && printf w; exit 0",
                      **device(host, "/dev/mine", permissions))
    assert text.strip() == permissions


def test_a_directory_of_devices(pod):
    pod.rig.place.run("sh", "-c", "mkdir -p /run/devices/sub && mknod /run/devices/sub/one c 1 7 && mknod /run/devices/two c 1 5")
    try:
        assert pod.result("find /dev/all -type c | sort", **device("/run/devices", "/dev/all")).split() == [
            "/dev/all/sub/one", "/dev/all/two"]
    finally:
        pod.rig.place.run("rm", "-r", "/run/devices")


def test_a_device_that_is_not_there(rig, pod):
    with refused("INVALID_ARGUMENT", "NOT_FOUND", "UNKNOWN", "FAILED_PRECONDITION", says="/dev/no-such-device"):
        pod.container("true", **device("/dev/no-such-device"))
    assert not rig.containers()


@pytest.mark.only_ours("it takes anything")
def test_permissions_that_are_none(rig, pod):
    with refused("INVALID_ARGUMENT", says="permissions"):
        pod.container("true", **device(permissions="rwx"))


# ---- CDI ----

@pytest.mark.only_ours("it has no CDI")
def test_cdi_devices(rig, pod):
    rig.place.run("sh", "-c", """mkdir -p /run/cdi && cat >/run/cdi/test.json <<'JSON'
{"cdiVersion": "0.6.0", "kind": "tests.test/thing", "containerEdits": {"env": ["OF_ALL=1"]}, "devices": [
 {"name": "one", "containerEdits": {"env": ["THING=one"], "deviceNodes": [{"path": "/dev/thing", "hostPath": "/dev/full"}]}}]}
JSON""")
    try:
        text = pod.result("echo $THING $OF_ALL; echo x >/dev/thing", code=1, CDI_devices=[{"name": "tests.test/thing=one"}])
        assert text == "one 1\n"
        with refused("INVALID_ARGUMENT", "NOT_FOUND", says="tests.test/thing=two"):
            pod.container("true", CDI_devices=[{"name": "tests.test/thing=two"}])
    finally:
        rig.place.run("rm", "-r", "/run/cdi")


@pytest.mark.controllers("pids")
def test_the_parents_limits_hold(rig):
    """kubelet limits the pod's cgroup: what is in it cannot pass by."""
    pod = rig.pod(linux={"cgroup_parent": "/pods/limited"})
    container = pod.start("sleep", "1000")
    group = next(parent for parent in container.cgroup("pids").parents if parent.name == "limited")
    (group / "pids.max").write_text("20")
    text = container.sh("for i in $(seq 40); do sleep 2 & done 2>&1; true", code=None)
    assert "fork" in text or len(until(lambda: container.pids(), "")) <= 20
    pod.remove()
    for top in rig.place.tree.top:
        if (top / "pods/limited").exists():
            (top / "pods/limited").rmdir()
