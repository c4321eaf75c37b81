"""Hooks: order, states, time limits, failures and the clean-up after them."""

import json
import time

import pytest
from harness.runtime import Footprint, reap

BEFORE_START = ("prestart", "createRuntime", "createContainer")
ALL = (*BEFORE_START, "startContainer", "poststart", "poststop")


def script(bundle, name, body):
    """A hook program on the host (and, at the same path below /, in the container)."""
    path = bundle.dir / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def logging(bundle, kinds=ALL, tail=None):
    """Hooks of all kinds that append their kind and the state's status to one file, visible inside as /log."""
    log = bundle.dir / "log"
    log.touch()
    log.chmod(0o666)
    (bundle.rootfs / "log").touch()
    bundle.mount("/log", "bind", log, ["bind"])
    bundle.busybox("sh", "cat", "sed", "sleep")
    for kind in kinds:
        inside = kind == "startContainer"
        body = (f'status=$(/bin/busybox sed -n \'s/.*"status" *: *"\\([a-z]*\\)".*/\\1/p\'); '
                f'echo {kind} $status >>{"/log" if inside else log}; {(tail or {}).get(kind, "")}')
        entry = {"path": "/bin/sh", "args": ["sh", "-c", body], "env": ["PATH=/bin:/usr/bin"]}
        bundle.config.setdefault("hooks", {})[kind] = [entry]
    return log


def wait_for(log, text, seconds=5):
    end = time.monotonic() + seconds
    while text not in log.read_text() and time.monotonic() < end:
        time.sleep(0.01)


def test_order_and_states(runtime, bundle):
    log = logging(bundle)
    bundle.sh("echo process >>/log; while :; do sleep 0.05; done")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    assert log.read_text().split("\n") == ["prestart creating", "createRuntime creating", "createContainer creating", ""]
    runtime("start", bundle.id, check=True)
    wait_for(log, "process")
    lines = log.read_text().split()
    assert "startContainer" in lines and lines.index("startContainer") < lines.index("process")
    assert "startContainer created" in log.read_text() and "poststart running" in log.read_text()
    runtime("kill", bundle.id, "KILL", check=True)
    reap(pid)
    assert "poststop" not in log.read_text()
    runtime("delete", bundle.id, check=True)
    assert log.read_text().splitlines()[-1] == "poststop stopped"


def test_run_calls_all_of_them(runtime, bundle):
    log = logging(bundle)
    bundle.sh("echo process >>/log")
    bundle.write()
    assert runtime("run", "--bundle", bundle.dir, bundle.id).code == 0
    kinds = [line.split()[0] for line in log.read_text().splitlines()]
    assert sorted(kinds) == sorted([*ALL, "process"])
    assert kinds[:4] == ["prestart", "createRuntime", "createContainer", "startContainer"] and kinds[-1] == "poststop"


@pytest.mark.parametrize("kind", [*BEFORE_START, "startContainer", "poststart"])
def test_failure_stops_the_container(runtime, bundle, kind):
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    log = logging(bundle, tail={kind: "echo told on stderr >&2; exit 3"})
    bundle.sh("sleep 1000")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1, result
    assert "hook" in result.err and "told on stderr" in result.err and "3" in result.err, result
    if kind in BEFORE_START:
        assert f"/hooks/{kind}/0" in result.err or kind in result.err
    assert not (runtime.root / bundle.id).exists()
    assert "poststop stopped" in log.read_text() or kind in BEFORE_START
    footprint.assert_clean()


@pytest.mark.parametrize("kind", BEFORE_START)
def test_failure_of_create(runtime, bundle, kind):
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    logging(bundle, tail={kind: "exit 1"})
    bundle.write()
    assert runtime("create", "--bundle", bundle.dir, bundle.id).code == 1
    assert not (runtime.root / bundle.id).exists()
    footprint.assert_clean()


def test_failure_of_poststop_leaves_nothing(runtime, bundle):
    """The specification asks for a warning; runc fails. Whatever is answered, the container is gone."""
    logging(bundle, tail={"poststop": "exit 1"})
    bundle.sh("exit 0")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert "hook" in result.err
    assert not (runtime.root / bundle.id).exists()
    footprint.assert_clean()


@pytest.mark.parametrize("kind", [*BEFORE_START, "startContainer", "poststart"])
def test_time_limit(runtime, bundle, kind):
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    logging(bundle, tail={kind: "exec /bin/busybox sleep 60"})
    bundle.config["hooks"][kind][0]["timeout"] = 1
    bundle.sh("sleep 1000")
    bundle.write()
    begun = time.monotonic()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and 0.9 < time.monotonic() - begun < 8, result
    assert "hook ran past specified timeout of 1" in result.err, result
    footprint.assert_clean()


def test_hook_that_leaves_a_process_with_its_output_open(runtime, bundle):
    """A daemon started by a hook keeps the pipe: the runtime must not wait for it beyond the time limit."""
    path = script(bundle, "daemon", "sleep 12 & exit 0")
    bundle.config["hooks"] = {"createRuntime": [{"path": path, "env": ["PATH=/bin:/usr/bin"], "timeout": 1}]}
    bundle.sh("exit 0")
    bundle.write()
    begun = time.monotonic()
    runtime.create(bundle.dir, bundle.id, check=False)
    assert time.monotonic() - begun < 6


def test_hook_that_does_not_read_its_input(runtime, bundle):
    """The state may be larger than a pipe; a hook that closes its input is not an error."""
    path = script(bundle, "deaf", "exec <&-; exit 0")
    bundle.config["annotations"] = {f"key{n}": "x" * 1000 for n in range(200)}
    bundle.config["hooks"] = {kind: [{"path": path}] for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")}
    bundle.sh("exit 0")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0, result


def test_hook_with_much_output(runtime, bundle):
    path = script(bundle, "loud", "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; exit 1")
    bundle.config["hooks"] = {"createRuntime": [{"path": path, "env": ["PATH=/bin:/usr/bin"]}]}
    bundle.write()
    assert runtime("create", "--bundle", bundle.dir, bundle.id).code == 1


def test_state_on_standard_input(runtime, bundle):
    """Compact JSON with unescaped slashes: some hooks parse it with sed."""
    path = script(bundle, "keep", f"cat >{bundle.dir}/state.json")
    bundle.config["annotations"] = {"com.example/a": "b/c"}
    bundle.config["hooks"] = {"createRuntime": [{"path": path, "env": ["PATH=/bin:/usr/bin"]}]}
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    text = (bundle.dir / "state.json").read_text()
    state = json.loads(text)
    assert "\\/" not in text and text.strip().count("\n") == 0
    assert state["id"] == bundle.id and state["status"] == "creating" and state["bundle"] == str(bundle.dir)
    assert state["pid"] == runtime.pid(bundle.dir, bundle.id) and state["annotations"] == {"com.example/a": "b/c"}
    assert state["ociVersion"]


def test_limits_are_set_before_hooks(runtime, bundle):
    """createRuntime sees the process in its cgroup (device plug-ins rely on it)."""
    path = script(bundle, "look", f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); cat /proc/$pid/cgroup >{bundle.dir}/cgroup")
    bundle.config["hooks"] = {"createRuntime": [{"path": path, "env": ["PATH=/bin:/usr/bin"]}]}
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    assert f"0::/apus-test/{bundle.id}" in (bundle.dir / "cgroup").read_text()
