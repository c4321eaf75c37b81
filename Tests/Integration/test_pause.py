"""pause, resume, and what the other verbs say of a paused container; kill --all."""

import os
import time
from pathlib import Path

import pytest
from harness.runtime import Footprint, reap

TREE = Path("/sys/fs/cgroup")


@pytest.fixture
def counter(bundle):
    """A bundle whose process adds a byte to a file all the time, and ends on SIGTERM with status 0."""
    bundle.busybox("sleep")
    bundle.sh("trap 'exit 0' TERM; while :; do echo -n . >>/data/count; sleep 0.01; done")
    return bundle.write()


def count(bundle):
    path = bundle.rootfs / "data/count"
    return path.stat().st_size if path.exists() else 0


def grows(bundle, seconds=5.0):
    before, end = count(bundle), time.monotonic() + seconds
    while time.monotonic() < end:
        if count(bundle) > before:
            return True
        time.sleep(0.02)
    return False


def start(runtime, bundle):
    runtime.create(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    return runtime.pid(bundle.dir, bundle.id)


def test_pause_stops_and_resume_goes_on(runtime, counter):
    start(runtime, counter)
    assert grows(counter)
    result = runtime("pause", counter.id)
    assert (result.code, result.out, result.err) == (0, "", "")
    # When pause returns, nothing runs any more.
    assert "frozen 1" in (TREE / f"apus-test/{counter.id}/cgroup.events").read_text()
    assert runtime.state(counter.id)["status"] == "paused"
    assert not grows(counter, 0.5)
    result = runtime("resume", counter.id)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert runtime.state(counter.id)["status"] == "running"
    assert grows(counter)


def test_what_cannot_be_paused_or_resumed(runtime, counter):
    id = counter.id
    pid = start(runtime, counter)
    for verb, text in (("resume", "container not paused"), ("pause", None), ("pause", "container not running"), ("resume", None)):
        result = runtime(verb, id)
        assert result.code == (1 if text else 0) and (text or "") in result.err, result
    runtime("kill", id, "KILL", check=True)
    reap(pid)
    for verb, text in (("pause", "container not running"), ("resume", "container not paused")):
        result = runtime(verb, id)
        assert result.code == 1 and text in result.err, result
    runtime("delete", id, check=True)
    for verb in ("pause", "resume"):
        result = runtime(verb, id)
        assert result.code == 1 and "container does not exist" in result.err, result


def test_a_created_container_can_be_paused(runtime, counter):
    id = counter.id
    runtime.create(counter.dir, id)
    runtime("pause", id, check=True)
    assert runtime.state(id)["status"] == "paused"
    refused = runtime("start", id, timeout=10)
    assert refused.code == 1 and "cannot start a container in the paused state" in refused.err
    runtime("resume", id, check=True)
    assert runtime.state(id)["status"] == "created"
    runtime("start", id, check=True)
    assert grows(counter)


def test_kill_of_a_paused_container(runtime, counter):
    pid = start(runtime, counter)
    assert grows(counter)
    runtime("pause", counter.id, check=True)
    # SIGTERM waits for the resume, SIGKILL does not.
    runtime("kill", counter.id, "TERM", check=True)
    time.sleep(0.2)
    assert runtime.state(counter.id)["status"] == "paused"
    runtime("resume", counter.id, check=True)
    assert reap(pid) == 0
    runtime("delete", counter.id, check=True)
    pid = start(runtime, counter)
    runtime("pause", counter.id, check=True)
    runtime("kill", counter.id, "KILL", check=True)
    assert reap(pid) == 137
    assert runtime.state(counter.id)["status"] == "stopped"


def test_delete_of_a_paused_container(runtime, counter):
    footprint = Footprint(runtime, counter.id, counter.dir)
    pid = start(runtime, counter)
    runtime("pause", counter.id, check=True)
    refused = runtime("delete", counter.id)
    assert refused.code == 1 and f"cannot delete container {counter.id} that is not stopped: paused" in refused.err
    assert runtime.state(counter.id)["status"] == "paused"
    runtime("delete", "--force", counter.id, check=True)
    assert reap(pid) == 137
    (counter.rootfs / "data/count").unlink(missing_ok=True)
    footprint.assert_clean()


def test_a_cgroup_frozen_above_is_told_of(runtime, counter):
    """resume cannot let go what is stopped from elsewhere."""
    counter.linux["cgroupsPath"] = f"/apus-test/{counter.id}/inner"
    counter.write()
    start(runtime, counter)
    runtime("pause", counter.id, check=True)
    above = TREE / f"apus-test/{counter.id}/cgroup.freeze"
    above.write_text("1")
    try:
        result = runtime("resume", counter.id)
        assert result.code == 1 and "above it is frozen" in result.err, result
    finally:
        above.write_text("0")
    assert grows(counter)
    runtime("delete", "--force", counter.id, check=True)
    above.parent.rmdir()


# ---- kill --all ----------------------------------------------------------------------------------


@pytest.fixture
def family(bundle):
    """Processes that write their number to a file of their own on SIGUSR1, all but the first in a session of their own."""
    bundle.busybox("sleep", "setsid")
    child = "trap 'echo got >/data/got-$0' USR1; : >/data/ready-$0; while :; do sleep 0.02; done"
    (bundle.rootfs / "child").write_text(child)
    bundle.sh("for n in 1 2; do setsid sh /child $n & done; " + child.replace("$0", "0"))
    # `sh /child N` has $0 = /child: the number is its first argument.
    (bundle.rootfs / "child").write_text(child.replace("$0", "$1"))
    return bundle.write()


def wait_for(bundle, kind, wanted, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = {path.name.split("-")[1] for path in (bundle.rootfs / "data").glob(f"{kind}-*")}
        if found == wanted:
            return
        time.sleep(0.02)
    raise AssertionError(f"{kind}: {found}, not {wanted}")


@pytest.mark.parametrize("namespace", ["own", "shared"])
def test_kill_all_signals_every_process(runtime, family, namespace):
    if namespace == "shared":
        family.without("pid")
        family.write()
    pid = start(runtime, family)
    wait_for(family, "ready", {"0", "1", "2"})
    runtime("kill", family.id, "USR1", check=True)
    wait_for(family, "got", {"0"})
    time.sleep(0.2)
    wait_for(family, "got", {"0"})
    result = runtime("kill", "--all", family.id, "USR1", check=True)
    assert result.err == ""
    wait_for(family, "got", {"0", "1", "2"})
    assert runtime.state(family.id)["status"] == "running"
    runtime("kill", "-a", family.id, "KILL", check=True)
    assert reap(pid) == 137
    end = time.monotonic() + 5
    while (TREE / f"apus-test/{family.id}/cgroup.procs").read_text() and time.monotonic() < end:
        time.sleep(0.02)
    assert runtime("ps", "-f", "json", family.id).out == "null\n"
    # Engines do it once more, to be sure.
    assert runtime("kill", "--all", family.id, "9").code == 0
    runtime("delete", family.id, check=True)


def test_kill_all_of_a_paused_container(runtime, family):
    family.without("pid")
    family.write()
    pid = start(runtime, family)
    wait_for(family, "ready", {"0", "1", "2"})
    runtime("pause", family.id, check=True)
    runtime("kill", "--all", family.id, "USR1", check=True)
    assert runtime.state(family.id)["status"] == "paused", "a signal does not resume"
    runtime("kill", "--all", family.id, "KILL", check=True)
    assert reap(pid) == 137
    runtime("delete", family.id, check=True)


def test_kill_all_reaches_what_outlived_the_first_process(runtime, bundle):
    bundle.without("pid")
    bundle.busybox("sleep")
    bundle.sh("sleep 1000 & exit 0")
    bundle.write()
    pid = start(runtime, bundle)
    assert reap(pid) == 0
    assert runtime.state(bundle.id)["status"] == "stopped"
    left = (TREE / f"apus-test/{bundle.id}/cgroup.procs").read_text().split()
    assert len(left) == 1
    assert runtime("ps", "-f", "json", bundle.id).out == f"[{left[0]}]\n"
    runtime("kill", "--all", bundle.id, "KILL", check=True)
    reap(int(left[0]))
    assert not os.path.exists(f"/proc/{left[0]}")
    runtime("delete", bundle.id, check=True)


def test_kill_all_of_a_first_process_outside_of_its_cgroup(runtime, counter):
    pid = start(runtime, counter)
    assert grows(counter)
    (TREE / "cgroup.procs").write_text(str(pid))
    time.sleep(0.1)
    result = runtime("kill", "--all", counter.id, "TERM")
    assert result.code == 0 and "it is not in its cgroup" in result.err, result
    assert reap(pid) == 0
