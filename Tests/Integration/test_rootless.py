"""Containers that an unprivileged user starts (harness/rootless.py), with nothing but what the kernel gives to anybody."""

import json
import os
import re
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from harness import rootless
from harness.rootless import COUNT, FIRST, UID
from harness.runtime import Runtime, reap

pytestmark = pytest.mark.skipif(bool(rootless.missing()), reason=str(rootless.missing()))
SHELL = ("sh", "sleep", "cat", "id", "ls", "readlink", "setsid", "kill", "touch", "mount", "grep", "true", "false")


@pytest.fixture(scope="module")
def user(workplace):
    made = rootless.Unprivileged(workplace)
    yield made
    made.close()


@pytest.fixture
def runtime(user, subject_path, workplace):
    made = user.runtime("apus", subject_path, workplace / f"rootless-{uuid.uuid4().hex[:8]}")
    yield made
    for directory in made.root.glob("*"):
        made.discard(directory.name)
    assert list(made.root.glob("*")) == []


@pytest.fixture
def bundle(make_bundle):
    made = make_bundle()
    made.busybox(*SHELL)
    rootless.specification(made)
    made.linux.pop("cgroupsPath")
    return made


def give(bundle, owner=UID):
    bundle.write()
    for path in [bundle.dir, *bundle.dir.rglob("*")]:
        if path.name != "probe":
            os.chown(path, owner, owner, follow_symlinks=False)
    return bundle


def ranges(bundle):
    for name in ("uidMappings", "gidMappings"):
        bundle.linux[name] = [{"containerID": 0, "hostID": UID, "size": 1}, {"containerID": 1, "hostID": FIRST, "size": COUNT}]


def run(runtime, bundle, script, **more):
    bundle.sh(script)
    give(bundle)
    return runtime("run", "--bundle", bundle.dir, bundle.id, **more)


def create(runtime, bundle, script, owner=UID):
    bundle.sh(script)
    give(bundle, owner)
    (bundle.dir / "out").touch()
    pid_file = bundle.dir / "pid"
    with open(bundle.dir / "out", "ab") as out, open("/dev/zero", "rb") as stdin:
        code = subprocess.run(
            runtime.command("create", "--bundle", bundle.dir, "--pid-file", pid_file, bundle.id),
            stdin=stdin, stdout=out, stderr=out, env=runtime.environment, timeout=60).returncode
    assert code == 0, (bundle.dir / "out").read_text()
    return int(pid_file.read_text())


# ---- the user namespace ----

def test_own_id_alone(runtime, bundle):
    """No helper is needed, nor asked: none is in PATH."""
    result = run(runtime, bundle, "id -u; id -g; cat /proc/self/uid_map /proc/self/setgroups; exit 7",
                 env={"PATH": "/nowhere"})
    assert result.code == 7, result
    lines = [line.split() for line in result.out.splitlines()]
    assert lines == [["0"], ["0"], ["0", str(UID), "1"], ["deny"]], result


def test_own_id_as_another(runtime, bundle):
    """Nobody in the namespace is root."""
    for name in ("uidMappings", "gidMappings"):
        bundle.linux[name] = [{"containerID": 1234, "hostID": UID, "size": 1}]
    bundle.process["user"] = {"uid": 1234, "gid": 1234}
    result = run(runtime, bundle, "id -u; id -g")
    assert (result.code, result.out) == (0, "1234\n1234\n"), result


def test_ranges(runtime, bundle):
    ranges(bundle)
    bundle.process["user"] = {"uid": 7, "gid": 8, "additionalGids": [9, 10]}
    result = run(runtime, bundle, "id -u; id -g; id -G; cat /proc/self/gid_map")
    assert result.code == 0, result
    lines = [line.split() for line in result.out.splitlines()]
    assert lines == [["7"], ["8"], ["8", "9", "10"], ["0", str(UID), "1"], ["1", str(FIRST), str(COUNT)]]


@pytest.mark.parametrize("which", ["uid", "gid"])
def test_without_helpers(runtime, bundle, which):
    bundle.linux[f"{which}Mappings"] = [{"containerID": 0, "hostID": FIRST, "size": 10}]
    result = run(runtime, bundle, "true", env={"PATH": "/nowhere"})
    assert result.code == 1
    assert f"/linux/{which}Mappings: exec: " in result.err and "executable file not found in $PATH" in result.err, result


def test_ranges_of_others(runtime, bundle):
    bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 10}]
    result = run(runtime, bundle, "true")
    assert result.code == 1
    assert re.search(r"/linux/uidMappings: /\S+/newuidmap \d+ 0 0 10: exit status 1: newuidmap: .*not allowed", result.err), result


def test_groups_where_they_are_denied(runtime, bundle):
    bundle.process["user"]["additionalGids"] = [5]
    result = run(runtime, bundle, "true")
    assert result.code == 1
    assert "/process/user/additionalGids: cannot set any additional groups in a rootless container" in result.err, result


def test_needs_a_user_namespace(runtime, bundle):
    bundle.without("user")
    del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
    result = run(runtime, bundle, "true")
    assert result.code == 1
    assert "/linux/namespaces: rootless container requires user namespaces; add" in result.err, result


def test_what_takes_privilege_is_refused_by_name(runtime, bundle):
    for change, pointer in [
        (lambda b: b.process.update(oomScoreAdj=-500), "/process/oomScoreAdj"),
        (lambda b: b.process.update(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 1 << 30, "hard": 1 << 30}]), "/process/rlimits/0"),
        (lambda b: b.linux.update(resources={"pids": {"limit": 10}}), "remove linux.cgroupsPath and linux.resources"),
        (lambda b: b.linux.update(cgroupsPath="/apus-test/x"), "remove linux.cgroupsPath and linux.resources"),
    ]:
        process, linux = json.loads(json.dumps(bundle.process)), json.loads(json.dumps(bundle.linux))
        change(bundle)
        result = run(runtime, bundle, "true")
        assert result.code == 1 and pointer in result.err, result
        bundle.config["process"], bundle.config["linux"] = process, linux


# ---- the life of a container ----

@pytest.mark.parametrize("mapped", [False, True])
def test_life(runtime, bundle, mapped):
    if mapped:
        ranges(bundle)
    bundle.process["oomScoreAdj"] = 200
    pid = create(runtime, bundle, "echo started; while :; do sleep 0.1; done")
    assert runtime.state(bundle.id)["status"] == "created"
    # exec into what waits, and what runs.
    assert runtime("exec", bundle.id, "/bin/sh", "-c", "id -u; exit 3").code == 3
    runtime("start", bundle.id, check=True)
    runtime.wait_for_status(bundle.id, "running")
    result = runtime("exec", "--user", "0:0", bundle.id, "/bin/sh", "-c",
                     "cat /proc/self/oom_score_adj; for n in user mnt pid ipc uts; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done")
    assert result.code == 0, result
    score, *links = result.out.split()
    assert score == "200" and links[::2] == links[1::2], result
    assert runtime("ps", "--format", "json", bundle.id, check=True).out.startswith(f"[{pid}")
    assert runtime("kill", bundle.id, "KILL", check=True).err == ""
    assert reap(pid) == 128 + signal.SIGKILL
    assert runtime.state(bundle.id)["status"] == "stopped"
    runtime("delete", bundle.id, check=True)
    assert runtime.state(bundle.id) is None


def test_created_container_holds_nothing_of_the_host(runtime, bundle):
    """And may be looked at by whoever started it."""
    pid = create(runtime, bundle, "true")
    held = {n: os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}
    extra = {t for n, t in held.items() if int(n) > 2}
    assert extra == {str(runtime.root / bundle.id / "exec.fifo")}, held
    assert os.stat(f"/proc/{pid}/fd").st_uid == UID
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_hooks_in_the_container(runtime, bundle):
    user = bundle.dir / "namespaces"
    bundle.config["hooks"] = {
        "createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"readlink /proc/self/ns/user > {user}"]}],
        "startContainer": [{"path": "/bin/touch", "args": ["touch", "/started"]}]}
    result = run(runtime, bundle, "readlink /proc/self/ns/user; ls /started")
    assert result.out == user.read_text() + "/started\n", result


def test_clocks(runtime, bundle):
    if not os.path.exists("/proc/self/timens_offsets"):
        pytest.skip("this kernel has no time namespaces")
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 10_000_000}}
    result = run(runtime, bundle, "cat /proc/uptime; ls -d /proc/[0-9]*")
    assert float(result.out.split()[0]) > 10_000_000, result
    assert result.out.split()[2] == "/proc/1"


def test_sysfs_of_the_hosts_network(runtime, bundle):
    """It cannot be mounted: the host's is shown, and stays read-only."""
    bundle.unmount("/sys")
    bundle.mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"])
    result = run(runtime, bundle, "ls /sys/class/net; touch /sys/x; mount | grep '/sys '")
    assert "lo" in result.out and "Read-only file system" in result.err, result
    assert "(ro,nosuid,nodev,noexec" in result.out


# ---- nothing is left, with neither a cgroup nor a pid namespace ----

def others(bundle):
    """The processes that have the container's mark as an argument."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and f"mark-{bundle.id}".encode() in command.split(b"\0"):
            found.append(int(entry.name))
    return found


def boundless(bundle):
    bundle.without("pid", "cgroup")
    bundle.unmount("/proc")
    bundle.mount("/proc", "none", "/proc", ["rbind"])
    bundle.linux["maskedPaths"], bundle.linux["readonlyPaths"] = [], []


def leftovers(bundle, then):
    """Four children, which take leave of their parent: in a session of their own, and given to somebody else."""
    name = f"mark-{bundle.id}"
    one = f"/bin/sh -c 'while :; do sleep 1; done' {name}"
    return f"{one} & (setsid {one} &) ; (setsid sh -c \"setsid {one} & setsid {one}\" &) ; sleep 0.3; {then}"


def wait_for(bundle, count):
    """For a moment there may be more: what is forked to become another program."""
    end = time.monotonic() + 20
    while len(found := others(bundle)) != count:
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def assert_gone(bundle):
    end = time.monotonic() + 5
    while others(bundle) and time.monotonic() < end:
        time.sleep(0.02)
    assert others(bundle) == []


def test_run_leaves_no_process(runtime, bundle):
    boundless(bundle)
    result = run(runtime, bundle, leftovers(bundle, "exit 3"))
    assert result.code == 3, result
    assert_gone(bundle)


def test_run_spares_what_its_caller_had_started(runtime, bundle):
    boundless(bundle)
    bundle.sh(leftovers(bundle, "exit 3"))
    give(bundle)
    # The shell's child becomes the runtime's by exec.
    script = f'sleep 30 & echo $! > {bundle.dir}/sleeper; exec "$@"'
    code = subprocess.run(["sh", "-c", script, "sh", *runtime.command("run", "--bundle", bundle.dir, bundle.id)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=runtime.environment, timeout=30).returncode
    sleeper = int((bundle.dir / "sleeper").read_text())
    assert code == 3
    os.kill(sleeper, signal.SIGKILL)
    assert_gone(bundle)


@pytest.mark.parametrize("end", ["exit 0", "while :; do sleep 1; done"], ids=["ended", "running"])
@pytest.mark.parametrize("command", [("delete", "--force"), ("kill", "--all")], ids=["delete", "kill"])
def test_detached_leaves_no_process(runtime, bundle, end, command):
    boundless(bundle)
    pid = create(runtime, bundle, leftovers(bundle, end))
    runtime("start", bundle.id, check=True)
    wait_for(bundle, 4)
    if end == "exit 0":
        runtime.wait_for_status(bundle.id, "stopped")
    verb, flag = command
    runtime(verb, flag, bundle.id, *(["KILL"] if verb == "kill" else []), check=True)
    assert_gone(bundle)
    reap(pid)


def test_processes_of_namespaces_below(runtime, bundle):
    """Whoever unshares is found by the namespace above, which has no process of its own any more."""
    boundless(bundle)
    bundle.busybox("unshare")
    one = f"/bin/sh -c 'while :; do sleep 1; done' mark-{bundle.id}"
    pid = create(runtime, bundle, f"(setsid unshare -U {one} &) ; sleep 0.5; exit 0")
    runtime("start", bundle.id, check=True)
    reap(pid)
    marked = wait_for(bundle, 1)
    found = set(json.loads(runtime("ps", "--format", "json", bundle.id, check=True).out))
    assert set(marked) <= found
    runtime("delete", bundle.id, check=True)
    assert_gone(bundle)


def test_spares_the_next_container(runtime, bundle, make_bundle):
    """The kernel gives the number of a namespace again: the next container has the last one's, and is another."""
    boundless(bundle)
    pid = create(runtime, bundle, "true")
    first = os.readlink(f"/proc/{pid}/ns/user")
    runtime("start", bundle.id, check=True)
    reap(pid)
    again = None
    for _ in range(20):
        other = make_bundle()
        other.busybox(*SHELL)
        rootless.specification(other)
        other.linux.pop("cgroupsPath")
        boundless(other)
        again = create(runtime, other, "while :; do sleep 1; done")
        if os.readlink(f"/proc/{again}/ns/user") == first:
            break
        runtime("delete", "--force", other.id, check=True)
        reap(again)
    else:
        pytest.skip("the kernel did not give the number again")
    runtime("delete", bundle.id, check=True)
    assert runtime.state(other.id)["status"] == "created"
    runtime("delete", "--force", other.id, check=True)
    reap(again)


def test_root_of_a_user_namespace(runtime, bundle):
    """As in an engine without privileges: no new user namespace, no cgroup, the host's pid namespace."""
    boundless(bundle)
    bundle.without("user")
    del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
    bundle.sh(leftovers(bundle, "exit 3"))
    give(bundle)
    inside = Runtime("apus", runtime.path, runtime.root, become=[*runtime.become, "/usr/bin/unshare", "--user", "--map-root-user"],
                     environment=runtime.environment)
    assert inside("run", "--bundle", bundle.dir, bundle.id).code == 3
    assert_gone(bundle)
    pid = create(inside, bundle, "true")
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


# ---- a part of the cgroup tree ----

TESTER = 1000  # of the guest with systemd, with cgroups delegated by the manager of this user


@pytest.mark.systemd
@pytest.mark.parametrize("driver", ["systemd", "cgroupfs"])
def test_delegated_cgroups(subject_path, workplace, bundle, driver):
    session = f"/run/user/{TESTER}"
    become = ["/usr/bin/setpriv", f"--reuid={TESTER}", f"--regid={TESTER}", "--init-groups", "/usr/bin/env",
              f"XDG_RUNTIME_DIR={session}", f"DBUS_SESSION_BUS_ADDRESS=unix:path={session}/bus"]
    if driver == "cgroupfs":
        become += ["/usr/bin/systemd-run", "--user", "--scope", "--quiet", "--property=Delegate=yes"]
    root = workplace / f"delegated-{driver}"
    root.mkdir(mode=0o700)
    os.chown(root, TESTER, TESTER)
    runtime = Runtime("apus", subject_path, root, become=become,
                      flags=["--systemd-cgroup"] if driver == "systemd" else [])
    for name in ("uidMappings", "gidMappings"):
        bundle.linux[name] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
    if driver == "systemd":
        bundle.linux["cgroupsPath"] = f"user.slice:apus:{bundle.id}"
    bundle.linux["resources"] = {"pids": {"limit": 20}, "memory": {"limit": 64 << 20},
                                 "devices": [{"allow": False, "access": "rwm"}]}
    bundle.linux["namespaces"].append({"type": "cgroup"})
    pid = create(runtime, bundle, "while :; do sleep 0.5; done", TESTER)
    assert (bundle.dir / "out").read_text() == "", "device rules that such a user cannot set are no news"
    runtime("start", bundle.id, check=True, timeout=60)
    cgroup = Path(f"/sys/fs/cgroup{Path(f'/proc/{pid}/cgroup').read_text().strip()[3:]}")
    assert f"user@{TESTER}.service" in str(cgroup)
    assert (cgroup / "pids.max").read_text() == "20\n" and (cgroup / "memory.max").read_text() == f"{64 << 20}\n"
    if driver == "systemd":
        assert cgroup.name == f"apus-{bundle.id}.scope"
    inside = runtime("exec", bundle.id, "/bin/sh", "-c", "cat /proc/self/cgroup", check=True, timeout=60)
    assert inside.out == "0::/\n"
    assert json.loads(runtime("ps", "--format", "json", bundle.id, check=True, timeout=60).out)[0] == pid
    runtime("pause", bundle.id, check=True, timeout=60)
    assert (cgroup / "cgroup.freeze").read_text() == "1\n"
    runtime("resume", bundle.id, check=True, timeout=60)
    runtime("update", "--pids-limit", "33", bundle.id, check=True, timeout=60)
    assert (cgroup / "pids.max").read_text() == "33\n"
    runtime("delete", "--force", bundle.id, check=True, timeout=60)
    reap(pid)
    assert not cgroup.exists()
