"""ps: the host's table of a container's processes, and their pids."""

import json
import time

import pytest
from harness.runtime import reap


@pytest.fixture
def pair(runtime, bundle):
    """A running container with two processes, and its first one's pid."""
    bundle.busybox("sleep")
    bundle.sh("sleep 1234 & wait")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    end = time.monotonic() + 10
    while runtime("ps", "-f", "json", bundle.id).out.count(",") < 1 and time.monotonic() < end:
        time.sleep(0.05)
    return bundle, runtime.pid(bundle.dir, bundle.id)


def test_json(runtime, pair):
    bundle, pid = pair
    result = runtime("ps", "--format", "json", bundle.id, check=True)
    pids = json.loads(result.out)
    assert len(pids) == 2 and pid in pids
    assert result.out == json.dumps(pids, separators=(",", ":")) + "\n" and result.err == ""


def test_table(runtime, pair):
    bundle, pid = pair
    head, *lines = runtime("ps", bundle.id, check=True).out.splitlines()
    assert head.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert len(lines) == 2 and any(line.split()[1] == str(pid) for line in lines)
    assert any("sleep 1234" in line for line in lines)


@pytest.mark.parametrize("options, column", [(["-ef"], 1), (["aux"], 1), (["-e", "-o", "comm,pid"], 1), (["-e", "-o", "pid,args"], 0)])
def test_options_of_ps(runtime, pair, options, column):
    bundle, pid = pair
    head, *lines = runtime("ps", "--format", "table", bundle.id, *options, check=True).out.splitlines()
    assert head.split()[column] == "PID"
    pids = json.loads(runtime("ps", "-f", "json", bundle.id).out)
    assert {int(line.split()[column]) for line in lines} == set(pids)


def test_refusals(runtime, pair):
    bundle, _ = pair
    for arguments, env, text in (
        (["-f", "xml", bundle.id], {}, "invalid format option"),
        ([bundle.id, "-o", "comm"], {}, "couldn't find PID field in ps output"),
        ([bundle.id, "--no-such"], {}, "exit status 1"),
        ([bundle.id], {"PATH": "/nowhere"}, "executable file not found in $PATH"),
        (["no-such"], {}, "container does not exist"),
    ):
        result = runtime("ps", *arguments, env=env)
        assert result.code == 1 and text in result.err and result.out == "", result
    assert runtime("ps", "-f", "json", bundle.id, env={"PATH": "/nowhere"}).code == 0


def test_states(runtime, bundle):
    bundle.busybox("sleep")
    bundle.sh("sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    assert json.loads(runtime("ps", "-f", "json", bundle.id).out) == [pid]
    runtime("pause", bundle.id, check=True)
    assert json.loads(runtime("ps", "-f", "json", bundle.id).out) == [pid]
    assert len(runtime("ps", bundle.id, check=True).out.splitlines()) == 2
    runtime("kill", bundle.id, "KILL", check=True)
    reap(pid)
    # Go's clients read null as an empty list; runc prints it.
    assert runtime("ps", "-f", "json", bundle.id).out == "null\n"
    assert len(runtime("ps", bundle.id, check=True).out.splitlines()) == 1
