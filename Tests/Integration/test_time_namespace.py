"""Time namespaces and their clocks, which Debian's crun and runc cannot set: nothing to compare with."""

import time
from pathlib import Path

import pytest
from harness.runtime import Footprint, reap

OFFSETS = {"monotonic": {"secs": 1000, "nanosecs": 5}, "boottime": {"secs": 2000, "nanosecs": 0}}


def host_uptime():
    return float(Path("/proc/uptime").read_text().split()[0])


@pytest.mark.parametrize("user_namespace", [False, True])
def test_clocks_of_all_processes(runtime, bundle, user_namespace):
    if user_namespace:
        bundle.user_namespace()
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = OFFSETS
    bundle.busybox("cat", "sleep")
    bundle.sh("cat /proc/uptime /proc/self/timens_offsets; sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    end = time.monotonic() + 20
    while "boottime" not in (text := (bundle.dir / "stdout").read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    words = text.split()
    assert abs(float(words[0]) - host_uptime() - 2000) < 30
    assert words[2:] == ["monotonic", "1000", "5", "boottime", "2000", "0"], text
    later = runtime("exec", bundle.id, "/bin/cat", "/proc/uptime", check=True).out
    assert abs(float(later.split()[0]) - host_uptime() - 2000) < 30
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_time_before_the_boot_is_refused(runtime, bundle):
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": -10**9}}
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, timeout=15)
    assert result.code == 1 and "/linux/timeOffsets" in result.err and "ERANGE" in result.err, result
    footprint.assert_clean()
