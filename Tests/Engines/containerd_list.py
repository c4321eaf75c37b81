"""What users of containerd do with a container's process and its surroundings."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import image
import processes
import rootfs
from engine import NotOffered
from entries import Entries

entry = Entries("containerd")


@entry("run: output of both streams, exit status 0")
def attached(e):
    got = e.sh("echo to out; echo to err >&2")
    assert (got.status, got.out, got.err) == (0, "to out\n", "to err\n"), got


@entry("run: exit status 7")
def seven(e):
    assert e.sh("exit 7").status == 7


@entry("run: ended by a signal, 128 + 9")
def signalled(e):
    id = e.unique()
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(e.run, "sleep", "1000", id=id)
        e.wait_until(id, "RUNNING")
        assert e.ctr("task", "kill", "-s", "KILL", id).status == 0
        assert result.result().status == 137, result.result()


@entry("run: standard input")
def standard_input(e):
    # This ctr does not tell the container of its input's end; exec does.
    got = e.sh("read line; echo got $line", input="typed in\n")
    assert (got.status, got.out) == (0, "got typed in\n"), got


@entry("run: terminal")
def terminal(e):
    # ctr sets the size as soon as the process runs.
    got = e.on_terminal(*e.command_of_run("sh", "-c", "tty; sleep 0.5; stty size; read line; echo got $line", options=["--rm", "--tty"]), typed="words\n")
    assert got.status == 0 and "/dev/pts/0" in got.out and "30 100" in got.out and "got words" in got.out, got


@entry("run: a program that is missing")
def missing_program(e):
    id = e.unique()
    got = e.run("no-such-program", id=id)
    assert got.status != 0 and "no-such-program" in got.err, got
    assert "not found" in got.err or "no such file" in got.err.lower(), got
    assert id not in e.tasks() and not e.of_runtime(id)
    assert not processes.with_words("-id", id, "-address", str(e.socket)), "the shim is left"


@entry("run: a file that may not be executed")
def no_program(e):
    got = e.run("/bin/not-a-program")
    assert got.status != 0 and "/bin/not-a-program" in got.err and "permission denied" in got.err.lower(), got


@entry("run: a mount whose source is missing")
def bad_mount(e):
    got = e.run("true", options=["--mount", "type=bind,src=/no/such/source,dst=/mnt,options=rbind:rw"])
    assert got.status != 0 and "/no/such/source" in got.err and "no such file or directory" in got.err.lower(), got


@entry("run: an ID that there is already")
def same_id(e):
    id = e.sleeper()
    got = e.run("true", id=id)
    assert got.status != 0 and id in got.err and "already exists" in got.err, got
    assert e.tasks()[id][1] == "RUNNING"
    e.remove(id)


@entry("run: environment")
def environment(e):
    got = e.sh("env", options=["--env", "GREETING=good day", "--env", "EMPTY="])
    assert "GREETING=good day\n" in got.out and "EMPTY=\n" in got.out and "PATH=/bin\n" in got.out, got


@entry("run: working directory")
def cwd(e):
    assert e.sh("pwd", options=["--cwd", "/tmp"]).out == "/tmp\n"
    got = e.sh("pwd; ls -d /not/there/yet", options=["--cwd", "/not/there/yet"])
    assert got.out == "/not/there/yet\n/not/there/yet\n", got


@entry("run: a configuration of one's own: user and groups")
def user(e):
    root = rootfs.unpack(e.dir / e.unique("root"))
    directory = e.dir / e.unique("spec")
    directory.mkdir()
    assert e.call(e.runtime.path, "spec", "--bundle", directory).status == 0
    config = json.loads((directory / "config.json").read_text())
    config["process"].update(terminal=False, args=["sh", "-c", "id; umask"],
                             user={"uid": 1000, "gid": 1000, "additionalGids": [50], "umask": 0o27})
    config["root"] = {"path": str(root)}
    config["linux"]["cgroupsPath"] = f"/{e.namespace}/user"
    (directory / "config.json").write_text(json.dumps(config))
    got = e.ctr("run", "--rm", "--runc-binary", e.runtime.path, "--config", directory / "config.json", e.unique())
    assert got.out == "uid=1000(guest) gid=1000(guest) groups=50(staff)\n0027\n", got


@entry("run: read-only root")
def read_only(e):
    got = e.sh("touch /new; touch /dev/shm/new && echo there", options=["--read-only"])
    assert "/new: Read-only file system" in got.err and got.out == "there\n", got


@entry("run: mounts, one of them read-only")
def mounts(e):
    source = e.dir / e.unique("source")
    source.mkdir()
    (source / "file").write_text("of the host\n")
    got = e.sh("cat /rw/file /ro/file; echo new >/rw/new; echo new >/ro/other", options=[
        "--mount", f"type=bind,src={source},dst=/rw,options=rbind:rw",
        "--mount", f"type=bind,src={source},dst=/ro,options=rbind:ro"])
    assert got.out == "of the host\n" * 2 and "/ro/other: Read-only file system" in got.err, got
    assert sorted(os.listdir(source)) == ["file", "new"]


@entry("run: a tmpfs of some size")
def tmpfs(e):
    got = e.sh("df -k /data | tail -n 1", options=["--mount", "type=tmpfs,src=tmpfs,dst=/data,options=size=64k:nosuid"])
    assert got.out.split()[0] == "tmpfs" and got.out.split()[1] == "64", got


def capabilities(e, *options):
    """The effective ones, as a number."""
    got = e.sh("grep CapEff /proc/self/status", options=options)
    return int(got.out.split()[1], 16)


@entry("run: capabilities")
def added_and_dropped(e):
    chown, admin = 1 << 0, 1 << 12
    usual = capabilities(e)
    assert usual & chown and not usual & admin, f"{usual:x}"
    changed = capabilities(e, "--cap-add", "CAP_NET_ADMIN", "--cap-drop", "CAP_CHOWN")
    assert changed == (usual | admin) & ~chown, f"{usual:x}, then {changed:x}"


@entry("run: the default seccomp profile")
def seccomp(e):
    script = "grep -w Seccomp: /proc/self/status; unshare --user true; echo $?"
    free, held = e.sh(script), e.sh(script, options=["--seccomp"])
    assert free.out.split() == ["Seccomp:", "0", "0"], free
    assert held.out.split() == ["Seccomp:", "2", "1"] and "Operation not permitted" in held.err, held


@entry("run: a profile of one's own")
def own_profile(e):
    profile = e.dir / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}))
    got = e.sh("mkdir /tmp/new", options=["--seccomp", "--seccomp-profile", profile])
    assert got.status == 1 and "No space left on device" in got.err, got


@entry("run: privileged")
def privileged(e):
    ours = int(processes.read("self", "status").partition("CapEff:")[2].split()[0], 16)
    assert capabilities(e, "--privileged") == ours
    got = e.sh("grep ' /proc/' /proc/self/mounts; grep -c ' /sys sysfs rw' /proc/self/mounts", options=["--privileged"])
    assert got.out == "1\n", got


def in_namespace(e, name, *options):
    return e.sh(f"readlink /proc/self/ns/{name}", options=options).out.strip()


@entry("run: the host's network")
def host_network(e):
    ours = os.readlink("/proc/self/ns/net")
    assert in_namespace(e, "net") != ours
    assert in_namespace(e, "net", "--net-host") == ours


@entry("run: namespaces of another container")
def joined(e):
    id = e.sleeper()
    pid = e.tasks()[id][0]
    options = [word for kind, name in (("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid"))
               for word in ("--with-ns", f"{kind}:/proc/{pid}/ns/{name}")]
    for name in ("net", "ipc", "uts", "pid"):
        assert in_namespace(e, name, *options) == os.readlink(f"/proc/{pid}/ns/{name}"), name
    assert in_namespace(e, "net") != os.readlink(f"/proc/{pid}/ns/net")
    e.remove(id)


@entry("run: cgroup of a given name")
def cgroup(e):
    name = f"{e.namespace}/of-its-own"
    id = e.sleeper("--cgroup", f"/{name}")
    lines = processes.read(e.tasks()[id][0], "cgroup").splitlines()
    assert any(line.endswith(f"/{name}") for line in lines), lines
    e.remove(id)
    assert not any((tree / name).exists() for tree in processes.cgroup_trees())


@entry("run: --runc-systemd-cgroup, a scope of systemd's, in the slice given, with its limits")
def systemd(e):
    if not processes.with_systemd():
        raise NotOffered("systemd is not the first process")
    scope = f"ctr-{e.namespace}.scope"
    id = e.sleeper("--runc-systemd-cgroup", "--cgroup", f"apusctr.slice:ctr:{e.namespace}", "--memory-limit", str(64 << 20))
    assert processes.unit_of(e.tasks()[id][0]) == (scope, "apusctr.slice")
    assert e.call("systemctl", "show", "--property", "MemoryMax", scope).out.strip() == f"MemoryMax={64 << 20}"
    e.remove(id)
    e.wait_for(lambda: e.call("systemctl", "is-active", scope).out.strip() == "inactive", f"{scope} to be gone")


@entry("run: memory limit")
def memory_limit(e):
    if not processes.has_memory_controller():
        raise NotOffered("no memory controller on this host")
    id = e.sleeper("--memory-limit", str(16 << 20))
    assert processes.limit_of_memory(f"{e.namespace}/{id}") == str(16 << 20)
    e.remove(id)


@entry("run: more memory than allowed: status 137 and an event")
def out_of_memory(e):
    if not processes.has_memory_controller():
        raise NotOffered("no memory controller on this host")
    events = e.events()
    id = e.unique()
    # The shim watches from after the start on.
    got = e.run("sh", "-c", "sleep 0.5; exec dd if=/dev/zero of=/dev/null bs=64M count=1", id=id, options=["--memory-limit", str(16 << 20)])
    assert got.status == 137, got
    e.wait_for(lambda: any(line.startswith("/tasks/oom") for line in events(id)), "an event of OOM", 10)


@entry("run: pid file")
def pid_file(e):
    file = e.dir / "pid"
    id = e.sleeper("--pid-file", file)
    assert int(file.read_text()) == e.tasks()[id][0] == e.of_runtime(id)["pid"]
    e.remove(id)


@entry("run: devices")
def devices(e):
    got = e.sh("ls -l /dev/fuse | cut -c1; head -c 4 /dev/zero | wc -c", options=["--device", "/dev/zero"])
    assert got.out.split() == ["4"], got
    if not os.path.exists("/dev/fuse"):
        raise NotOffered("no /dev/fuse on this host")
    got = e.sh("ls -l /dev/fuse | cut -c1; exec 3<>/dev/fuse && echo open", options=["--device", "/dev/fuse"])
    assert got.out.split() == ["c", "open"], got


@entry("run: the image's own command")
def of_image(e):
    got = e.call(*e.command("run", "--rm", "--snapshotter", e.snapshotter, "--runc-binary", e.runtime.path, image.NAME, e.unique()), input="echo $0; exit 4\n")
    assert (got.status, got.out) == (4, "sh\n"), got
