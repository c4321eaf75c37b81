"""`--trace`: a timeline of what the runtime and the stage do, in the format of chrome://tracing."""

import json
import os
import time
from decimal import Decimal
from types import SimpleNamespace

import pytest
from harness.runtime import Footprint, reap


def read(path):
    """The events, with times as they are written, and the names of the processes."""
    told = json.loads(path.read_text(), parse_float=Decimal)["traceEvents"]
    names = {e["pid"]: e["args"]["name"] for e in told if e["ph"] == "M"}
    events = [
        SimpleNamespace(
            name=e["name"], pid=e["pid"], start=e["ts"], end=e["ts"] + e["dur"], args=e.get("args", {}))
        for e in told if e["ph"] == "X"
    ]
    assert all(e["ph"] in "MX" and e["tid"] == e["pid"] for e in told)
    assert {e.pid for e in events} == set(names)
    return events, names


def check(path, what, before, after):
    """The timeline of a command that ran between these moments. Answers it by name, and the stages' steps."""
    events, names = read(path)
    whole = events[0]
    assert whole.name == what and names[whole.pid] == "apus"
    assert before <= whole.start and whole.end <= after
    for event in events:
        assert whole.start <= event.start <= event.end <= whole.end, event
    # In one process no two of them overlap, unless one holds the other.
    for pid in names:
        open_until = []
        for event in sorted((e for e in events if e.pid == pid), key=lambda e: (e.start, -e.end)):
            while open_until and open_until[-1] <= event.start:
                open_until.pop()
            assert all(event.end <= end for end in open_until), event
            open_until.append(event.end)
    # A step begins where the one before it ends.
    steps = [e for e in events if "op" in e.args]
    for pid in {e.pid for e in steps}:
        own = [e for e in steps if e.pid == pid]
        assert all(a.end == b.start for a, b in zip(own, own[1:]))
    return {e.name: e for e in events}, steps


def now():
    return Decimal(time.monotonic_ns()) / 1000


def planned(runtime, bundle):
    """What the steps of create do, as far as its wait for the start."""
    steps = json.loads(runtime("plan", "--format", "json", bundle.dir, check=True).out)["steps"]
    fifo = [s["op"] for s in steps].index("fifo")
    # Whether a fallback is taken, only the kernel knows.
    return [(s["op"], s["doing"], s["source"]) for s in steps[: fifo + 1] if not s.get("fallback")], steps[fifo + 1 :]


def told(steps, plan):
    known = {doing for _, doing, _ in plan}
    return [(e.args["op"], e.name, e.args["origin"]) for e in steps if e.name in known]


PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    # Filters may forbid what clocks are read by: the stage reads none.
    "syscalls": [{"names": ["clock_gettime", "gettimeofday"], "action": "SCMP_ACT_KILL_PROCESS"}],
}


@pytest.mark.parametrize("early", [False, True], ids=["late-filter", "early-filter"])
def test_run(runtime, bundle, early):
    bundle.linux["seccomp"] = PROFILE
    bundle.process["noNewPrivileges"] = not early
    bundle.busybox("true", "sleep")
    bundle.process["args"] = ["/bin/true"]
    bundle.config["hooks"] = {
        kind: [{"path": "/bin/sleep", "args": ["sleep", "0.02"]}]
        for kind in ("createRuntime", "createContainer", "startContainer", "poststart", "poststop")
    }
    bundle.write()
    plan, rest = planned(runtime, bundle)
    before = now()
    result = runtime("run", "--trace", "trace", "--bundle", bundle.dir, bundle.id, cwd=bundle.host_directory("caller"))
    assert result.code == 0 and not result.err, result
    events, steps = check(bundle.dir / "caller/trace", f"run {bundle.id}", before, now())

    process = events["the process"]
    own = [e for e in steps if e.pid == process.pid]
    plan[-1] = ("sync", "wait for the runtime (created)", "(runtime)")
    plan += [(s["op"], s["doing"], s["source"]) for s in rest]
    assert told(own, plan) == plan
    assert own[-1].args["op"] == "exec" and own[-1].end == process.start
    assert process.args == {"exit": "0"}
    assert not any("error" in e.args for e in events.values())

    phases = ["read the command line", "read config.json", "decode config.json", "compile the plan", "make the cgroup",
              "set the container up", "let it go", "wait for the process's end", "delete the container"]
    assert phases == sorted(phases, key=lambda name: events[name].start)
    filter = events["compile the seccomp profile"]
    assert events["compile the plan"].start <= filter.start and filter.end <= events["compile the plan"].end
    for kind, pointer in [(kind, f"/hooks/{kind}/0") for kind in bundle.config["hooks"]]:
        hook = events[f"{kind} hook /bin/sleep"]
        assert hook.args["origin"] == pointer and hook.end - hook.start >= 20000
    # Two of them are stages of their own, which clone the hook's process.
    assert [e.args["op"] for e in steps].count("clone") == 2 and len({e.pid for e in steps}) == 5
    ready = next(e for e in own if e.name == "tell the runtime (ready)")
    saving = events["save the state"]
    # While the stage goes on, and before its process does.
    assert ready.start <= saving.start and saving.end <= process.start


@pytest.mark.parametrize("user_namespace", [False, True])
def test_create(runtime, bundle, user_namespace):
    if user_namespace:
        bundle.user_namespace()
    bundle.busybox("sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    plan, _ = planned(runtime, bundle)
    path = bundle.dir / "trace"
    path.write_text("what was there before, which is longer than nothing" * 10000)
    before = now()
    runtime.create(bundle.dir, bundle.id, "--trace", path)
    events, steps = check(path, f"create {bundle.id}", before, now())
    assert told(steps, plan) == plan
    pid = runtime.pid(bundle.dir, bundle.id)
    assert steps[-1].pid == pid and steps[-1].name == "wait for the start"
    assert "the process" not in events
    if user_namespace:
        assert "write the ID maps" in events
    # The process holds nothing of the timeline, and goes on as if there were none.
    runtime("start", bundle.id, check=True)
    runtime.wait_for_status(bundle.id, "running")
    assert not any("trace" in os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd"))

    before = now()
    assert runtime("exec", "--trace", path, bundle.id, "/bin/sleep", "0.3").code == 0
    events, steps = check(path, f"exec {bundle.id}", before, now())
    assert "setns" in {e.args["op"] for e in steps} and steps[-1].name == "exec /bin/sleep"
    # It begins when the runtime sees that it has begun.
    assert events["the process"].end - events["the process"].start >= 100000
    assert events["the process"].pid == steps[-1].pid
    # From the clone on it is another process.
    assert len({e.pid for e in steps}) == (2 if "clone" in {e.args["op"] for e in steps} else 1)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


@pytest.mark.parametrize("joined", [False, True], ids=["new", "joined"])
def test_other_clocks(runtime, bundle, make_bundle, joined):
    """In a time namespace every clock of the stage is another; its times are those of the host."""
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"monotonic": {"secs": 100000, "nanosecs": 5}, "boottime": {"secs": -1, "nanosecs": 0}}
    bundle.busybox("sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    path, held = bundle.dir / "trace", bundle
    before = now()
    runtime.create(bundle.dir, bundle.id, "--trace", path)
    after, pid = now(), runtime.pid(bundle.dir, bundle.id)
    what = f"create {bundle.id}"
    if joined:
        runtime("start", bundle.id, check=True)
        bundle = make_bundle("other")
        bundle.linux["namespaces"].append({"type": "time", "path": f"/proc/{pid}/ns/time"})
        bundle.busybox("true")
        bundle.process["args"] = ["/bin/true"]
        bundle.write()
        before, what = now(), f"run {bundle.id}"
        assert runtime("run", "--trace", path, "--bundle", bundle.dir, bundle.id).code == 0
        after = now()
    _, steps = check(path, what, before, after)
    # Not pushed to one end or the other: all but a few take some time.
    assert sum(e.end > e.start for e in steps) > len(steps) * 0.9
    runtime("delete", "--force", held.id, check=True)
    reap(pid)


def test_a_failing_step(runtime, bundle):
    bundle.mount("/mnt", "tmpfs", "tmpfs", ["sise=1"])
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    path, number = bundle.dir / "trace", len(bundle.config["mounts"]) - 1
    path.touch()
    before = now()
    result = runtime("run", "--trace", path, "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "sise" in result.err
    events, steps = check(path, f"run {bundle.id}", before, now())
    failed = [e for e in steps if "error" in e.args]
    assert failed == steps[-1:] and failed[0].args["origin"] == f"/mounts/{number}"
    error = failed[0].args["error"]
    assert "EINVAL" in error and "sise" in error
    # Of the phases the one that noticed, and the whole.
    assert {e.name for e in events.values() if e.args.get("error") == error} == {
        failed[0].name, "set the container up", f"run {bundle.id}"}
    assert events["undo it"].start >= failed[0].end
    path.unlink()
    footprint.assert_clean()


def test_a_failing_exec(runtime, bundle):
    bundle.process["args"] = ["/nowhere"]
    bundle.write()
    path = bundle.dir / "trace"
    before = now()
    assert runtime("run", "--trace", path, "--bundle", bundle.dir, bundle.id).code != 0
    _, steps = check(path, f"run {bundle.id}", before, now())
    assert steps[-1].args["op"] == "lookup" and "ENOENT" in steps[-1].args["error"]


def test_a_bad_configuration(runtime, bundle):
    bundle.process["cwd"] = "relative"
    bundle.write()
    path = bundle.dir / "trace"
    before = now()
    result = runtime("create", "--trace", path, "--bundle", bundle.dir, bundle.id)
    assert result.code == 1
    events, steps = check(path, f"create {bundle.id}", before, now())
    assert not steps and "/process/cwd" in events["check config.json"].args["error"]


def test_a_killed_step(runtime, bundle):
    """What a filter kills the stage at is told, too."""
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["capset"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    bundle.process["noNewPrivileges"] = False
    bundle.write()
    path = bundle.dir / "trace"
    before = now()
    assert runtime("run", "--trace", path, "--bundle", bundle.dir, bundle.id).code == 1
    _, steps = check(path, f"run {bundle.id}", before, now())
    assert steps[-1].args["op"] == "caps" and "SIGSYS" in steps[-1].args["error"]


@pytest.mark.parametrize("where, errno", [("no/such/trace", "ENOENT"), (".", "EISDIR")])
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_file_that_cannot_be_written(runtime, bundle, verb, where, errno):
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime(verb, "--trace", bundle.dir / where, "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "--trace" in result.err and str(bundle.dir / where) in result.err, result
    assert errno in result.err, result
    footprint.assert_clean()


def test_a_full_disk_fails_no_container(runtime, bundle):
    bundle.process["args"] = ["/probe"]
    bundle.write()
    result = runtime("run", "--trace", "/dev/full", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0 and "--trace" in result.err and "ENOSPC" in result.err, result


def test_the_file_is_not_passed_on(runtime, bundle):
    """Not even for a descriptor that the caller says it has, and has not."""
    bundle.sh("ls -l /proc/self/fd")
    bundle.busybox("ls")
    bundle.write()
    seen = [
        runtime("run", *flags, "--bundle", bundle.dir, bundle.id, check=True).out.count(" -> ")
        for flags in ((), ("--trace", bundle.dir / "trace"))
    ]
    assert seen[0] == seen[1] > 2
    result = runtime(
        "run", "--detach", "--trace", bundle.dir / "trace", "--preserve-fds", "1", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "EBADF" in result.err, result


def test_dash_is_a_name(runtime, bundle):
    bundle.write()
    assert runtime("run", "--trace", "-", "--bundle", bundle.dir, bundle.id, cwd=bundle.dir).code == 0
    assert read(bundle.dir / "-")[0]
