"""Seccomp agents: who answers the system calls of a container with the verdict SCMP_ACT_NOTIFY."""

import json
import os
import socket
import threading
import time

import pytest
from harness import agent
from harness.agent import Agent, profile
from harness.runtime import Footprint, reap

pytestmark = pytest.mark.skipif(not agent.is_available(), reason="the kernel has no SECCOMP_RET_USER_NOTIF")

SCRIPT = "cat /secret; mkdir /made && ls -d /made; mkdir /refused; mkdir /own && ls -d /own"
SEEN = ["told by the agent", "/made", "mkdir: can't create directory '/refused': Invalid cross-device link", "/own"]


@pytest.fixture
def trapped(bundle):
    """A bundle whose calls go to an agent at `path`."""
    bundle.busybox("sh", "cat", "mkdir", "ls", "sleep", "true")
    bundle.path = str(bundle.dir / "agent.sock")
    bundle.linux["seccomp"] = profile(bundle.path, listenerMetadata="MKNOD=/dev/null")
    bundle.config["annotations"] = {"org.example/key": "ä\"\\/"}
    return bundle


def lines(result):
    return (result.out + result.err).splitlines()


@pytest.mark.parametrize("bound", [True, False], ids=["no_new_privs", "new_privs"])
@pytest.mark.parametrize("uid", [0, 1000])
def test_run(runtime, trapped, bound, uid):
    trapped.process["noNewPrivileges"] = bound
    trapped.process["user"] = {"uid": uid, "gid": uid}
    os.chmod(trapped.rootfs, 0o777)
    trapped.sh(SCRIPT)
    trapped.write()
    with Agent(trapped.path) as it:
        result = runtime("run", "--bundle", trapped.dir, trapped.id)
    assert sorted(lines(result)) == sorted(SEEN), result
    # The agent made one of them, as who it is.
    assert os.stat(trapped.rootfs / "made").st_uid == 0 and os.stat(trapped.rootfs / "own").st_uid == uid
    assert len(it.states) == 1
    assert {path for name, path in it.calls if name in agent.MKDIRS} == {"/made", "/refused", "/own"}


def test_state(runtime, trapped):
    """What the agent is told of the first process, and of one that joins it."""
    trapped.process["args"] = ["/bin/sleep", "100"]
    trapped.write()
    with Agent(trapped.path) as it:
        runtime.create(trapped.dir, trapped.id)
        pid = runtime.pid(trapped.dir, trapped.id)
        state = {"ociVersion": trapped.config["ociVersion"], "id": trapped.id, "status": "creating", "pid": pid,
                 "bundle": str(trapped.dir), "annotations": trapped.config["annotations"]}
        message = {"ociVersion": trapped.config["ociVersion"], "fds": ["seccompFd"], "pid": pid,
                   "metadata": "MKNOD=/dev/null", "state": state}
        # It hears of it in a thread of its own.
        end = time.monotonic() + 10
        while not it.states and time.monotonic() < end:
            time.sleep(0.01)
        assert it.states == [message]
        runtime("start", trapped.id, check=True)
        result = runtime("exec", "--pid-file", trapped.dir / "exec.pid", trapped.id, "sh", "-c", SCRIPT)
        assert sorted(lines(result)) == sorted(SEEN), result
        inner = int((trapped.dir / "exec.pid").read_text())
        assert it.states[1:] == [{**message, "pid": inner, "state": {**state, "status": "running"}}]
        runtime("delete", "--force", trapped.id, check=True)
        reap(pid)


@pytest.mark.parametrize("bound", [True, False], ids=["no_new_privs", "new_privs"])
def test_every_call_of_the_way_out(runtime, trapped, bound):
    """Whatever is made between the filter and the exec may be left to the agent, who is there by then."""
    names = ["read", "close", "close_range", "execve", "umask", "prctl", "setresuid", "setresgid", "setgroups", "capset",
             "chdir", "getcwd", "statx", "faccessat2", "openat", "openat2", "exit_group", "arch_prctl", "brk", "seccomp"]
    trapped.process["noNewPrivileges"] = bound
    trapped.linux["seccomp"] = profile(trapped.path, names)
    trapped.sh("echo done")
    trapped.write()
    with Agent(trapped.path) as it:
        result = runtime("run", "--bundle", trapped.dir, trapped.id)
        assert (result.code, result.out) == (0, "done\n"), result
        runtime.create(trapped.dir, trapped.id)
        pid = runtime.pid(trapped.dir, trapped.id)
        runtime("start", trapped.id, check=True)
        assert reap(pid) == 0
        runtime("delete", trapped.id, check=True)
    assert len(it.states) == 2 and len(it.calls) > 10


def test_hook_in_the_container(runtime, trapped):
    """A startContainer hook has the process's filter, and so a listener of its own."""
    trapped.config["hooks"] = {"startContainer": [
        {"path": "/bin/sh", "args": ["sh", "-c", "cat /secret >/tmp/seen; mkdir /made"]}]}
    trapped.sh("cat /tmp/seen; ls -d /made")
    trapped.write()
    with Agent(trapped.path) as it:
        result = runtime("run", "--bundle", trapped.dir, trapped.id)
    assert result.out == "told by the agent\n/made\n", result
    assert [state["state"]["status"] for state in it.states] == ["creating", "created"]
    assert it.states[0]["pid"] == it.states[0]["state"]["pid"] == it.states[1]["state"]["pid"] != it.states[1]["pid"]


def test_user_namespace(runtime, trapped):
    trapped.user_namespace()
    trapped.sh(SCRIPT)
    trapped.write()
    with Agent(trapped.path):
        result = runtime("run", "--bundle", trapped.dir, trapped.id)
    assert sorted(lines(result)) == sorted(SEEN), result


def test_relative_and_long_paths(runtime, trapped):
    """A name that does not fit into sockaddr_un, below the bundle."""
    directory = trapped.dir / ("d" * 120)
    directory.mkdir()
    trapped.linux["seccomp"]["listenerPath"] = f"{directory.name}/agent.sock"
    trapped.process["args"] = ["/bin/sleep", "100"]
    trapped.write()
    with Agent(str(directory / "agent.sock")) as it:
        runtime.create(trapped.dir, trapped.id)
        pid = runtime.pid(trapped.dir, trapped.id)
        assert runtime("exec", trapped.id, "cat", "/secret", cwd="/").out == "told by the agent\n"
        runtime("delete", "--force", trapped.id, check=True)
        reap(pid)
    assert len(it.states) == 2


def test_large_metadata(runtime, trapped):
    """More than a socket's buffer takes at once."""
    trapped.linux["seccomp"]["listenerMetadata"] = "m" * 500_000
    trapped.sh("cat /secret")
    trapped.write()
    with Agent(trapped.path) as it:
        assert runtime("run", "--bundle", trapped.dir, trapped.id).out == "told by the agent\n"
    assert it.states[0]["metadata"] == "m" * 500_000


@pytest.mark.parametrize("there", ["nothing", "nobody", "a file"])
@pytest.mark.parametrize("verb", ["create", "run", "exec"])
def test_no_agent(runtime, trapped, there, verb):
    trapped.process["args"] = ["/bin/sleep", "100"]
    if verb == "exec":
        trapped.write()
        with Agent(trapped.path):
            runtime.create(trapped.dir, trapped.id)
        os.unlink(trapped.path)
    trapped.write()
    if there == "nobody":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(trapped.path)
    elif there == "a file":
        open(trapped.path, "x").close()
    before = Footprint(runtime, trapped.id)
    result = (runtime("exec", trapped.id, "/bin/true") if verb == "exec"
              else runtime(verb, "--bundle", trapped.dir, trapped.id, stdin=-3))
    assert result.code == (255 if verb == "exec" else 1), result
    assert "/linux/seccomp/listenerPath: " in result.err and trapped.path in result.err
    assert {"nothing": "ENOENT", "nobody": "ECONNREFUSED", "a file": "is no socket"}[there] in result.err, result
    assert "start the agent" in result.err
    if verb == "exec":
        assert runtime.state(trapped.id)["status"] == "created"
    before.assert_clean()


def test_agent_that_hangs_up(runtime, trapped):
    """Without a listener the kernel answers ENOSYS: the container's calls fail, and nothing hangs."""
    trapped.sh("mkdir /tmp/x; echo $?")
    trapped.linux["seccomp"]["syscalls"][0]["names"] = list(agent.MKDIRS)
    trapped.write()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(trapped.path)
        listener.listen()

        def take():
            connection, _ = listener.accept()
            with connection:
                for descriptor in socket.recv_fds(connection, 1 << 16, 1)[1]:
                    os.close(descriptor)
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        result = runtime("run", "--bundle", trapped.dir, trapped.id)
        thread.join()
    assert "Function not implemented" in result.err and result.out == "1\n", result


def test_unused_listener(runtime, trapped):
    """Without SCMP_ACT_NOTIFY the path is ignored (config-linux.md)."""
    trapped.linux["seccomp"]["syscalls"][0].update(action="SCMP_ACT_ERRNO", errnoRet=95)
    trapped.sh("mkdir /tmp/x")
    trapped.write()
    result = runtime("run", "--bundle", trapped.dir, trapped.id)
    assert result.code == 1 and "can't create directory '/tmp/x': Operation not supported" in result.err, result


@pytest.mark.parametrize("flags", [
    [], ["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], ["SECCOMP_FILTER_FLAG_TSYNC"],
    ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]], ids=lambda flags: "+".join(f.rsplit("FLAG_")[1] for f in flags) or "none")
@pytest.mark.parametrize("notifies", [True, False])
def test_flags(runtime, trapped, flags, notifies):
    supported = json.loads(runtime("features").out)["linux"]["seccomp"]["supportedFlags"]
    trapped.linux["seccomp"]["flags"] = flags
    if not notifies:
        trapped.linux["seccomp"]["syscalls"][0].update(names=["swapon"], action="SCMP_ACT_ERRNO")
    trapped.sh("cat /secret 2>/dev/null || echo gone on")
    trapped.write()
    with Agent(trapped.path):
        result = runtime("run", "--bundle", trapped.dir, trapped.id)
    if unknown := [at for at, flag in enumerate(flags) if flag not in supported]:
        assert result.code == 1 and f"/linux/seccomp/flags/{unknown[0]}: the kernel does not know" in result.err, result
    else:
        assert result.out == ("told by the agent\n" if notifies else "gone on\n"), result


@pytest.mark.parametrize("name", ["crun", "runc"])
def test_as_others_do(runtime, trapped, reference, make_bundle, name):
    """The same message and the same answers, for run and exec."""
    other = reference(name)
    seen = {}
    for which in (other, runtime):
        again = make_bundle()
        again.busybox("sh", "cat", "mkdir", "ls", "sleep")
        path = str(again.dir / "agent.sock")
        again.linux["seccomp"] = profile(path, listenerMetadata="about")
        again.config["annotations"] = {"a": "b"}
        again.process["args"] = ["/bin/sh", "-c", SCRIPT + "; exec sleep 100"]
        again.write()
        with Agent(path) as it:
            which.create(again.dir, again.id)
            pid = which.pid(again.dir, again.id)
            which("start", again.id, check=True)
            result = which("exec", "--pid-file", again.dir / "x.pid", again.id, "sh", "-c",
                           "cat /secret; mkdir /refused || exit 3")
            inner = int((again.dir / "x.pid").read_text())
            which("delete", "--force", again.id, check=True)
            reap(pid)
        seen[which.name] = [normal(state, {pid: "INIT", inner: "EXEC", again.id: "ID", str(again.dir): "BUNDLE"})
                            for state in it.states], (result.code, result.out)
        assert all("ociVersion" in state and "ociVersion" in state["state"] for state in it.states)
    if name == "crun":
        # Of a process that joins, crun 1.8.1 gives pid 0 and calls the container "creating".
        (_, ours), _ = seen["apus"]
        (_, other), _ = seen["crun"]
        other["pid"], other["state"] = ours["pid"], ours["state"]
    assert seen["apus"] == seen[name]


def normal(value, names):
    """A message with names for what differs from run to run, and without the versions that each follows."""
    if isinstance(value, dict):
        return {key: normal(member, names) for key, member in value.items() if key != "ociVersion"}
    return value if isinstance(value, list) else names.get(value, value)
