"""The systemd cgroup driver where v1 controllers are, with a cgroup v2 tree beside them (hybrid) and without.

For a host whose first process is a systemd that was told to mount them: scripts/vm --systemd --cgroups hybrid|v1.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import view
from harness.legacy import hierarchies, host_tree, own_places, remains
from harness.runtime import reap
from test_systemd import RESOURCES as BOTH
from test_systemd import (  # the fixtures too  # noqa: F401
    bundle, devices, is_loaded, no_runaway, probe, references, show, systemd)

pytestmark = [pytest.mark.systemd, pytest.mark.hybrid]

PROPERTIES = """Description Slice Delegate MemoryAccounting CPUAccounting TasksAccounting DefaultDependencies MemoryLimit
    CPUShares CPUQuotaPerSecUSec CPUQuotaPeriodUSec BlockIOWeight TasksMax DevicePolicy DeviceAllow Transient After""".split()
FILES = """memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes
    cpu,cpuacct/cpu.shares cpu,cpuacct/cpu.cfs_quota_us cpu,cpuacct/cpu.cfs_period_us cpuset/cpuset.cpus pids/pids.max
    blkio/blkio.bfq.weight devices/devices.list hugetlb/hugetlb.2MB.limit_in_bytes net_cls,net_prio/net_cls.classid""".split()


@pytest.fixture(scope="module")
def tree():
    with host_tree() as root:
        yield root


@pytest.fixture
def seen_by_systemd(systemd, references):  # noqa: F811
    """Each runtime where it sees what systemd has mounted."""
    for runtime in (systemd, *references.values()):
        runtime.become = view.host_mounts()
    return systemd


def is_mounted(tree, names):
    """Without the cgroup v2 tree that the kernel has and nobody has mounted."""
    return names != "" or (tree / "unified").is_dir()


def places_of(pid, tree):
    return {names: path for names, path in own_places(pid).items() if is_mounted(tree, names)}


def assert_gone(unit, tree):
    end = time.monotonic() + 10
    while is_loaded(unit) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_loaded(unit), show(unit)
    assert not remains(tree, unit)


def discard(runtime, bundle):  # noqa: F811
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_life(seen_by_systemd, bundle, tree):  # noqa: F811
    apus = seen_by_systemd
    bundle.busybox("cat")
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    apus.create(bundle.dir, bundle.id)
    pid = apus.pid(bundle.dir, bundle.id)
    assert show(unit, "ActiveState", "ControlGroup") == {
        "ActiveState": "active", "ControlGroup": f"/system.slice/{unit}"}
    # In every hierarchy, those among it that systemd leaves alone.
    places = places_of(pid, tree)
    assert len(places) >= 10 and set(places.values()) == {f"/system.slice/{unit}"}
    apus("start", bundle.id, check=True)
    # The later commands need not be told of the driver.
    apus.flags = []
    result = apus("exec", bundle.id, "/bin/cat", "/proc/self/cgroup", check=True)
    assert {line.split(":", 2)[2] for line in result.out.splitlines() if is_mounted(tree, line.split(":")[1])} == {"/"}
    apus("pause", bundle.id, check=True)
    assert apus.state(bundle.id)["status"] == "paused"
    apus("resume", bundle.id, check=True)
    apus("kill", bundle.id, "KILL", check=True)
    reap(pid)
    apus.wait_for_status(bundle.id, "stopped")
    apus("delete", bundle.id, check=True)
    assert_gone(unit, tree)


@pytest.mark.parametrize("own", [True, False], ids=["own", "host"])
def test_cgroup_namespace_begins_at_the_unit(seen_by_systemd, bundle, tree, own):  # noqa: F811
    namespaces = [n for n in bundle.linux["namespaces"] if n["type"] != "cgroup"]
    bundle.linux["namespaces"] = namespaces + ([{"type": "cgroup"}] if own else [])
    bundle.sh("cat /proc/self/cgroup")
    bundle.busybox("cat")
    bundle.write()
    result = seen_by_systemd("run", "--bundle", bundle.dir, bundle.id, check=True)
    seen = {names: path for _, names, path in (line.split(":", 2) for line in result.out.splitlines())}
    assert {path for names, path in seen.items() if is_mounted(tree, names)} == {"/" if own else f"/system.slice/apus-{bundle.id}.scope"}
    assert_gone(f"apus-{bundle.id}.scope", tree)


RESOURCES = {name: BOTH[name] for name in (
    "nothing", "memory", "memory without limit", "quota", "quota and period", "no quota", "cpuset", "pids",
    "pids without limit", "all devices", "no devices", "some devices", "huge pages")} | {
    "shares": {"cpu": {"shares": 512}},
    "weight": {"blockIO": {"weight": 300}},
    "network": {"network": {"classID": 1048577}},
}


def read_files(place):
    """By the directory of the unit in each hierarchy."""
    read = {}
    for name in FILES:
        hierarchy, file = name.split("/")
        path = place(hierarchy) / file
        if path.exists():
            read[name] = sorted(path.read_text().strip().split("\n"))
    return read


def observe(runtime, bundle, unit, tree):  # noqa: F811
    """What systemd and the kernel have been told, and the container removed again."""
    runtime.create(bundle.dir, bundle.id)
    try:
        group = show(unit, "ControlGroup")["ControlGroup"].lstrip("/")
        values = show(unit, *PROPERTIES)
        values["DeviceAllow"] = devices(sorted(values.get("DeviceAllow", "").split(",")))
        values["CPUQuotaPeriodUSec"] = values["CPUQuotaPeriodUSec"].replace("infinity", "100ms")
        files = read_files(lambda hierarchy: tree / hierarchy / group)
        places = places_of(runtime.pid(bundle.dir, bundle.id), tree)
    finally:
        discard(runtime, bundle)
    return values, files, places


@pytest.mark.parametrize("name", RESOURCES)
def test_like_runc(seen_by_systemd, references, bundle, tree, name):  # noqa: F811
    """The unit and the files are as runc makes them."""
    bundle.linux["resources"] = RESOURCES[name]
    bundle.linux["cgroupsPath"] = f"apus-test.slice:cmp:{bundle.id}"
    bundle.write()
    unit = f"cmp-{bundle.id}.scope"
    ours, our_files, our_places = observe(seen_by_systemd, bundle, unit, tree)
    assert_gone(unit, tree)
    theirs, their_files, their_places = observe(references["runc"], bundle, unit, tree)
    assert len(our_files) >= 9
    # Of a scope without accounting, old releases of runc make no accounting for tasks; a limit is told by all.
    for values in (ours, theirs):
        values.pop("TasksAccounting")
    assert ours == theirs
    assert our_files == their_files
    # systemd takes a process out of a devices cgroup that it is told no list for; runc leaves it there, and knows no `misc`.
    group = f"/apus.slice/apus-test.slice/{unit}"
    free = {"devices"} if name == "all devices" else set()
    assert {names for names, path in our_places.items() if path != group} <= free
    assert {names for names, path in their_places.items() if path != group} <= {"devices", "misc"}


def test_limits_outlive_update_and_reload(seen_by_systemd, bundle, tree):  # noqa: F811
    apus = seen_by_systemd
    bundle.linux["resources"] = {
        "memory": {"limit": 64 << 20}, "cpu": {"quota": 12345, "shares": 512}, "pids": {"limit": 9},
        "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}]}
    bundle.write()
    unit = f"apus-{bundle.id}.scope"

    def place(hierarchy):
        return tree / hierarchy / "system.slice" / unit

    apus.create(bundle.dir, bundle.id)
    apus.flags = []
    before = read_files(place)
    assert before["memory/memory.limit_in_bytes"] == [str(64 << 20)] and before["pids/pids.max"] == ["9"]
    # What systemd rounds, the kernel gets too.
    assert before["cpu,cpuacct/cpu.cfs_quota_us"] == ["13000"]
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "set-property", "--runtime", unit, "MemoryAccounting=yes"], check=True)
    assert read_files(place) == before
    apus("update", "--memory", str(96 << 20), "--cpu-quota", "23456", "--pids-limit", "50", bundle.id, check=True)
    assert show(unit, "MemoryLimit", "TasksMax", "CPUQuotaPerSecUSec") == {
        "MemoryLimit": str(96 << 20), "TasksMax": "50", "CPUQuotaPerSecUSec": "240ms"}
    after = read_files(place)
    assert after["memory/memory.limit_in_bytes"] == [str(96 << 20)] and after["pids/pids.max"] == ["50"]
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert read_files(place) == after
    discard(apus, bundle)
    assert_gone(unit, tree)


def test_device_rules_that_systemd_has_no_words_for(seen_by_systemd, bundle, tree):  # noqa: F811
    """Nor has the v1 controller: a program in the cgroup v2 tree denies them, or nobody can."""
    bundle.linux["resources"] = {"devices": [
        {"allow": True, "type": "c", "access": "rwm"}, {"allow": False, "type": "c", "major": 240, "minor": 1, "access": "r"}]}
    bundle.linux["devices"] = [
        {"path": f"/dev/{name}", "type": "c", "major": 240, "minor": minor}
        for name, minor in (("denied", 1), ("allowed", 2))]
    bundle.sh("while :; do cat /dev/denied /dev/allowed; sleep 1; done")
    bundle.busybox("cat")
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    if not (tree / "unified").is_dir():
        result = seen_by_systemd("create", "--bundle", bundle.dir, bundle.id)
        assert result.code == 1 and "/linux/resources/devices: cgroup v1 cannot deny" in result.err, result
        return assert_gone(unit, tree)
    seen_by_systemd.create(bundle.dir, bundle.id)
    seen_by_systemd("start", bundle.id, check=True)
    end = time.monotonic() + 60
    while (bundle.dir / "stderr").read_text().count("denied") < 2 and time.monotonic() < end:
        time.sleep(0.5)
    # There is no such device: who is let in hears that.
    assert set((bundle.dir / "stderr").read_text().splitlines()) == {
        "cat: can't open '/dev/denied': Operation not permitted",
        "cat: can't open '/dev/allowed': No such device or address"}
    discard(seen_by_systemd, bundle)
    assert_gone(unit, tree)


def test_slice(seen_by_systemd, bundle, tree):  # noqa: F811
    unit = f"apust{bundle.id}.slice"
    bundle.linux["cgroupsPath"] = f"-.slice:ignored:{unit}"
    bundle.write()
    seen_by_systemd.create(bundle.dir, bundle.id)
    pid = seen_by_systemd.pid(bundle.dir, bundle.id)
    assert {names: path for names, path in places_of(pid, tree).items() if path != f"/{unit}"} == {}
    discard(seen_by_systemd, bundle)
    # A slice's name stays known for a while.
    assert show(unit)["ActiveState"] == "inactive" and not remains(tree, unit)


def test_running_unit_is_left_alone(seen_by_systemd, bundle, tree):  # noqa: F811
    unit = f"apus-{bundle.id}.scope"
    other = subprocess.Popen(["systemd-run", "--scope", "--quiet", f"--unit={unit}", "sleep", "1000"])
    end = time.monotonic() + 10
    while show(unit)["ActiveState"] != "active" and time.monotonic() < end:
        time.sleep(0.1)
    before = remains(tree, unit)
    bundle.write()
    result = seen_by_systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and unit in result.err, result
    assert seen_by_systemd.state(bundle.id) is None
    assert show(unit)["ActiveState"] == "active" and other.poll() is None
    assert sorted(remains(tree, unit)) == sorted(before)
    subprocess.run(["systemctl", "stop", unit], check=True)
    other.wait(20)


def test_refusal_leaves_nothing(seen_by_systemd, bundle, tree):  # noqa: F811
    """Before the unit is started, and after."""
    unit = f"apus-{bundle.id}.scope"
    bundle.linux["resources"] = {"cpu": {"cpus": "4096"}}
    bundle.write()
    result = seen_by_systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "/linux/resources/cpu/cpus" in result.err, result
    assert_gone(unit, tree)
    bundle.linux["resources"] = {}
    bundle.linux["namespaces"].append({"type": "network", "path": "/proc/nowhere"})
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "network" or "path" in n]
    bundle.write()
    result = seen_by_systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "/proc/nowhere" in result.err, result
    assert_gone(unit, tree)


def test_kill_reaches_all_without_a_pid_namespace(seen_by_systemd, bundle, tree):  # noqa: F811
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "pid"]
    bundle.sh("sleep 1000 & sleep 1000 & exec sleep 1000")
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    seen_by_systemd.create(bundle.dir, bundle.id)
    seen_by_systemd("start", bundle.id, check=True)
    procs = tree / "freezer/system.slice" / unit / "cgroup.procs"
    end = time.monotonic() + 20
    while len(procs.read_text().split()) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    pids = [int(pid) for pid in procs.read_text().split()]
    assert len(pids) == 3
    discard(seen_by_systemd, bundle)
    for pid in pids:
        try:
            os.kill(pid, signal.SIG_DFL)
        except ProcessLookupError:
            continue
        reap(pid)
    assert_gone(unit, tree)


def test_users_manager_is_refused(seen_by_systemd, bundle, tree):  # noqa: F811
    bundle.write()
    result = seen_by_systemd("create", "--bundle", bundle.dir, bundle.id, flags=["--rootless", "true"])
    kind = "hybrid" if (tree / "unified").is_dir() else "legacy"
    assert result.code == 1 and f"a user's systemd manages cgroup v2 only, and this host is {kind}" in result.err, result
    assert all(h.is_dir() for h in hierarchies(tree)) and not is_loaded(f"apus-{bundle.id}.scope")
