"""exec: a further process in a running container."""

import json
import os
import signal
import subprocess
import time

import pytest
from harness.runtime import Footprint, reap


@pytest.fixture
def running(runtime, bundle):
    """Starts the bundle's container, whose process waits; gives a function that calls exec in it."""
    bundle.busybox("sh", "sleep", "cat", "id", "ls", "env", "pwd", "kill", "grep", "mkdir", "readlink")
    bundle.process["args"] = ["/bin/sh", "-c", "while :; do sleep 1; done"]
    started = []

    def start():
        bundle.write()
        runtime.create(bundle.dir, bundle.id)
        started.append(runtime.pid(bundle.dir, bundle.id))
        runtime("start", bundle.id, check=True)
        return lambda *args, **more: runtime("exec", *args, **more)

    yield start
    runtime.discard(bundle.id)
    for pid in started:
        reap(pid)


def process_file(bundle, name="process.json", **changes):
    path = bundle.dir / name
    path.write_text(json.dumps({**bundle.process, **changes}))
    return path


def test_output_and_status(running, bundle):
    exec = running()
    result = exec(bundle.id, "/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.code, result.out, result.err) == (7, "out\n", "err\n")
    assert exec(bundle.id, "sh", "-c", "kill -TERM $$").code == 128 + signal.SIGTERM
    assert exec(bundle.id, "cat", input=b"in\n").out == "in\n"


def test_words_after_the_id_are_the_commands(running, bundle):
    assert running()(bundle.id, "ls", "-d", "/proc", "--").out == "/proc\n"


def test_options_change_the_configured_process(running, bundle):
    bundle.process["noNewPrivileges"] = False
    bundle.process["user"]["additionalGids"] = [7]
    exec = running()
    result = exec("--user", "1000:1001", "-g", "8", "--cwd", "/tmp", "-e", "A=1=2", "--env", "TERM=x", "--no-new-privs",
                  bundle.id, "sh", "-c", "id -u; id -g; pwd; env; cat /proc/self/status")
    lines = result.out.splitlines()
    assert lines[:3] == ["1000", "1001", "/tmp"], result
    assert {"A=1=2", "TERM=x", "HOME=/home/user"} <= set(lines)
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["Groups"].split() == ["7", "8"] and status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("user", ["root", "1000:users", "-1", "+5", "4294967295", "1000:", ":5", "1 ", "0x5"])
def test_users_are_numbers(running, bundle, user):
    result = running()("--user=" + user, bundle.id, "id")
    assert result.code == 255 and "--user" in result.err and result.out == "", result


def test_added_capability_is_not_inheritable(running, bundle):
    exec = running()
    def sets(*flags):
        out = exec(*flags, bundle.id, "grep", "^Cap", "/proc/self/status").out
        return {line.split(":")[0]: int(line.split(":")[1], 16) for line in out.splitlines()}
    plain, added = sets(), sets("--cap", "CAP_SYS_TIME", "-c", "CAP_CHOWN")
    more = 1 << 25 | 1 << 0
    for name in ("CapBnd", "CapPrm", "CapEff"):
        assert added[name] == plain[name] | more
    assert added["CapInh"] == 0 and added["CapAmb"] == plain["CapAmb"]


def test_file_replaces_the_process(running, bundle):
    exec = running()
    file = process_file(bundle, args=["/bin/sh", "-c", "echo $X; id -u; pwd"], env=["X=y", "PATH=/bin"], cwd="/mnt",
                        user={"uid": 5, "gid": 6})
    result = exec("--process", file, "--cwd", "/tmp", "--user", "9", bundle.id)
    assert (result.code, result.out) == (0, "y\n5\n/mnt\n"), result


def test_file_without_capabilities_means_those_of_the_container(running, bundle):
    exec = running()
    file = process_file(bundle, args=["grep", "^Cap", "/proc/self/status"])
    configured = exec("--process", file, bundle.id).out
    document = json.loads(file.read_text())
    del document["capabilities"]
    file.write_text(json.dumps(document))
    assert exec("--process", file, bundle.id).out == configured != ""
    file.write_text(json.dumps({**document, "capabilities": {}}))
    assert exec("--process", file, bundle.id).out.split()[1::2] == ["0" * 16] * 5


def test_directory_has_to_be_there(running, bundle):
    result = running()("--cwd", "/made/by/nobody", bundle.id, "pwd")
    assert result.code == 255 and "/process/cwd" in result.err and "ENOENT" in result.err, result
    assert not (bundle.rootfs / "made").exists()


@pytest.mark.parametrize("changes, pointer", [
    ({"args": []}, "/args"), ({"cwd": "tmp"}, "/cwd"), ({"env": ["A"]}, "/env/0"), ({"user": {"uid": "0"}}, "/user/uid"),
    ({"args": ["/nosuch"]}, "/args/0"), ({"scheduler": {"policy": "SCHED_X"}}, "/scheduler/policy")])
def test_bad_file(running, runtime, bundle, changes, pointer):
    exec = running()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = exec("--process", process_file(bundle, **changes), "--pid-file", bundle.dir / "exec.pid", bundle.id)
    assert result.code == 255 and pointer in result.err, result
    # A missing pid file is how conmon knows that there is no process.
    assert not (bundle.dir / "exec.pid").exists()
    (bundle.dir / "process.json").unlink()
    assert len(runtime_pids(bundle)) <= 2
    assert footprint is not None


def runtime_pids(bundle):
    with open(f"/sys/fs/cgroup/apus-test/{bundle.id}/cgroup.procs") as procs:
        return [int(line) for line in procs]


def test_detached_process_is_the_callers_child(running, runtime, bundle):
    exec = running()
    pid_file = bundle.dir / "exec.pid"
    with open(os.devnull, "r+b") as null:
        result = subprocess.run([*runtime.command("exec", "--detach", "--pid-file", pid_file,
                                 bundle.id, "sh", "-c", "sleep 0.3; exit 9")], stdin=null, stdout=null, stderr=null)
    assert result.returncode == 0
    pid = int(pid_file.read_text())
    assert pid_file.read_text() == str(pid)
    with open(f"/proc/{pid}/stat") as stat:
        assert int(stat.read().rsplit(")", 1)[1].split()[1]) == os.getpid()
    assert pid in runtime_pids(bundle)
    assert reap(pid) == 9


@pytest.mark.parametrize("state", ["created", "stopped", "gone"])
def test_states(runtime, bundle, state):
    bundle.busybox("sh", "sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    if state != "gone":
        runtime.create(bundle.dir, bundle.id)
        pid = runtime.pid(bundle.dir, bundle.id)
    if state == "stopped":
        runtime("kill", bundle.id, "KILL", check=True)
        reap(pid)
    result = runtime("exec", bundle.id, "/bin/sh", "-c", "echo here")
    if state == "created":
        assert (result.code, result.out) == (0, "here\n"), result
    else:
        words = {"stopped": "cannot exec in a stopped container", "gone": "container does not exist"}[state]
        assert result.code == 255 and f"exec failed: {words}" in result.err, result
    runtime("delete", "--force", bundle.id)


@pytest.mark.parametrize("args, words", [
    (["nosuch"], "executable file not found in $PATH"),
    (["/nosuch"], "no such file or directory"),
    (["/etc/passwd"], "permission denied"),
    ([], "/process/args")])
def test_what_cannot_be_executed(running, bundle, args, words):
    result = running()(bundle.id, *args)
    assert result.code == 255 and words in result.err and "exec failed: " in result.err, result


def test_script_without_interpreter(running, bundle):
    script = bundle.rootfs / "bad"
    script.write_text("#!/nosuch\n")
    script.chmod(0o755)
    result = running()(bundle.id, "/bad")
    assert result.code == 255 and "exec /bad: no such file or directory" in result.err, result


def test_configuration_is_the_one_of_the_creation(running, bundle):
    """The bundle may serve another container since; the process comes from its config.json as it is now."""
    exec = running()
    bundle.without("network", "ipc", "uts")
    bundle.process["cwd"] = "/mnt"
    bundle.write()
    result = exec(bundle.id, "sh", "-c", "pwd; readlink /proc/1/ns/net; readlink /proc/self/ns/net")
    where, init, own = result.out.split()
    assert where == "/mnt" and init == own


def test_joins_all_namespaces_and_the_cgroup(running, bundle):
    exec = running()
    kinds = ("mnt", "uts", "ipc", "net", "pid", "cgroup", "user", "time")
    # Until PID 1 is the container's own program nobody may look at it.
    wait = "until readlink /proc/1/ns/mnt >/dev/null 2>&1; do sleep 0.1; done; "
    out = exec(bundle.id, "sh", "-c", wait + " ".join(f"readlink /proc/1/ns/{k}; readlink /proc/self/ns/{k};" for k in kinds) +
               "cat /proc/1/cgroup; echo; cat /proc/self/cgroup").out
    links = out.split()[:16]
    assert links[::2] == links[1::2], out
    assert "0::/\n" in out


@pytest.mark.parametrize("own_pid_namespace", [True, False])
def test_user_namespace(running, bundle, own_pid_namespace):
    bundle.user_namespace()
    if not own_pid_namespace:
        bundle.without("pid")
        bundle.unmount("/proc")
        bundle.mount("/proc", "bind", "/proc", ["rbind"])
        bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    result = running()("--user", "5:6", bundle.id, "sh", "-c", "id -u; cat /proc/self/uid_map; echo x >/dev/stderr")
    assert result.out.split() == ["5", "0", "100000", "65536"], result
    assert result.err == "x\n"


def test_without_mount_namespace(running, bundle):
    bundle.without("mount")
    bundle.config["mounts"] = []
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    assert running()(bundle.id, "ls", "/data").out == "file\nsub\n"


def test_signals_are_passed_on(running, runtime, bundle):
    exec = running()
    process = subprocess.Popen(runtime.command("exec", bundle.id, "sh", "-c",
                               "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done"), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (3, b"got\n")


def test_init_that_moved_its_cgroup(running, bundle):
    """A service manager in the container enables controllers below; nothing can live in the cgroup above then."""
    bundle.unmount("/sys/fs/cgroup")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw"])
    bundle.process["args"] = ["/bin/sh", "-c", "mkdir /sys/fs/cgroup/init; echo $$ >/sys/fs/cgroup/init/cgroup.procs;"
                              "read c rest </sys/fs/cgroup/cgroup.controllers; echo +$c >/sys/fs/cgroup/cgroup.subtree_control;"
                              "echo done >/tmp/done; while :; do sleep 1; done"]
    exec = running()
    end = time.monotonic() + 10
    while not (bundle.rootfs / "tmp/done").exists() and time.monotonic() < end:
        time.sleep(0.02)
    result = exec(bundle.id, "cat", "/proc/self/cgroup")
    assert result.code == 0 and "0::/init\n" in result.out, result


def test_cgroup_option(running, bundle):
    bundle.without("cgroup")
    exec = running()
    (below := f"/sys/fs/cgroup/apus-test/{bundle.id}/sub") and os.mkdir(below)
    assert f"0::/apus-test/{bundle.id}/sub\n" in exec("--cgroup", "sub", bundle.id, "cat", "/proc/self/cgroup").out
    for wrong in ("nosuch", "cpu:sub", "../.."):
        result = exec("--cgroup", wrong, bundle.id, "cat", "/proc/self/cgroup")
        if result.code == 0:  # dots end at the container's own cgroup
            assert f"0::/apus-test/{bundle.id}\n" in result.out and wrong == "../.."
        else:
            assert result.code == 255 and "--cgroup" in result.err, result


def test_affinity(running, bundle):
    cpus = sorted(os.sched_getaffinity(0))
    exec = running()
    allowed = ["grep", "Cpus_allowed_list", "/proc/self/status"]
    pinned = exec(bundle.id, *allowed, prefix=["taskset", "-c", str(cpus[0])]).out.split()[1]
    assert pinned == exec(bundle.id, *allowed).out.split()[1]
    for key, expected in (("initial", {str(cpus[-1]), pinned}), ("final", {str(cpus[-1])})):
        file = process_file(bundle, args=allowed, execCPUAffinity={key: str(cpus[-1])})
        # A cgroup with a cpuset may give the process all of its CPUs when it is born there: hence the two steps.
        assert exec("--process", file, bundle.id).out.split()[1] in expected


def test_limits_and_score(running, bundle):
    bundle.process["rlimits"] = []
    exec = running()
    file = process_file(bundle, args=["sh", "-c", "ulimit -n; cat /proc/self/oom_score_adj"], oomScoreAdj=321,
                        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}])
    assert exec("--process", file, bundle.id).out.split() == ["77", "321"]


def test_descriptors(running, bundle):
    exec = running()
    fds = ["ls", "/proc/self/fd"]
    with open(bundle.dir / "config.json") as extra:
        os.set_inheritable(extra.fileno(), True)
        shell = ["/bin/bash", "-c", f'exec "$@" 3<&{extra.fileno()}', "sh"]
        # One of them is the directory that ls reads.
        assert exec(bundle.id, *fds, prefix=shell, pass_fds=[extra.fileno()]).out.split() == ["0", "1", "2", "3"]
        passed = exec("--preserve-fds", 1, bundle.id, *fds, prefix=shell, pass_fds=[extra.fileno()])
        assert passed.out.split() == ["0", "1", "2", "3", "4"], passed
    # What the runtime opens itself is none of them: for waiting it needs one.
    for count in (1, 3):
        missing = exec("--preserve-fds", count, bundle.id, *fds)
        assert missing.code == 255 and "unable to stat preserved-fd 0" in missing.err


@pytest.mark.slow
def test_container_never_sees_the_runtime(running, bundle):
    """CVE-2016-9962, CVE-2019-5736: a process in the container looks at every newcomer all the time."""
    bundle.process["args"] = ["/bin/sh", "-c", "while :; do for p in /proc/[0-9]*; do for l in $p/exe $p/cwd $p/root $p/fd/*; do"
                              " t=$(readlink $l 2>/dev/null) && echo \"$l $t\" >>/tmp/seen; done; done; done"]
    exec = running()
    for _ in range(150):
        assert exec(bundle.id, "/bin/sh", "-c", ":").code == 0
    seen = (bundle.rootfs / "tmp/seen").read_text()
    assert "/busybox" in seen or "/bin/sh" in seen
    targets = {line.split(" ", 1)[1] for line in seen.splitlines() if " " in line}
    strange = {t for t in targets if "memfd" in t or os.path.basename(t.split(" (")[0]).startswith("apus")}
    assert not strange


@pytest.mark.parametrize("saved", ["as it is", "cut short", "not there"])
def test_filter_is_compiled_once(running, bundle, runtime, saved):
    """What the profile was compiled to is kept; if nothing can be made of that, it is compiled again."""
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 122}]}  # EDQUOT
    exec = running()
    kept = runtime.root / bundle.id / "seccomp.bpf"
    assert kept.stat().st_mode & 0o777 == 0o600
    if saved == "cut short":
        kept.write_bytes(kept.read_bytes()[:-3])
    elif saved == "not there":
        kept.unlink()
    trace = bundle.dir / "trace"
    result = exec("--trace", trace, bundle.id, "sh", "-c", "mkdir /dev/shm/x; grep Seccomp: /proc/self/status")
    assert "Disk quota exceeded" in result.err and result.out == "Seccomp:\t2\n"
    names = [event["name"] for event in json.loads(trace.read_text())["traceEvents"]]
    assert ("compile the seccomp profile" in names) == (saved != "as it is")
