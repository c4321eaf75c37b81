"""cgroup v2 with all controllers: every field of linux.resources read back, beside runc and crun.

For a host, or a guest of scripts/vm, whose controllers are all in the v2 tree; `needs_unified_controllers` says so.
"""

import re
import uuid
from pathlib import Path

import pytest
from harness import compare
from harness.bundle import Bundle
from harness.disk import disk
from harness.runtime import Footprint, reap
from harness.table import LIST

TREE = Path("/sys/fs/cgroup")


def rate(number):
    return [{**disk(), "rate": number}]


MB = 1 << 20
FIELDS = {
    "nothing": {},
    "memory-limit": {"memory": {"limit": 64 * MB}},
    "memory-unlimited": {"memory": {"limit": -1}},
    "memory-swap": {"memory": {"limit": 64 * MB, "swap": 96 * MB}},
    "memory-no-swap": {"memory": {"limit": 64 * MB, "swap": 64 * MB}},
    "memory-swap-unlimited": {"memory": {"limit": 64 * MB, "swap": -1}},
    "memory-reservation": {"memory": {"reservation": 32 * MB}},
    "memory-checked": {"memory": {"limit": 64 * MB, "checkBeforeUpdate": True}},
    "memory-hierarchy": {"memory": {"limit": 64 * MB, "useHierarchy": True}},
    "cpu-shares-512": {"cpu": {"shares": 512}},
    "cpu-shares-1024": {"cpu": {"shares": 1024}},
    "cpu-shares-2": {"cpu": {"shares": 2}},
    "cpu-shares-262144": {"cpu": {"shares": 262144}},
    "cpu-quota": {"cpu": {"quota": 50000}},
    "cpu-period": {"cpu": {"period": 50000}},
    "cpu-quota-and-period": {"cpu": {"quota": 500000, "period": 1000000}},
    "cpu-quota-unlimited": {"cpu": {"quota": -1}},
    "cpuset": {"cpu": {"cpus": "0", "mems": "0"}},
    "pids": {"pids": {"limit": 77}},
    "pids-unlimited": {"pids": {"limit": -1}},
    "io-throttle-read": {"blockIO": {"throttleReadBpsDevice": rate(MB), "throttleReadIOPSDevice": rate(100)}},
    "io-throttle-write": {"blockIO": {"throttleWriteBpsDevice": rate(2 * MB), "throttleWriteIOPSDevice": rate(200)}},
    "io-weight": {"blockIO": {"weight": 300}},
    "hugetlb": {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MB}]},
    "unified": {"unified": {"memory.high": str(32 * MB), "pids.max": "55", "cpu.weight": "42", "cgroup.max.depth": "9"}},
    "unified-last": {"pids": {"limit": 77}, "unified": {"pids.max": "66"}},
    "engine": {"memory": {"limit": 128 * MB, "swap": 256 * MB, "reservation": 64 * MB}, "pids": {"limit": 200},
               "cpu": {"shares": 1024, "quota": 20000, "period": 100000, "cpus": "0", "mems": "0"}},
}
# What the references of Debian do not know yet, with the values that the kernel then shows.
NEWER = {
    "idle": ({"cpu": {"idle": 1}}, {"cpu.idle": "1"}),
    "burst": ({"cpu": {"quota": 20000, "period": 50000, "burst": 10000}}, {"cpu.max": "20000 50000", "cpu.max.burst": "10000"}),
    "hugetlb-reserved": ({"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MB}]}, {"hugetlb.2MB.rsvd.max": str(4 * MB)}),
    # The weights of the newer formula: runc 1.3.2, crun 1.23.
    **{f"shares-{shares}": ({"cpu": {"shares": shares}}, {"cpu.weight": weight}) for shares, weight in
       [(2, "1"), (3, "2"), (10, "4"), (102, "17"), (512, "59"), (1024, "100"), (2048, "174"), (4096, "303"),
        (65536, "3023"), (262144, "10000")]},
}
# Statistics, and what acts when it is read or written.
VOLATILE = re.compile(r"^cgroup\.(procs|threads|events|stat|kill|pressure)|stat|current|peak|events|pressure|reclaim|effective|numa")


@pytest.fixture(autouse=True)
def no_runaway():
    """Emulated processors are slow: the commands and the guest have limits of their own."""


@pytest.fixture(autouse=True)
def controllers(needs_unified_controllers):
    needs_unified_controllers("memory", "cpu", "cpuset", "io", "pids", "hugetlb")


def files(directory):
    found = {}
    for file in directory.iterdir():
        if file.is_file() and not VOLATILE.search(file.name):
            try:
                found[file.name] = file.read_text().strip()
            except OSError as error:
                found[file.name] = error.strerror
    return found


def observe(runtime, workplace, probe, resources):
    bundle = Bundle(workplace / f"v2-{runtime.name}-{uuid.uuid4().hex[:6]}", probe, f"t{uuid.uuid4().hex[:10]}")
    pid = None
    try:
        bundle.busybox("sleep")
        bundle.linux["resources"] = resources
        bundle.process["args"] = ["/bin/sleep", "1000"]
        bundle.write()
        runtime.create(bundle.dir, bundle.id)
        pid = runtime.pid(bundle.dir, bundle.id)
        return files(TREE / f"apus-test/{bundle.id}")
    finally:
        runtime.discard(bundle.id)
        if pid:
            reap(pid)
        bundle.close()


@pytest.fixture(scope="module")
def entries():
    return [e for e in compare.load(LIST) if e.config.startswith("v2-")]


seen = set()


@pytest.mark.parametrize("name", list(FIELDS))
def test_same_files(runtime, workplace, probe, reference, entries, name):
    others = {}
    for other in ("runc", "crun"):
        try:
            others[other] = observe(reference(other), workplace, probe, FIELDS[name])
        except AssertionError as refusal:
            print(f"{other} cannot: {refusal}")
    mine = observe(runtime, workplace, probe, FIELDS[name])
    assert others, "no runtime to compare with"
    result = compare.compare(f"v2-{name}", mine, others)
    assert result.agreed > 20, "too few files for this to be an observation"
    seen.add(name)
    found = compare.unlisted(result.differences, entries)
    assert not found, "\n".join(map(str, found))


def test_no_listed_difference_is_stale(entries):
    if len(seen) == len(FIELDS):
        stale = [f"{e.config} | {e.leaf}" for e in entries if e.stale()]
        assert not stale, stale


@pytest.mark.parametrize("name", list(NEWER))
def test_newer_fields(runtime, workplace, probe, name):
    resources, expected = NEWER[name]
    found = observe(runtime, workplace, probe, resources)
    assert {file: found.get(file) for file in expected} == expected


# ---- little memory -------------------------------------------------------------------------------


def creates(runtime, make_bundle, limit):
    """Whether a container with this memory limit, in bytes, runs to its end."""
    bundle = make_bundle()
    bundle.linux["resources"] = {"memory": {"limit": limit, "swap": limit}}
    bundle.sh("exit 5")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("run", "--bundle", bundle.dir, bundle.id, timeout=60)
    if runtime.name == "apus":
        footprint.assert_clean()
    else:
        runtime.discard(bundle.id)
    return result.code == 5, result


def test_six_mebibytes_are_enough(runtime, make_bundle):
    done, result = creates(runtime, make_bundle, 6 * MB)
    assert done, result


@pytest.mark.parametrize("limit", [4, 12, 16, 20, 24, 28, 32, 48, 64])
def test_too_little_memory_is_said(runtime, make_bundle, limit):
    """Whenever it runs out: before the stage is there, which the kernel refuses, or in it, which it kills."""
    done, result = creates(runtime, make_bundle, limit << 10)
    assert not done and result.code == 1 and "/linux/resources/memory/limit" in result.err, result
    assert "OOM-killed" in result.err or "ENOMEM" in result.err, result
    assert "memory limit too low" in result.err, result


@pytest.mark.slow
def test_smallest_memory_limit(runtime, make_bundle, reference, record_property):
    """Found by halving, to 64 KiB, for each runtime; ours is not above crun's.

    A limit counts if one of six containers runs: what the kernel charges besides now and then only adds. It charges 256
    KiB at a time where the limit lets it, and another processor may find nothing left then.
    """
    found = {}
    for one in (runtime, reference("crun"), reference("runc")):
        low, high = 0, 256
        while high - low > 1:
            middle = (low + high) // 2
            if any(creates(one, make_bundle, middle * (64 << 10))[0] for _ in range(6)):
                high = middle
            else:
                low = middle
        found[one.name] = high * 64
    record_property("smallest memory.max in KiB", str(found))
    print(f"smallest memory.max: {found} KiB")
    assert found["apus"] <= found["crun"]


# ---- many ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_hundred_cycles(runtime, bundle):
    bundle.busybox("sleep")
    bundle.linux["resources"] = {"memory": {"limit": 64 * MB}, "pids": {"limit": 20}}
    bundle.process["args"] = ["/bin/sleep", "1000"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    for _ in range(300):
        runtime.create(bundle.dir, bundle.id)
        pid = runtime.pid(bundle.dir, bundle.id)
        runtime("delete", "--force", bundle.id, check=True)
        reap(pid)
    for name in ("stdout", "stderr", "stdin", f"{bundle.id}.pid"):
        (bundle.dir / name).unlink(missing_ok=True)
    footprint.assert_clean()
