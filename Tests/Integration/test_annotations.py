"""Annotations of config.json that change what the runtime does, under crun's names: `run.oci.*`."""

import base64
import json
import os
import select
import socket
import struct

import pytest
from harness.agent import Agent, profile
from harness.runtime import Footprint, reap

BOTH = pytest.mark.parametrize("which", ["apus", "crun"])


@pytest.fixture
def choose(runtime, reference):
    return lambda name: runtime if name == "apus" else reference(name)


def annotate(bundle, **annotations):
    bundle.config["annotations"] = {f"run.oci.{name}": value for name, value in annotations.items()}


@BOTH
@pytest.mark.parametrize("value, kept", [("1", True), ("yes", True), ("0", False), (None, False)])
def test_original_groups(choose, bundle, which, value, kept):
    which = choose(which)
    bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7]}
    bundle.busybox("id", "sleep")
    bundle.process["args"] = ["/bin/id", "-G"]
    if value:
        annotate(bundle, keep_original_groups=value)
    bundle.write()
    keep = ["setpriv", "--groups", "2000,3000"]
    result = which("run", "--bundle", bundle.dir, bundle.id, prefix=keep)
    assert result.out.split() == ["1000", *(["2000", "3000"] if kept else ["7"])], result
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    which.create(bundle.dir, bundle.id, prefix=keep)
    pid = which.pid(bundle.dir, bundle.id)
    which("start", bundle.id, check=True)
    file = bundle.dir / "process.json"
    file.write_text(json.dumps({**bundle.process, "args": ["/bin/id", "-G"]}))
    groups = which("exec", "--process", file, bundle.id, prefix=["setpriv", "--groups", "4000"]).out.split()
    assert groups == ["1000", "4000" if kept else "7"]
    which("delete", "--force", bundle.id, check=True)
    reap(pid)


@BOTH
def test_pidfd_receiver(choose, bundle, which):
    which = choose(which)
    bundle.busybox("sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    path = str(bundle.dir / "pidfd.sock")
    bundle.config["annotations"] = {"run.oci.pidfd_receiver": path}
    bundle.write()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        which.create(bundle.dir, bundle.id)
        pid = which.pid(bundle.dir, bundle.id)
        with listener.accept()[0] as connection:
            _, (pidfd,), _, _ = socket.recv_fds(connection, 4096, 1)
    with open(f"/proc/self/fdinfo/{pidfd}") as info:
        assert f"\nPid:\t{pid}\n" in info.read()
    which("delete", "--force", bundle.id, check=True)
    assert select.select([pidfd], [], [], 5)[0]
    os.close(pidfd)
    reap(pid)


def test_nobody_receives(runtime, bundle):
    bundle.config["annotations"] = {"run.oci.pidfd_receiver": str(bundle.dir / "absent.sock")}
    bundle.write()
    before = Footprint(runtime, bundle.id)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "/annotations/run.oci.pidfd_receiver: " in result.err and "ENOENT" in result.err, result
    before.assert_clean()


@BOTH
def test_output_of_hooks(choose, bundle, which):
    which = choose(which)
    kinds = ["createRuntime", "createContainer", "startContainer", "poststart"]
    bundle.busybox("sh", "sleep", "cat")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.config["hooks"] = {
        kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >/dev/null; echo {kind} out; echo {kind} err >&2"]}]
        for kind in kinds}
    out, err = bundle.dir / "hooks.out", bundle.dir / "hooks.err"
    out.write_text("before\n")
    bundle.config["annotations"] = {"run.oci.hooks.stdout": str(out), "run.oci.hooks.stderr": str(err)}
    bundle.write()
    which.create(bundle.dir, bundle.id)
    pid = which.pid(bundle.dir, bundle.id)
    which("start", bundle.id, check=True)
    which("delete", "--force", bundle.id, check=True)
    reap(pid)
    # With crun the last two run at the same time.
    assert sorted(out.read_text().splitlines()) == sorted(["before", *(f"{kind} out" for kind in kinds)])
    assert sorted(err.read_text().splitlines()) == sorted(f"{kind} err" for kind in kinds)


def test_output_of_failing_hooks(runtime, bundle):
    """What goes to a file is not in the message; what does not, is."""
    bundle.config["hooks"] = {"prestart": [{"path": "/bin/sh", "args": ["sh", "-c", "echo out; echo err >&2; exit 3"]}]}
    bundle.config["annotations"] = {"run.oci.hooks.stdout": "own.log"}
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, cwd="/")
    assert result.code == 1 and "exit status 3, output: err" in result.err and "output: out" not in result.err, result
    assert (bundle.dir / "own.log").read_text() == "out\n"
    bundle.config["annotations"] = {"run.oci.hooks.stderr": "/absent/log"}
    bundle.write()
    before = Footprint(runtime, bundle.id)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "/annotations/run.oci.hooks.stderr: open /absent/log: no such file" in result.err, result
    before.assert_clean()


@BOTH
@pytest.mark.parametrize("value, fails", [("1", True), ("0", False), (None, False)])
def test_unknown_calls(choose, bundle, which, value, fails):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["swapon", "no_such_call"], "action": "SCMP_ACT_ERRNO"}]}
    if value:
        annotate(bundle, seccomp_fail_unknown_syscall=value)
    bundle.sh("echo fine")
    bundle.write()
    result = choose(which)("run", "--bundle", bundle.dir, bundle.id)
    assert (result.code != 0) == fails and (result.out == "fine\n") != fails, result
    if which == "apus" and fails:
        assert "/linux/seccomp/syscalls/0/names/1: libseccomp knows no system call" in result.err and "no_such_call" in result.err


def instructions(*some):
    return base64.b64encode(b"".join(struct.pack("=HBBI", *one) for one in some)).decode()


def refusing(number, verdict):
    """A filter that answers one call so, and allows the others."""
    return instructions((0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, verdict), (0x06, 0, 0, 0x7FFF0000))


MKDIR = {"x86_64": 83, "aarch64": 34}[os.uname().machine]


@BOTH
def test_ready_filter(choose, bundle, which):
    """It stands in for the profile, which would refuse everything."""
    which = choose(which)
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": []}
    annotate(bundle, seccomp_bpf_data=refusing(MKDIR, 0x00050000 | 95))
    bundle.busybox("mkdir", "grep")
    bundle.sh("mkdir /tmp/x; grep Seccomp: /proc/self/status")
    bundle.write()
    result = which("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0 and "Operation not supported" in result.err and "Seccomp:\t2" in result.out, result


def test_ready_filter_without_a_profile(runtime, bundle):
    annotate(bundle, seccomp_bpf_data=refusing(MKDIR, 0x00050000 | 95))
    bundle.busybox("mkdir", "sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    assert "Operation not supported" in runtime("exec", bundle.id, "mkdir", "/tmp/x").err
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_ready_filter_with_an_agent(runtime, bundle):
    path = str(bundle.dir / "agent.sock")
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path}
    annotate(bundle, seccomp_bpf_data=refusing(MKDIR, 0x7FC00000))
    bundle.busybox("mkdir")
    bundle.sh("mkdir /refused")
    bundle.write()
    with Agent(path) as agent:
        result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert "Invalid cross-device link" in result.err and len(agent.states) == 1, result


@pytest.mark.parametrize("data, words", [
    ("not Base64!", "not Base64"), ("AAAAAAAAAA==", "no filter"), ("AAAAA", "not Base64"),
    (base64.b64encode(bytes(8 * 4097)).decode(), "no filter"), (base64.b64encode(bytes(8)).decode(), "EINVAL")])
def test_filter_that_is_none(runtime, bundle, data, words):
    annotate(bundle, seccomp_bpf_data=data)
    bundle.write()
    before = Footprint(runtime, bundle.id)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and words in result.err, result
    before.assert_clean()


@BOTH
def test_seccomp_receiver(choose, bundle, which):
    path = str(bundle.dir / "agent.sock")
    bundle.linux["seccomp"] = profile(path)
    del bundle.linux["seccomp"]["listenerPath"]
    bundle.config["annotations"] = {"run.oci.seccomp.receiver": path}
    bundle.busybox("cat")
    bundle.sh("cat /secret")
    bundle.write()
    with Agent(path):
        result = choose(which)("run", "--bundle", bundle.dir, bundle.id)
    assert result.out == "told by the agent\n", result


@pytest.mark.parametrize("name, value", [
    ("run.oci.seccomp.plugins", "/lib/p.so"), ("run.oci.systemd.force_cgroup_v1", "/sys/fs/cgroup/systemd"),
    ("run.oci.systemd.subgroup", "sub"), ("run.oci.delegate-cgroup", "sub"), ("run.oci.handler", "krun"),
    ("run.oci.handler", "wasm"), ("module.wasm.image/variant", "compat"), ("run.oci.mount_context_type", "label"),
    ("run.oci.seccomp.receiver", "relative.sock")])
def test_refused_by_name(runtime, bundle, name, value):
    bundle.config["annotations"] = {name: value}
    bundle.write()
    before = Footprint(runtime, bundle.id)
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and f"/annotations/{name.replace('/', '~1')}: " in result.err, result
    before.assert_clean()


@pytest.mark.parametrize("annotations", [
    {"run.oci.systemd.subgroup": "", "run.oci.delegate-cgroup": "", "run.oci.hooks.stdout": "", "run.oci.pidfd_receiver": ""},
    {"io.kubernetes.cri.container-type": "sandbox", "run.oci.handler": "krun", "krun.cpus": "2"},
    {"run.oci.mount_context_type": "rootcontext"}])
def test_what_changes_nothing(runtime, bundle, annotations):
    bundle.config["annotations"] = annotations
    bundle.sh("echo fine")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert (result.code, result.out, result.err) == (0, "fine\n", ""), result
