"""process.scheduler and process.ioPriority, which Debian's crun and runc are too old for: nothing to compare with."""

import json
import resource
import signal
import subprocess

import pytest
from harness.runtime import Footprint

MILLISECOND = 1_000_000
OTHER, FIFO, RR, BATCH, IDLE, DEADLINE = 0, 1, 2, 3, 5, 6
RESET_ON_FORK, RECLAIM = 1, 2

# What is asked for, and what the process sees of it.
WANTED = {
    "other": ({"policy": "SCHED_OTHER", "nice": -5}, {"policy": OTHER, "nice": -5}),
    "batch": ({"policy": "SCHED_BATCH", "nice": 19}, {"policy": BATCH, "nice": 19}),
    "idle": ({"policy": "SCHED_IDLE"}, {"policy": IDLE}),
    "fifo": ({"policy": "SCHED_FIFO", "priority": 99}, {"policy": FIFO, "priority": 99}),
    "round robin": ({"policy": "SCHED_RR", "priority": 1, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
                    {"policy": RR, "priority": 1, "flags": RESET_ON_FORK}),
    "deadline": ({"policy": "SCHED_DEADLINE", "runtime": MILLISECOND, "deadline": 20 * MILLISECOND,
                  "period": 30 * MILLISECOND},
                 {"policy": DEADLINE, "runtime": MILLISECOND, "deadline": 20 * MILLISECOND, "period": 30 * MILLISECOND}),
    "deadline with flags": (
        {"policy": "SCHED_DEADLINE", "runtime": MILLISECOND, "deadline": 20 * MILLISECOND,
         "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"]},
        {"policy": DEADLINE, "runtime": MILLISECOND, "period": 20 * MILLISECOND,
         "flags": RESET_ON_FORK | RECLAIM}),
    "keep policy": ({"policy": "SCHED_BATCH", "nice": 3, "flags": ["SCHED_FLAG_KEEP_POLICY"]},
                    {"policy": OTHER, "nice": 3}),
}


def seen(text, wanted):
    scheduler = json.loads(text)["scheduler"]
    return {name: scheduler[name] for name in wanted}


@pytest.mark.parametrize("user_namespace", [False, True], ids=["", "in a user namespace"])
@pytest.mark.parametrize("name", WANTED)
def test_of_init(runtime, bundle, name, user_namespace):
    if user_namespace:
        bundle.user_namespace()
    bundle.process["scheduler"], wanted = WANTED[name]
    # The last word: nothing that the container is not given takes part.
    bundle.process["capabilities"] = {}
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, check=True)
    assert seen(result.out, wanted) == wanted


@pytest.mark.parametrize("name", WANTED)
def test_of_a_further_process(runtime, bundle, name):
    process = dict(bundle.process, args=["/probe"])
    bundle.busybox("sleep")
    bundle.sh("sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    process["scheduler"], wanted = WANTED[name]
    (bundle.dir / "process.json").write_text(json.dumps(process))
    result = runtime("exec", "--process", bundle.dir / "process.json", bundle.id, check=True)
    assert seen(result.out, wanted) == wanted


def test_signal_of_an_overrun(runtime, bundle):
    """Which the first process of a pid namespace would not heed."""
    bundle.without("pid")
    # Under emulation the stage has overruns of its own with so little, which must not end it.
    bundle.process["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": MILLISECOND, "deadline": 2 * MILLISECOND,
                                   "flags": ["SCHED_FLAG_DL_OVERRUN"]}
    bundle.sh("while :; do :; done")
    bundle.write()
    assert runtime("run", "--bundle", bundle.dir, bundle.id).code == 128 + signal.SIGXCPU


def test_affinity_of_the_runtime_does_not_stand_in_the_way(runtime, bundle):
    """A SCHED_DEADLINE process has to be allowed all CPUs, and a pinned runtime's children are not."""
    bundle.process["scheduler"], wanted = WANTED["deadline"]
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=["taskset", "1"], check=True)
    assert seen(result.out, wanted) == wanted


@pytest.mark.parametrize("kind, level, value", [("RT", 3, 0x2003), ("BE", 7, 0x4007), ("IDLE", 4, 0x6004)])
def test_io_priority(runtime, bundle, kind, level, value):
    """The real-time class takes a capability of the initial user namespace."""
    bundle.user_namespace()
    bundle.process["ioPriority"] = {"class": f"IOPRIO_CLASS_{kind}", "priority": level}
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, check=True)
    assert json.loads(result.out)["scheduler"]["ioprio"] == value


REFUSED = {
    "no such policy": ({"policy": "SCHED_ISO"}, "/process/scheduler/policy", "SCHED_ISO"),
    "too short a period": ({"policy": "SCHED_DEADLINE", "runtime": 2000, "deadline": 2000}, "/process/scheduler",
                           "EINVAL", "sched_deadline_period_min_us"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(runtime, bundle, name):
    bundle.process["scheduler"], *words = REFUSED[name]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and all(word in result.err for word in words), result
    footprint.assert_clean()


@pytest.mark.parametrize("scheduler", [{"policy": "SCHED_OTHER", "nice": -1}, {"policy": "SCHED_FIFO", "priority": 1},
                                       WANTED["deadline"][0]], ids=["nice", "fifo", "deadline"])
def test_without_the_right(runtime, bundle, scheduler):
    bundle.process["scheduler"] = scheduler
    for kind in bundle.process["capabilities"]:
        bundle.process["capabilities"][kind] = []
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, prefix=["setpriv", "--bounding-set", "-sys_nice"])
    assert result.code == 1 and "/process/scheduler: " in result.err, result
    assert "EPERM" in result.err and "CAP_SYS_NICE" in result.err, result
    footprint.assert_clean()


def test_limits_stand_in_for_the_right(runtime, bundle):
    """RLIMIT_NICE of 21 lets anybody be as nice as -1."""
    bundle.process["scheduler"] = {"policy": "SCHED_OTHER", "nice": -1}
    bundle.process["rlimits"].append({"type": "RLIMIT_NICE", "soft": 21, "hard": 21})
    bundle.write()
    prefix = ["setpriv", "--bounding-set", "-sys_nice"]
    if resource.getrlimit(resource.RLIMIT_NICE)[1] < 21:
        if subprocess.run(["prlimit", "--nice=21:21", "true"]).returncode:
            pytest.skip("needs CAP_SYS_RESOURCE, to raise a limit")
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=prefix)
    assert result.code == 0 and seen(result.out, ["nice"]) == {"nice": -1}, result
