"""events: figures with runc's keys, OOM events, and the end of the stream."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from harness.runtime import ENVIRONMENT, Footprint, reap

TREE = Path("/sys/fs/cgroup")


@pytest.fixture
def sleeper(bundle):
    bundle.busybox("sleep")
    bundle.sh("while :; do sleep 0.05; done")
    return bundle.write()


def start(runtime, bundle):
    runtime.create(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    return runtime.pid(bundle.dir, bundle.id)


class Stream:
    """A running `events`, whose lines go to a file."""

    def __init__(self, runtime, bundle, *options):
        self.path = bundle.dir / "events"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(runtime.command("events", *options, bundle.id), stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, env=ENVIRONMENT)

    def lines(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def wait_for(self, type, count=1, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [line for line in self.lines() if line["type"] == type]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {count} events {type}: {self.path.read_text()}")

    def end(self, seconds=20):
        return self.process.wait(seconds)


# ---- --stats ---------------------------------------------------------------------------------------


def test_stats(runtime, sleeper):
    start(runtime, sleeper)
    result = runtime("events", "--stats", sleeper.id, check=True)
    assert result.out.count("\n") == 1 and result.err == ""
    event = json.loads(result.out)
    assert list(event) == ["type", "id", "data"] and (event["type"], event["id"]) == ("stats", sleeper.id)
    assert result.out == json.dumps(event, separators=(",", ":")) + "\n"
    data = event["data"]
    assert list(data) == ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"]
    assert data["pids"]["current"] >= 1 and data["network_interfaces"] is None and data["intel_rdt"] == {}


def shown_to_us(runtime, runc, id):
    """A state of ours for a container that runc made."""
    theirs = json.loads((runc.root / id / "state.json").read_text())
    # On cgroup v2 runc names the one path there is by no controller.
    paths = theirs["cgroup_paths"]
    directory = runtime.root / id
    directory.mkdir(parents=True)
    (directory / "state.json").write_text(json.dumps({
        "ociVersion": "1.0.2", "id": id, "init_process_pid": theirs["init_process_pid"],
        "init_process_start": theirs["init_process_start"], "bundle": "/", "rootfs": "/", "cgroup_paths": paths}))


def without(data, *paths):
    data = json.loads(json.dumps(data))
    for path in paths:
        inner, *names = data, *path.split(".")
        for name in names[:-1]:
            inner = inner.get(name, {})
        inner.pop(names[-1], None)
    return data


def sorted_entries(blkio):
    """The statistics of runc are in the order of a Go map."""
    return {name: sorted(entries, key=json.dumps) for name, entries in blkio.items()}


def at_rest(runtime, runc, id, **options):
    """The statistics of both, with none of runc's figures changed between two looks around ours: the kernel ends
    the bandwidth period that the pause fell into only later, and counts it then."""
    stats = lambda program: json.loads(program("events", "--stats", id, check=True, **options).out)
    settled = lambda event: {**event["data"], "memory": None, "blkio": sorted_entries(event["data"]["blkio"])}
    before = stats(runc)
    for _ in range(20):
        ours, after = stats(runtime), stats(runc)
        if settled(before) == settled(after):
            return ours, after
        before = after
        time.sleep(0.2)
    raise AssertionError(f"the figures of a paused container keep changing: {before} {after}")


# What runc has since 1.2, and Debian's 1.1.5 has not.
SINCE = ("cpu.psi", "memory.psi", "blkio.psi", "memory.usage.max")


@pytest.mark.parametrize("resources", [
    {}, {"memory": {"limit": 64 << 20}, "cpu": {"quota": 50000, "period": 100000}, "pids": {"limit": 50}}])
def test_same_as_runc_of_the_same_container(runtime, bundle, reference, needs_unified_controllers, resources):
    """Key by key and figure by figure. The container is paused, so that its figures come to rest."""
    if resources:
        needs_unified_controllers("memory", "cpu", "pids")
    runc = reference("runc")
    bundle.busybox("sleep", "cat", "dd")
    bundle.sh("cat /bin/busybox >/dev/null; dd if=/dev/zero of=/data/file bs=64k count=16 conv=fsync; while :; do sleep 0.05; done")
    bundle.linux["resources"] = resources
    bundle.write()
    start(runc, bundle)
    time.sleep(1)
    runc("pause", bundle.id, check=True)
    shown_to_us(runtime, runc, bundle.id)
    assert runtime.state(bundle.id)["status"] == "paused"
    ours, theirs = at_rest(runtime, runc, bundle.id)
    additions = SINCE if "psi" not in theirs["data"]["cpu"] else ()
    assert list(ours["data"]) == list(theirs["data"])
    mine, other = without(ours["data"], *additions), without(theirs["data"], *additions)
    mine["blkio"], other["blkio"] = sorted_entries(mine["blkio"]), sorted_entries(other["blkio"])
    # runc 1.1 reads what is used of huge pages, later ones what is reserved; the keys are the same.
    for name in mine:
        if name == "memory":
            # The kernel gathers these figures now and then.
            assert list(mine[name]) == list(other[name]) and set(mine[name].get("raw", {})) == set(other[name].get("raw", {}))
            for key in ("usage", "swap", "kernel", "kernelTCP"):
                assert list(mine[name][key]) == list(other[name][key])
                assert mine[name][key]["limit"] == other[name][key]["limit"]
        else:
            assert mine[name] == other[name], name
    runc("resume", bundle.id, check=True)


@pytest.mark.hybrid
def test_same_as_runc_on_cgroup_v1(runtime, bundle, reference):
    """In a view with the v1 hierarchies alone, where both runtimes know the paths by their controllers."""
    if not json.loads(runtime("features").out)["linux"]["cgroup"]["v1"]:
        pytest.skip("the runtime does not support cgroup v1 yet, and says so in its features")
    runc = reference("runc")
    prefix = legacy_view()
    bundle.unmount("/sys/fs/cgroup")
    bundle.busybox("sleep")
    bundle.sh("while :; do sleep 0.05; done")
    bundle.write()
    runc.create(bundle.dir, bundle.id, prefix=prefix)
    try:
        runc("start", bundle.id, prefix=prefix, check=True)
        time.sleep(0.3)
        runc("pause", bundle.id, prefix=prefix, check=True)
        shown_to_us(runtime, runc, bundle.id)
        ours, theirs = (event["data"] for event in at_rest(runtime, runc, bundle.id, prefix=prefix))
        assert list(ours) == list(theirs)
        for name in ours:
            if name == "memory":
                assert list(ours[name]) == list(theirs[name]) and set(ours[name]["raw"]) == set(theirs[name]["raw"])
                for key in ("usage", "swap", "kernel", "kernelTCP"):
                    assert list(ours[name][key]) == list(theirs[name][key]), key
            else:
                assert ours[name] == theirs[name], name
    finally:
        runc("resume", bundle.id, prefix=prefix)
        runc("delete", "--force", bundle.id, prefix=prefix)
        subprocess.run([*prefix, "sh", "-c", "rmdir /sys/fs/cgroup/*/apus-test"], stderr=subprocess.DEVNULL)


def legacy_view():
    """A command prefix: a mount namespace like the host's, without its cgroup v2 tree."""
    from harness import view
    script = 'mount --make-rprivate / && umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
    return [*view.host_mounts(), "unshare", "--mount", "sh", "-c", script, "sh"]


def test_refusals(runtime, sleeper):
    pid = start(runtime, sleeper)
    for options, text in ((["--interval", "0s"], "duration interval must be greater than 0"), (["--interval=-5s"], "duration interval must be greater than 0"),
                          (["--interval", "5"], "--interval"), (["--interval", "soon"], "--interval"),
                          (["--interval", "0", "--stats"], "duration interval must be greater than 0")):
        result = runtime("events", *options, sleeper.id, timeout=10)
        assert result.code == 1 and text in result.err and result.out == "", result
    runtime("kill", sleeper.id, "KILL", check=True)
    reap(pid)
    for options in ([], ["--stats"]):
        result = runtime("events", *options, sleeper.id, timeout=10)
        assert result.code == 1 and f"container with id {sleeper.id} is not running" in result.err, result
    result = runtime("events", "no-such", timeout=10)
    assert result.code == 1 and "container does not exist" in result.err


# ---- the stream ------------------------------------------------------------------------------------


def test_stream_of_figures_ends_with_the_container(runtime, sleeper):
    pid = start(runtime, sleeper)
    begun = time.monotonic()
    stream = Stream(runtime, sleeper, "--interval=200ms")
    found = stream.wait_for("stats", 4)
    assert time.monotonic() - begun > 0.75, "the first set comes when an interval is over"
    totals = [event["data"]["cpu"]["usage"]["total"] for event in found]
    assert totals == sorted(totals) and totals[0] > 0
    runtime("kill", sleeper.id, "KILL", check=True)
    assert stream.end(5) == 0
    assert {event["type"] for event in stream.lines()} == {"stats"}
    reap(pid)
    runtime("delete", sleeper.id, check=True)


def test_stream_of_a_created_and_a_paused_container(runtime, sleeper):
    runtime.create(sleeper.dir, sleeper.id)
    stream = Stream(runtime, sleeper, "--interval", "50ms")
    stream.wait_for("stats")
    runtime("start", sleeper.id, check=True)
    runtime("pause", sleeper.id, check=True)
    stream.wait_for("stats", len(stream.lines()) + 2)
    runtime("delete", "--force", sleeper.id, check=True)
    assert stream.end(5) == 0


def test_reader_that_goes_away(runtime, sleeper):
    start(runtime, sleeper)
    process = subprocess.Popen(runtime.command("events", "--interval", "50ms", sleeper.id), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(10) == 1 and b"broken pipe" in process.stderr.read()
    process.stderr.close()
    assert runtime.state(sleeper.id)["status"] == "running"


# ---- memory ----------------------------------------------------------------------------------------


def hungry(bundle, script):
    bundle.busybox("tail", "sleep", "cat")
    bundle.linux["resources"] = {"memory": {"limit": 24 << 20, "swap": 24 << 20}}
    bundle.sh(script)
    return bundle.write()


def test_oom_kill_of_the_first_process(runtime, bundle, needs_unified_controllers):
    needs_unified_controllers("memory")
    hungry(bundle, "exec tail /dev/zero")
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    stream = Stream(runtime, bundle, "--interval", "1h")
    time.sleep(0.5)
    runtime("start", bundle.id, check=True)
    assert reap(pid, 60) == 137
    assert stream.end(10) == 0
    assert stream.lines() == [{"type": "oom", "id": bundle.id}]
    assert stream.path.read_text() == '{"type":"oom","id":"%s"}\n' % bundle.id
    assert runtime.state(bundle.id)["status"] == "stopped"
    runtime("delete", bundle.id, check=True)
    stream.path.unlink()
    footprint.assert_clean()


def test_oom_kills_of_other_processes(runtime, bundle, needs_unified_controllers):
    """Each is told of; the container lives on. What was before the watch is not told of."""
    needs_unified_controllers("memory")
    # Whoever eats most is killed; the shell starts the next one when it is told to.
    hungry(bundle, "trap 'tail /dev/zero' USR1; tail /dev/zero; echo once >/data/once; while :; do sleep 0.1; done")
    pid = start(runtime, bundle)
    end = time.monotonic() + 60
    while not (bundle.rootfs / "data/once").exists() and time.monotonic() < end:
        time.sleep(0.1)
    stream = Stream(runtime, bundle, "--interval", "1h")
    time.sleep(1)
    assert stream.lines() == []
    for count in (1, 2):
        runtime("kill", bundle.id, "USR1", check=True)
        assert len(stream.wait_for("oom", count, 60)) == count
        time.sleep(0.5)
    assert runtime.state(bundle.id)["status"] == "running"
    runtime("kill", bundle.id, "KILL", check=True)
    assert stream.end(10) == 0 and len(stream.lines()) == 2
    reap(pid)


def test_oom_kill_in_a_foreground_run(runtime, bundle, needs_unified_controllers):
    needs_unified_controllers("memory")
    hungry(bundle, "exec tail /dev/zero")
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("run", "--bundle", bundle.dir, bundle.id, timeout=60)
    assert result.code == 137, result
    footprint.assert_clean()
