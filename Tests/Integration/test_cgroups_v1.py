"""cgroup v1: the host's own hierarchies, with a cgroup v2 tree beside them (hybrid) and without (pure).

The marker `hybrid` is of tests that need v1 controllers: a kernel whose controllers are in use by cgroup v2 cannot
show them in v1.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from harness import compare, view
from harness.bundle import Bundle
from harness.disk import disk
from harness.legacy import hierarchies, host_tree, own_places, remains
from harness.runtime import Runtime, reap
from harness.table import LIST

pytestmark = pytest.mark.hybrid

WITHOUT_TREE = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                'umount /sys/fs/cgroup/unified && exec "$@"', "sh"]
VIEWS = ["hybrid", "pure"]


def prefix(kind):
    return [*view.host_mounts(), *(WITHOUT_TREE if kind == "pure" else [])]


@pytest.fixture(scope="module")
def tree():
    with host_tree() as root:
        before = {h.name for h in root.iterdir() if (h / "apus-test").is_dir()}
        yield root
        for hierarchy in root.iterdir():
            if hierarchy.name not in before:
                try:
                    (hierarchy / "apus-test").rmdir()
                except OSError:
                    pass


class Container:
    """A created container; deleted whatever comes of it."""

    def __init__(self, runtime, bundle, kind):
        self.runtime, self.bundle, self.kind = runtime, bundle, kind
        if not (bundle.rootfs / "bin/sleep").is_symlink():
            bundle.busybox("sleep")

    def __enter__(self):
        self.bundle.write()
        self.runtime.create(self.bundle.dir, self.bundle.id, prefix=prefix(self.kind))
        self.pid = self.runtime.pid(self.bundle.dir, self.bundle.id)
        return self

    def __call__(self, *arguments, **more):
        return self.runtime(*arguments, prefix=prefix(self.kind), **more)

    def start(self):
        self("start", self.bundle.id, check=True)

    def state(self):
        result = self("state", self.bundle.id)
        return json.loads(result.out) if result.code == 0 else None

    def __exit__(self, *_):
        self("delete", "--force", self.bundle.id)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except (OSError, AttributeError):
            pass
        else:
            reap(self.pid)


# ---- every field, beside runc and crun -----------------------------------------------------------


DENY = {"allow": False, "access": "rwm"}
FIELDS = {
    "nothing": {},
    "memory-limit": {"memory": {"limit": 64 << 20}},
    "memory-unlimited": {"memory": {"limit": -1}},
    "memory-swap": {"memory": {"limit": 64 << 20, "swap": 96 << 20}},
    "memory-swap-unlimited": {"memory": {"limit": 64 << 20, "swap": -1}},
    "memory-reservation": {"memory": {"reservation": 32 << 20}},
    "memory-swappiness": {"memory": {"swappiness": 30}},
    "memory-no-oom-killer": {"memory": {"limit": 64 << 20, "disableOOMKiller": True}},
    "memory-kernel-tcp": {"memory": {"kernelTCP": 16 << 20}},
    "cpu-shares": {"cpu": {"shares": 512}},
    "cpu-quota": {"cpu": {"quota": 50000}},
    "cpu-period": {"cpu": {"period": 50000}},
    "cpu-quota-and-period": {"cpu": {"quota": 500000, "period": 1000000}},
    "cpu-quota-unlimited": {"cpu": {"quota": -1}},
    "cpuset": {"cpu": {"cpus": "0", "mems": "0"}},
    "pids": {"pids": {"limit": 77}},
    "pids-unlimited": {"pids": {"limit": -1}},
    "blkio-throttle": {"blockIO": {
        "throttleReadBpsDevice": [{**disk(), "rate": 1 << 20}], "throttleWriteBpsDevice": [{**disk(), "rate": 2 << 20}],
        "throttleReadIOPSDevice": [{**disk(), "rate": 100}], "throttleWriteIOPSDevice": [{**disk(), "rate": 200}]}},
    "blkio-weight": {"blockIO": {"weight": 300}},
    "devices-default": {"devices": [DENY]},
    "devices-some": {"devices": [DENY, {"allow": True, "type": "b", "major": 8, "access": "r"},
                                 {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
                                 {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "w"}]},
    "devices-all": {"devices": [{"allow": True, "access": "rwm"}]},
    "engine": {
        "devices": [DENY], "memory": {"limit": 128 << 20, "swap": 256 << 20, "reservation": 64 << 20, "swappiness": 60},
        "cpu": {"shares": 1024, "quota": 20000, "period": 100000, "cpus": "0", "mems": "0"}, "pids": {"limit": 200}},
}
# Statistics, and what acts when it is read or written.
VOLATILE = re.compile(r"^cgroup\.|stat|usage|tasks|failcnt|event_control|pressure|slabinfo|force_empty|reset|"
                      r"io_serv|current|peak|events|notify_on_release|release_agent|\.time$|sectors|io_(queued|merged|wait)|effective_")


def observed(tree, places):
    """The values of all files of a container's cgroups."""
    found = {}
    for hierarchy in hierarchies(tree):
        name = "name=systemd" if hierarchy.name == "systemd" else hierarchy.name
        directory = Path(f"{hierarchy}{places[name]}")
        found[f"place:{name}"] = re.sub(r"[0-9a-f]{10,}", "ID", places[name])
        for file in directory.iterdir():
            if file.is_file() and not VOLATILE.search(file.name):
                try:
                    found[f"{name}:{file.name}"] = "\n".join(sorted(file.read_text().split("\n"))).strip()
                except OSError as error:
                    found[f"{name}:{file.name}"] = error.strerror
    return found


def observe(runtime, workplace, probe, tree, kind, resources):
    bundle = Bundle(workplace / f"v1-{runtime.name}-{uuid.uuid4().hex[:6]}", probe, f"t{uuid.uuid4().hex[:10]}")
    try:
        bundle.linux["resources"] = resources
        bundle.process["args"] = ["/bin/sleep", "1000"]
        with Container(runtime, bundle, kind) as container:
            found = observed(tree, own_places(container.pid))
        # Debian's runtimes are not our concern here.
        if runtime.name == "apus":
            assert not remains(tree, bundle.id)
        return found
    finally:
        # crun leaves the cgroups of a container that it refuses.
        for directory in remains(tree, bundle.id) if runtime.name != "apus" else ():
            os.rmdir(directory)
        bundle.close()


@pytest.fixture(scope="module")
def entries():
    return [e for e in compare.load(LIST) if e.config.startswith("v1-")]


def references(kind, workplace):
    # Debian's crun refuses a hybrid host.
    names = ["runc"] if kind == "hybrid" else ["runc", "crun"]
    missing = [n for n in names if not shutil.which(n)]
    assert not missing, f"not installed, so not compared with: {missing}"
    return [Runtime(n, shutil.which(n), workplace / f"v1-{n}") for n in names]


seen = set()


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("name", list(FIELDS))
def test_same_files(runtime, workplace, probe, tree, entries, name, kind):
    others = {}
    for reference in references(kind, workplace):
        try:
            others[reference.name] = observe(reference, workplace, probe, tree, kind, FIELDS[name])
        except AssertionError as refusal:
            print(f"{reference.name} cannot: {refusal}")
    try:
        mine = observe(runtime, workplace, probe, tree, kind, FIELDS[name])
    except AssertionError as refusal:
        # A kernel without the scheduler that a weight is for: nobody can set it, and we say which field it is.
        assert not others and name == "blkio-weight" and "/linux/resources/blockIO/weight" in str(refusal), refusal
        seen.add((name, kind))
        return
    assert others, "no runtime to compare with"
    result = compare.compare(f"v1-{kind}-{name}", mine, others)
    assert result.agreed > 40, "too few files for this to be an observation"
    seen.add((name, kind))
    found = compare.unlisted(result.differences, entries)
    assert not found, "\n".join(map(str, found))


def test_no_listed_difference_is_stale(entries):
    if len(seen) < len(FIELDS) * len(VIEWS):
        return
    stale = [f"{e.config} | {e.leaf}" for e in entries if not e.hits]
    assert not stale, stale


NEWER = {
    "burst": ({"cpu": {"quota": 20000, "period": 50000, "burst": 10000}}, "cpu", "cpu.cfs_burst_us", "10000"),
    "idle": ({"cpu": {"idle": 1}}, "cpu", "cpu.idle", "1"),
}


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("name", list(NEWER))
def test_fields_that_are_newer_than_the_references(runtime, bundle, tree, name, kind):
    resources, hierarchy, file, value = NEWER[name]
    bundle.linux["resources"] = resources
    bundle.process["args"] = ["/bin/sleep", "1000"]
    with Container(runtime, bundle, kind):
        assert (tree / hierarchy / f"apus-test/{bundle.id}" / file).read_text().strip() == value


@pytest.mark.parametrize("kind", VIEWS)
def test_realtime_below_a_parent_that_has_some(runtime, bundle, tree, kind):
    if not (tree / "cpu/cpu.rt_runtime_us").exists():
        bundle.linux["resources"] = {"cpu": {"realtimeRuntime": 1000, "realtimePeriod": 500000}}
        with pytest.raises(AssertionError, match="/linux/resources/cpu/realtime.*CONFIG_RT_GROUP_SCHED"):
            with Container(runtime, bundle, kind):
                pass
        return
    top = f"apus-test-rt-{bundle.id}"
    (tree / "cpu" / top).mkdir()
    try:
        (tree / "cpu" / top / "cpu.rt_runtime_us").write_text("50000")
        bundle.linux["cgroupsPath"] = f"/{top}/{bundle.id}"
        bundle.linux["resources"] = {"cpu": {"realtimeRuntime": 1000, "realtimePeriod": 500000}}
        bundle.process["args"] = ["/bin/sleep", "1000"]
        with Container(runtime, bundle, kind):
            directory = tree / "cpu" / top / bundle.id
            assert (directory / "cpu.rt_runtime_us").read_text() == "1000\n"
            assert (directory / "cpu.rt_period_us").read_text() == "500000\n"
    finally:
        for hierarchy in tree.iterdir():
            if (hierarchy / top).is_dir():
                (hierarchy / top).rmdir()


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, resources, pointer, words", [
    ("pure", {"unified": {"memory.high": "1000000"}}, "/linux/resources/unified/memory.high", "cannot use unified on cgroup v1"),
    ("hybrid", {"unified": {"memory.high": "1000000"}}, "/linux/resources/unified/memory.high", "bound to cgroup v1"),
    ("hybrid", {"memory": {"swappiness": 101}}, "/linux/resources/memory/swappiness", "0 to 100"),
    ("hybrid", {"cpu": {"shares": 1}}, "/linux/resources/cpu/shares", "minimum allowed cpu-shares is 2"),
    ("pure", {"cpu": {"cpus": "4000"}}, "/linux/resources/cpu/cpus", "cpuset.cpus"),
    ("hybrid", {"cpu": {"cpus": "4000"}}, "/linux/resources/cpu/cpus", "cpuset.cpus"),
    ("pure", {"devices": [DENY, {"allow": True, "type": "c", "major": 4, "access": "r"},
                          {"allow": False, "type": "c", "major": 4, "minor": 1, "access": "r"}]},
     "/linux/resources/devices", "cgroup v1 cannot deny"),
    ("pure", {"network": {"classID": 5}}, "/linux/resources/network/classID", "net_cls"),
    ("hybrid", {"network": {"priorities": [{"name": "lo", "priority": 1}]}}, "/linux/resources/network/priorities", "net_prio"),
    ("hybrid", {"rdma": {"mlx": {"hcaHandles": 1}}}, "/linux/resources/rdma", "rdma"),
    ("pure", {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}, "/linux/resources/hugepageLimits", "hugetlb"),
])
def test_refusals_name_the_field_and_leave_nothing(runtime, bundle, tree, kind, resources, pointer, words):
    bundle.linux["resources"] = resources
    bundle.linux["cgroupsPath"] = f"/apus-test/{bundle.id}-parent/{bundle.id}"
    bundle.write()
    result = runtime("create", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code == 1 and pointer in result.err and words in result.err, result
    assert not remains(tree, bundle.id) and not remains(tree, f"{bundle.id}-parent")


def test_v2_files_that_a_hybrid_host_has(runtime, bundle, tree):
    bundle.linux["resources"] = {"unified": {"cgroup.max.depth": "3"}, "pids": {"limit": 50}}
    bundle.process["args"] = ["/bin/sleep", "1000"]
    with Container(runtime, bundle, "hybrid"):
        assert (tree / f"unified/apus-test/{bundle.id}/cgroup.max.depth").read_text() == "3\n"
        assert (tree / f"pids/apus-test/{bundle.id}/pids.max").read_text() == "50\n"


# ---- placement -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("path", [None, "", "rel/{id}", "/apus-test/a/{id}", "../{id}", "/../{id}"])
def test_places_are_runcs(runtime, make_bundle, workplace, tree, kind, path):
    places = []
    for each in (runtime, references(kind, workplace)[0]):
        bundle = make_bundle()
        bundle.process["args"] = ["/bin/sleep", "1000"]
        if path is None:
            del bundle.linux["cgroupsPath"]
        else:
            bundle.linux["cgroupsPath"] = path.format(id=bundle.id)
        with Container(each, bundle, kind) as container:
            places.append({k: v.replace(bundle.id, "ID") for k, v in own_places(container.pid).items()})
            recorded = json.loads((each.root / bundle.id / "state.json").read_text())["cgroup_paths"]
            places.append({k: v.replace(bundle.id, "ID") for k, v in recorded.items()})
    try:
        if kind == "pure":
            # runc looks whether the host is hybrid at the path, which is still there as a directory.
            places[1].pop("", None), places[3].pop("", None)
        assert places[0] == places[2] and places[1] == places[3]
    finally:
        for top in ("rel", "a"):
            for hierarchy in tree.iterdir():
                for directory in [hierarchy / top, hierarchy / "apus-test" / top, *hierarchy.glob(f"*/*/{top}")]:
                    try:
                        directory.rmdir()
                    except OSError:
                        pass


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("namespaces", ["new", "user", "joined"])
def test_init_and_hooks_are_in_every_cgroup(runtime, bundle, tree, kind, namespaces):
    """Born in its namespaces, or cloned by a stage that joins some: and hooks of the container too."""
    bundle.busybox("cat")
    if namespaces == "user":
        bundle.user_namespace()
    if namespaces == "joined":
        bundle.without("ipc")
        bundle.linux["namespaces"].append({"type": "ipc", "path": "/proc/self/ns/ipc"})
    bundle.without("cgroup")
    bundle.process["args"] = ["/bin/cat", "/proc/self/cgroup"]
    output = bundle.host_directory("out", 0o777) / "create"
    bundle.config["hooks"] = {
        "createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat /proc/self/cgroup >{output}"]}],
        "startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "/bin/cat /proc/self/cgroup >/tmp/start"]}]}
    bundle.sh("cat /proc/self/cgroup")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code == 0, result
    for text in (result.out, output.read_text(), (bundle.rootfs / "tmp/start").read_text()):
        lines = [line.split(":", 2) for line in text.splitlines()]
        assert len(lines) == len(hierarchies(tree)) + 1
        for _, names, path in lines:
            expected = "/" if names == "" and kind == "pure" else f"/apus-test/{bundle.id}"
            assert path == expected or names == "" and kind == "pure", text
    assert not remains(tree, bundle.id)


def test_occupied_cgroup_is_refused(runtime, make_bundle, tree):
    first, second = make_bundle(), make_bundle()
    for bundle in (first, second):
        bundle.linux["cgroupsPath"] = f"/apus-test/{first.id}"
        bundle.process["args"] = ["/bin/sleep", "1000"]
    second.write()
    with Container(runtime, first, "pure") as container:
        result = runtime("create", "--bundle", second.dir, second.id, prefix=prefix("pure"))
        assert result.code == 1 and "cgroup is not empty" in result.err, result
        assert container.state()["status"] == "created"


# ---- what limits do ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", VIEWS)
def test_pids_limit(runtime, bundle, tree, kind):
    bundle.linux["resources"] = {"pids": {"limit": 5}}
    bundle.busybox("sleep")
    bundle.sh("for i in 1 2 3 4 5 6 7 8; do sleep 10 & done; wait")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code != 0 and "can't fork" in result.err, result
    assert not remains(tree, bundle.id)


@pytest.mark.parametrize("kind", VIEWS)
def test_one_process_is_enough_for_init(runtime, bundle, tree, kind):
    """The stage that clones the container's process does not count against the limit."""
    bundle.linux["resources"] = {"pids": {"limit": 1}}
    bundle.user_namespace()
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code == 0, result


@pytest.mark.parametrize("kind", VIEWS)
def test_memory_limit_kills(runtime, bundle, tree, kind):
    bundle.linux["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    bundle.busybox("dd")
    bundle.process["args"] = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code == 137, result
    assert not remains(tree, bundle.id)


@pytest.mark.parametrize("kind", VIEWS)
def test_memory_limit_too_low_to_start(runtime, bundle, tree, kind):
    bundle.linux["resources"] = {"memory": {"limit": 4096, "swap": 4096}}
    bundle.write()
    result = runtime("create", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code == 1 and "/linux/resources/memory/limit" in result.err and "OOM-killed" in result.err, result
    assert not remains(tree, bundle.id)


@pytest.mark.parametrize("kind", VIEWS)
def test_device_rules(runtime, bundle, tree, kind):
    """By eBPF beside a cgroup v2 tree, by the v1 controller without one."""
    bundle.linux["resources"] = {"devices": [
        DENY, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 7, "access": "rwm"},
        {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "rwm"}]}
    bundle.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]
    bundle.process["capabilities"]["effective"] = bundle.process["capabilities"]["permitted"] = ["CAP_SYSLOG"]
    bundle.sh("echo x >/dev/null && echo null; exec 3</dev/kmsg && echo kmsg")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.out == "null\n" and "not permitted" in result.err, result


# ---- kill and the freezer ------------------------------------------------------------------------


def freeze(directory):
    state = directory / "freezer.state"
    end = time.monotonic() + 5
    while time.monotonic() < end:
        state.write_text("FROZEN")
        if state.read_text() == "FROZEN\n":
            return
    raise AssertionError("it does not freeze")


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("verb", [["kill", "{id}", "KILL"], ["delete", "--force", "{id}"]])
def test_kill_of_a_container_that_the_v1_freezer_holds(runtime, bundle, tree, kind, private, verb):
    if not private:
        bundle.without("pid")
    bundle.busybox("sleep")
    bundle.sh("sleep 1000 & exec sleep 1000")
    with Container(runtime, bundle, kind) as container:
        container.start()
        procs = tree / f"freezer/apus-test/{bundle.id}/cgroup.procs"
        end = time.monotonic() + 5
        while len(procs.read_text().split()) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        freeze(procs.parent)
        assert container.state()["status"] == "paused"
        container(*[word.format(id=bundle.id) for word in verb], check=True)
        reap(container.pid)
        container("delete", "--force", bundle.id)
        assert not remains(tree, bundle.id)


def test_kill_reaches_all_processes_of_a_shared_pid_namespace(runtime, bundle, tree):
    """Without cgroup.kill."""
    bundle.without("pid")
    bundle.busybox("sleep")
    bundle.sh("sleep 999 & sleep 999 & exit 0")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix("pure"), timeout=15)
    assert result.code == 0, result
    assert not remains(tree, bundle.id)


@pytest.mark.parametrize("kind", VIEWS)
def test_pause_and_resume(runtime, bundle, tree, kind):
    bundle.process["args"] = ["/bin/sleep", "1000"]
    with Container(runtime, bundle, kind) as container:
        container.start()
        container("pause", bundle.id, check=True)
        assert container.state()["status"] == "paused"
        if kind == "pure":
            assert (tree / f"freezer/apus-test/{bundle.id}/freezer.state").read_text() == "FROZEN\n"
        container("resume", bundle.id, check=True)
        assert container.state()["status"] == "running"


@pytest.mark.parametrize("kind", VIEWS)
def test_update_sets_all_or_nothing(runtime, bundle, tree, kind):
    bundle.linux["resources"] = {"memory": {"limit": 64 << 20, "swap": 96 << 20}, "cpu": {"shares": 512}}
    bundle.process["args"] = ["/bin/sleep", "1000"]
    with Container(runtime, bundle, kind) as container:
        container.start()

        def value(hierarchy, file):
            return (tree / hierarchy / f"apus-test/{bundle.id}" / file).read_text().strip()

        container("update", "--memory", "128M", "--memory-swap", "256M", "--cpu-share", "1024", "--pids-limit", "9",
                  bundle.id, check=True)
        assert value("memory", "memory.limit_in_bytes") == str(128 << 20)
        assert value("memory", "memory.memsw.limit_in_bytes") == str(256 << 20)
        assert value("cpu", "cpu.shares") == "1024" and value("pids", "pids.max") == "9"
        result = container("update", "--pids-limit", "5", "--memory", "32M", "--cpuset-cpus", "4000", bundle.id)
        assert result.code == 1 and "cpuset.cpus" in result.err, result
        assert value("pids", "pids.max") == "9" and value("memory", "memory.limit_in_bytes") == str(128 << 20)
        stats = json.loads(container("events", "--stats", bundle.id, check=True).out)["data"]
        assert stats["pids"]["limit"] == 9 and stats["memory"]["usage"]["limit"] == 128 << 20


# ---- what the container sees ---------------------------------------------------------------------


def mounts_in(runtime, bundle, kind):
    bundle.busybox("cat", "ls")
    bundle.sh("cat /proc/self/mountinfo; echo; ls -l /sys/fs/cgroup")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix(kind))
    assert result.code == 0, result
    mounts, listing = result.out.split("\n\n")
    found = {}
    for line in mounts.splitlines():
        fields, more = line.split(" - ")
        _, _, _, root, point, options, *_ = fields.split()
        if point.startswith("/sys/fs/cgroup"):
            found[point] = (root.replace(bundle.id, "ID"), options, *more.split())
    return found, [line.split()[8:] for line in listing.splitlines()[1:]]


def test_the_stage_has_its_devices_while_rules_are_written(runtime, bundle):
    """The v1 controller takes all devices first. Each rule is held up, so that nodes would be made before it is there."""
    bundle.busybox("ls")
    bundle.process["args"] = ["/bin/ls", "/dev/null"]
    bundle.write()
    slow = ["strace", "--quiet=all", "--output=/dev/null", "--trace-path", f"/sys/fs/cgroup/devices/apus-test/{bundle.id}/devices.allow",
            "--inject=write,pwrite64:delay_enter=50ms"]
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=[*prefix("pure"), *slow])
    assert (result.code, result.out) == (0, "/dev/null\n"), result


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("namespace", [True, False])
@pytest.mark.parametrize("option", ["ro", "rw"])
def test_view_is_runcs(runtime, make_bundle, workplace, kind, namespace, option):
    found = []
    for each in (runtime, references(kind, workplace)[0]):
        bundle = make_bundle()
        if not namespace:
            bundle.without("cgroup")
        bundle.unmount("/sys/fs/cgroup")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", option])
        found.append(mounts_in(each, bundle, kind))
    (mine, listing), (theirs, reference) = found
    # The directory that holds them is read-only too, if that is asked for: runc 1.1 leaves it writable.
    holder = mine["/sys/fs/cgroup"]
    assert holder[1].split(",")[0] == option
    mine["/sys/fs/cgroup"] = (holder[0], holder[1].replace("ro,", "rw,", 1), *holder[2:])
    assert mine == theirs and listing == reference


@pytest.mark.parametrize("kind", VIEWS)
def test_processes_can_be_grouped_inside(runtime, bundle, tree, kind):
    """A writable mount is the container's own part, and goes with it."""
    bundle.unmount("/sys/fs/cgroup")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw"])
    bundle.busybox("mkdir", "sleep")
    bundle.sh("mkdir -p /sys/fs/cgroup/pids/a/b && echo $$ >/sys/fs/cgroup/pids/a/b/cgroup.procs && sleep 1000")
    with Container(runtime, bundle, kind) as container:
        container.start()
        inner = tree / f"pids/apus-test/{bundle.id}/a/b/cgroup.procs"
        end = time.monotonic() + 5
        while not (inner.exists() and inner.read_text()) and time.monotonic() < end:
            time.sleep(0.02)
        assert inner.read_text(), (bundle.dir / "stderr").read_text()
        container("delete", "--force", bundle.id, check=True)
        reap(container.pid)
        assert not remains(tree, bundle.id)


@pytest.mark.parametrize("kind", VIEWS)
def test_exec_joins_every_cgroup_or_those_that_are_named(runtime, bundle, tree, kind):
    bundle.busybox("cat", "sleep")
    bundle.without("cgroup")
    bundle.process["args"] = ["/bin/sleep", "1000"]
    with Container(runtime, bundle, kind) as container:
        container.start()
        own = own_places(container.pid)
        result = container("exec", bundle.id, "/bin/cat", "/proc/self/cgroup", check=True)
        assert [line.split(":", 2)[2] for line in result.out.splitlines()] == list(own.values())
        (tree / f"pids/apus-test/{bundle.id}/sub").mkdir()
        result = container("exec", "--cgroup", "pids:sub", bundle.id, "/bin/cat", "/proc/self/cgroup", check=True)
        places = {names: path for _, names, path in (line.split(":", 2) for line in result.out.splitlines())}
        assert places == {**own, "pids": own["pids"] + "/sub"}
        result = container("exec", "--cgroup", "nonsense:sub", bundle.id, "/bin/cat")
        assert result.code != 0 and "--cgroup" in result.err and "nonsense" in result.err, result


def test_features_tell(runtime):
    assert json.loads(runtime("features").out)["linux"]["cgroup"]["v1"] is True
