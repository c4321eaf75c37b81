"""Where the process is placed, limits, and what a host without a unified tree answers."""

import json
import time
from pathlib import Path

import pytest
from harness import view
from harness.runtime import Footprint, reap

TREE = Path("/sys/fs/cgroup")


def controllers():
    return (TREE / "cgroup.controllers").read_text().split()


def test_process_and_its_children_are_in_the_cgroup(runtime, bundle):
    bundle.busybox("sleep")
    bundle.sh("sleep 1000 & sleep 1000; exit 0")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    directory = TREE / f"apus-test/{bundle.id}"
    pid = runtime.pid(bundle.dir, bundle.id)
    # Not a cgroup below it: engines read the limits and the statistics where the process is.
    assert (directory / "cgroup.procs").read_text().split() == [str(pid)]
    runtime("start", bundle.id, check=True)
    end = time.monotonic() + 5
    while len((directory / "cgroup.procs").read_text().split()) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    assert len((directory / "cgroup.procs").read_text().split()) == 3
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)
    assert not directory.exists()


def test_cgroups_made_inside_are_removed(runtime, bundle):
    bundle.unmount("/sys/fs/cgroup")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw", "nosuid", "noexec", "nodev"])
    bundle.busybox("mkdir", "sleep")
    bundle.sh("mkdir -p /sys/fs/cgroup/a/b && echo $$ >/sys/fs/cgroup/a/b/cgroup.procs && sleep 1000")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    time.sleep(0.2)
    assert (TREE / f"apus-test/{bundle.id}/a/b").is_dir(), (bundle.dir / "stderr").read_text()
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)
    footprint.assert_clean()


def test_occupied_cgroup_is_refused(runtime, make_bundle):
    first, second = make_bundle(), make_bundle()
    for bundle in (first, second):
        bundle.linux["cgroupsPath"] = f"/apus-test/{first.id}"
        bundle.write()
    runtime.create(first.dir, first.id)
    result = runtime("create", "--bundle", second.dir, second.id, timeout=15)
    assert result.code == 1 and "cgroup is not empty" in result.err, result
    assert runtime.state(first.id)["status"] == "created"
    runtime("delete", "--force", first.id, check=True)


def test_cgroup_with_controllers_for_its_children_is_refused(runtime, bundle):
    """The kernel keeps processes out of such a cgroup, whichever way they come; and it is not ours to remove."""
    directory = TREE / f"apus-test/{bundle.id}"
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    directory.mkdir(parents=True)
    # With one of these the kernel would make the cgroup the root of a threaded tree instead.
    some = next(name for name in controllers() if name not in ("cpu", "cpuset", "perf_event", "pids"))
    (directory.parent / "cgroup.subtree_control").write_text(f"+{some}")
    (directory / "cgroup.subtree_control").write_text(f"+{some}")
    try:
        result = runtime("create", "--bundle", bundle.dir, bundle.id, timeout=15)
        assert result.code == 1 and "/linux/cgroupsPath" in result.err and "EBUSY" in result.err, result
        assert "subtree_control" in result.err and directory.exists()
    finally:
        directory.rmdir()
    footprint.assert_clean()


@pytest.mark.parametrize("options, owner", [(["rw"], 100000), (["ro"], 0)])
def test_writable_cgroup_is_the_containers(runtime, bundle, options, owner):
    """With a user and a cgroup namespace, root in the container may arrange the part of the tree that it sees."""
    bundle.user_namespace()
    bundle.unmount("/sys/fs/cgroup")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", [*options, "nosuid", "noexec", "nodev"])
    bundle.sh("mkdir /sys/fs/cgroup/a && echo $$ >/sys/fs/cgroup/a/cgroup.procs && cat /proc/self/cgroup; sleep 1000")
    bundle.busybox("mkdir", "cat", "sleep")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    directory = TREE / f"apus-test/{bundle.id}"
    files = [directory, directory / "cgroup.procs", directory / "cgroup.subtree_control"]
    assert [file.stat().st_uid for file in files] == [owner] * 3
    limits = [file for file in directory.iterdir() if file.name in ("memory.max", "cgroup.freeze", "hugetlb.2MB.max")]
    assert limits and all(file.stat().st_uid == 0 for file in limits)
    runtime("start", bundle.id, check=True)
    end = time.monotonic() + 10
    while owner and not (directory / "a").is_dir() and time.monotonic() < end:
        time.sleep(0.02)
    assert (directory / "a").is_dir() == (owner != 0), (bundle.dir / "stderr").read_text()
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)
    assert not directory.exists()


@pytest.mark.parametrize("path", ["/../../apus-test/{id}", "../../../../apus-test/{id}", "/apus-test/../apus-test/{id}"])
def test_path_with_dots_stays_in_the_tree(runtime, bundle, path):
    """Dots are either taken as if the tree were the root, or refused."""
    bundle.linux["cgroupsPath"] = path.format(id=bundle.id)
    bundle.without("cgroup")
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    if result.code == 0:
        assert f"0::/apus-test/{bundle.id}" in json.loads(result.out)["cgroup"]
    else:
        assert result.code == 1 and "/linux/cgroupsPath" in result.err
    footprint.assert_clean()


def test_hugetlb_limit(runtime, bundle):
    if "hugetlb" not in controllers():
        pytest.skip("the tree has no hugetlb controller")
    bundle.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    assert (TREE / f"apus-test/{bundle.id}/hugetlb.2MB.max").read_text().strip() == "4194304"
    runtime("delete", "--force", bundle.id, check=True)


def test_unified_value(runtime, bundle):
    bundle.linux["resources"] = {"unified": {"cgroup.max.depth": "3"} if "hugetlb" not in controllers() else {"hugetlb.2MB.max": "2097152"}}
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    name, value = next(iter(bundle.linux["resources"]["unified"].items()))
    assert (TREE / f"apus-test/{bundle.id}" / name).read_text().strip() == value
    runtime("delete", "--force", bundle.id, check=True)


LIMITS = {"memory": {"memory": {"limit": 1 << 28}}, "pids": {"pids": {"limit": 100}}, "cpu": {"cpu": {"quota": 50000, "period": 100000}},
          "cpuset": {"cpu": {"cpus": "0"}}, "io": {"blockIO": {"weight": 100}}}
FILES = {"memory": ("memory.max", "268435456"), "pids": ("pids.max", "100"), "cpu": ("cpu.max", "50000 100000"), "cpuset": ("cpuset.cpus", "0")}


@pytest.mark.parametrize("name", list(LIMITS))
def test_limit_is_set_or_refused(runtime, bundle, name):
    """With the controller the value is there; without it the error names the controller."""
    bundle.linux["resources"] = LIMITS[name]
    bundle.write()
    if name in controllers():
        runtime.create(bundle.dir, bundle.id)
        if name in FILES:
            file, value = FILES[name]
            assert (TREE / f"apus-test/{bundle.id}" / file).read_text().strip() == value
        runtime("delete", "--force", bundle.id, check=True)
        return
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, timeout=15)
    assert result.code == 1 and "/linux/resources" in result.err and name in result.err, result
    footprint.assert_clean()


@pytest.mark.parametrize("resources", [
    {"memory": {"limit": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0}, "blockIO": {"weight": 0}, "pids": {}},
    {"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}, "cpu": {"quota": -1}},
    {"memory": {}, "cpu": {}, "pids": {}, "blockIO": {}, "hugepageLimits": [], "network": {}, "devices": [], "unified": {}, "rdma": {}}])
def test_values_that_limit_nothing_need_no_controller(runtime, bundle, resources):
    """Engines always send these; a host without the controllers runs them."""
    bundle.linux["resources"] = resources
    bundle.sh("exit 0")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0, result


@pytest.mark.parametrize("key", ["../escape", "a/b", "memory", ""])
def test_bad_unified_keys(runtime, bundle, key):
    bundle.linux["resources"] = {"unified": {key: "1"}}
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, timeout=15)
    assert result.code == 1 and "/linux/resources/unified" in result.err, result
    footprint.assert_clean()


# ---- the host as it is, without our view ---------------------------------------------------------


def on_the_host(runtime, *arguments, **more):
    return runtime(*arguments, prefix=view.host_mounts(), **more)


@pytest.mark.hybrid
def test_bundle_without_limits_runs_on_a_hybrid_host(runtime, bundle):
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.unmount("/sys/fs/cgroup")
    bundle.without("cgroup")
    bundle.write()
    result = on_the_host(runtime, "run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0, result
    places = json.loads(result.out)["cgroup"]
    assert f"0::/apus-test/{bundle.id}" in places, "tracked in the v2 tree"
    assert all(place.endswith(f":/apus-test/{bundle.id}") for place in places), "and in every other hierarchy"
    assert not list(Path("/sys/fs/cgroup").rglob(bundle.id))


@pytest.mark.hybrid
def test_default_bundle_runs_on_a_hybrid_host(runtime, bundle):
    bundle.sh("exit 6")
    bundle.write()
    result = on_the_host(runtime, "run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 6, result


@pytest.mark.hybrid
def test_kill_reaches_processes_of_a_container_on_a_hybrid_host(runtime, bundle):
    bundle.without("pid")
    bundle.busybox("sleep")
    bundle.sh("sleep 999 & exit 0")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = on_the_host(runtime, "run", "--bundle", bundle.dir, bundle.id, timeout=15)
    assert result.code == 0, result
    footprint.assert_clean()
