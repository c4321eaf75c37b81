"""checkpoint and restore: with CRIU where it runs, and with one that fails."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from harness import view
from harness.runtime import ENVIRONMENT, Footprint, reap

HERE = Path(__file__).resolve().parent
SLOW = 100


@pytest.fixture(scope="session")
def criu():
    """Skips where CRIU says that it cannot work."""
    if not shutil.which("criu"):
        pytest.skip("there is no criu")
    check = subprocess.run(["criu", "check"], capture_output=True, text=True)
    if check.returncode != 0:
        words = (check.stderr + check.stdout).strip().splitlines()
        pytest.skip(f"criu does not run on this kernel: {words[0] if words else check.returncode}")


@pytest.fixture
def counter(bundle):
    """A bundle whose process counts in its memory, and shows the count in a file of its tmpfs."""
    bundle.busybox("sleep")
    bundle.sh("trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo $i >/dev/shm/new; mv /dev/shm/new /dev/shm/n; sleep 0.05; done")
    bundle.busybox("mv")
    return bundle


def start(runtime, bundle, *options, stdout=subprocess.DEVNULL, flags=(), prefix=()):
    """`run --detach` with the null device, as an engine starts a container that nobody talks to."""
    bundle.write()
    file = bundle.dir / "pid"
    file.unlink(missing_ok=True)
    subprocess.run(
        [*prefix, *runtime.command("run", "--detach", "--bundle", bundle.dir, "--pid-file", file, *options, bundle.id, flags=flags)],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=True, timeout=SLOW)
    return int(file.read_text())


def restore(runtime, bundle, *options, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, flags=(), image=None, prefix=()):
    file = bundle.dir / "pid"
    file.unlink(missing_ok=True)
    with open(bundle.dir / "restore.err", "w+") as err:
        code = subprocess.run(
            [*prefix, *runtime.command("restore", "--detach", "--bundle", bundle.dir, "--pid-file", file,
                                       "--image-path", image or bundle.dir / "image", *options, bundle.id, flags=flags)],
            stdin=stdin, stdout=stdout, stderr=err, env=ENVIRONMENT, timeout=SLOW).returncode
        err.seek(0)
        assert code == 0, err.read() + errors(bundle)
    text = file.read_text()
    assert text == text.strip()
    return int(text)


def checkpoint(runtime, bundle, *options, image=None, prefix=()):
    return runtime("checkpoint", "--image-path", image or bundle.dir / "image", *options, bundle.id, prefix=prefix, timeout=SLOW)


def errors(bundle):
    return "".join(line for log in bundle.dir.glob("*/*.log") for line in log.open() if "Error" in line)


def count(pid):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            return int(Path(f"/proc/{pid}/root/dev/shm/n").read_text())
        except (OSError, ValueError):
            time.sleep(0.05)
    raise AssertionError("it does not count")


def goes_on(pid, before, seconds=20):
    """Waits until it has counted further; returns how far."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = count(pid)
        if now > before:
            return now
        time.sleep(0.05)
    raise AssertionError(f"it stays at {before}")


def stop(runtime, bundle, pid, prefix=()):
    runtime("kill", bundle.id, "KILL", prefix=prefix, check=True)
    assert reap(pid) == 137
    runtime("delete", bundle.id, prefix=prefix, check=True)


# ---- with CRIU -------------------------------------------------------------------------------------


def test_the_count_goes_on_three_times(criu, runtime, counter):
    footprint = Footprint(runtime, counter.id)
    pid = start(runtime, counter)
    before = goes_on(pid, 20)
    for turn in range(3):
        image = counter.dir / f"image{turn}"
        result = checkpoint(runtime, counter, image=image)
        assert (result.code, result.out, result.err) == (0, "", ""), str(result) + errors(counter)
        assert reap(pid) == 137
        assert runtime.state(counter.id) is None and not (runtime.root / counter.id).exists()
        footprint.assert_clean()
        pid = restore(runtime, counter, image=image)
        state = runtime.state(counter.id)
        assert (state["status"], state["pid"], state["bundle"]) == ("running", pid, str(counter.dir))
        now = goes_on(pid, count(pid))
        assert before <= now < before + 500
        before = goes_on(pid, now + 5)
    stop(runtime, counter, pid)
    footprint.assert_clean()


def test_verbs_on_a_restored_container(criu, runtime, counter):
    counter.linux["resources"] = {"pids": {"limit": 77}, "memory": {"limit": 64 << 20}}
    counter.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
    counter.busybox("cat", "readlink", "kill")
    pid = start(runtime, counter)
    goes_on(pid, 5)

    def shape(pid):
        status = Path(f"/proc/{pid}/status").read_text()
        keys = ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Seccomp_filters")
        lines = [line for line in status.splitlines() if line.split(":")[0] in keys]
        # Masked files are the container's null device first, and the host's then: read-only or not is all to compare.
        mounts = sorted((l.split()[4], l.split()[5].split(",")[0]) for l in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
        tree = Path("/sys/fs/cgroup") / Path(f"/proc/{pid}/cgroup").read_text().split("::")[1].strip().lstrip("/")
        limits = [(tree / name).read_text() for name in ("pids.max", "memory.max")]
        net = [l.split() for l in Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]]
        return lines, mounts, str(tree), limits, [line[0] for line in net], os.readlink(f"/proc/{pid}/fd/0")

    before, lo = shape(pid), loopback(pid)
    assert lo & 1
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    pid = restore(runtime, counter, "--work-path", counter.dir / "work")
    assert shape(pid) == before
    assert loopback(pid) == lo
    assert (counter.dir / "work/restore.log").exists()
    # exec, in all of its namespaces, that of its clocks too.
    result = runtime("exec", counter.id, "/bin/sh", "-c", "cat /dev/shm/n; for p in self 1; do for n in /proc/$p/ns/*; do readlink $n; done; echo; done")
    assert result.code == 0, result
    own, first = result.out.strip().split("\n\n")
    assert own.splitlines()[1:] == first.splitlines()
    assert runtime("ps", "--format", "json", counter.id).out.startswith("[")
    runtime("pause", counter.id, check=True)
    assert runtime.state(counter.id)["status"] == "paused"
    runtime("resume", counter.id, check=True)
    runtime("update", "--pids-limit", 88, counter.id, check=True)
    # The process ends as it says, on a signal that it had a handler for.
    runtime("kill", counter.id, "TERM", check=True)
    assert reap(pid) == 7
    assert runtime.state(counter.id)["status"] == "stopped"
    runtime("delete", counter.id, check=True)


def loopback(pid):
    """The flags of `lo` as a process has it."""
    script = "import fcntl, socket, struct; print(struct.unpack('16xH', fcntl.ioctl(socket.socket(), 0x8913, b'lo'.ljust(18, bytes(1))))[0])"
    out = subprocess.run(["nsenter", "-t", str(pid), "-n", "python3", "-c", script], capture_output=True, text=True, check=True)
    return int(out.stdout)


def test_leave_running(criu, runtime, counter):
    pid = start(runtime, counter)
    goes_on(pid, 5)
    result = checkpoint(runtime, counter, "--leave-running")
    assert (result.code, result.err) == (0, ""), str(result) + errors(counter)
    saved = goes_on(pid, count(pid))
    assert runtime.state(counter.id)["status"] == "running"
    later = goes_on(pid, saved + 30)
    stop(runtime, counter, pid)
    pid = restore(runtime, counter)
    assert count(pid) < later
    stop(runtime, counter, pid)


@pytest.mark.parametrize("host", ["unified", pytest.param("hybrid", marks=pytest.mark.hybrid)])
def test_a_paused_container(criu, runtime, counter, host):
    """Engines pause it first. CRIU has to let it go where it was stopped, or waits for its processes for ever."""
    prefix = view.host_mounts() if host == "hybrid" else []

    def status():
        return json.loads(runtime("state", counter.id, prefix=prefix, check=True).out)["status"]

    pid = start(runtime, counter, prefix=prefix)
    goes_on(pid, 5)
    runtime("pause", counter.id, prefix=prefix, check=True)
    before = count(pid)
    result = checkpoint(runtime, counter, "--leave-running", image=counter.dir / "first", prefix=prefix)
    assert (result.code, result.err) == (0, ""), str(result) + errors(counter)
    assert status() == "paused" and count(pid) == before
    result = checkpoint(runtime, counter, prefix=prefix)
    assert (result.code, result.err) == (0, ""), str(result) + errors(counter)
    assert reap(pid) == 137
    pid = restore(runtime, counter, prefix=prefix)
    assert status() == "running"
    goes_on(pid, before)
    stop(runtime, counter, pid, prefix=prefix)


def test_pre_dump_and_parent(criu, runtime, counter):
    check = subprocess.run(["criu", "check", "--feature", "mem_dirty_track"], capture_output=True)
    pid = start(runtime, counter)
    goes_on(pid, 5)
    result = checkpoint(runtime, counter, "--pre-dump", image=counter.dir / "before")
    if check.returncode != 0:
        assert result.code == 1 and "--pre-dump: " in result.err, result
        return
    assert (result.code, result.err) == (0, ""), str(result) + errors(counter)
    assert runtime.state(counter.id)["status"] == "running"
    goes_on(pid, count(pid))
    result = checkpoint(runtime, counter, "--parent-path", "../before")
    assert (result.code, result.err) == (0, ""), str(result) + errors(counter)
    assert os.readlink(counter.dir / "image/parent") == "../before"
    pid = restore(runtime, counter)
    goes_on(pid, count(pid))
    stop(runtime, counter, pid)


def test_bind_mounts(criu, runtime, counter):
    """Sources are named anew by a restore; what was mounted below them comes along; so do links to destinations."""
    source = counter.host_directory("source")
    (source / "file").write_text("first\n")
    (source / "below").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "below", source / "below"], check=True)
    counter.cleanup.append(lambda: subprocess.run(["umount", "-l", source / "below"]))
    (source / "below/deep").write_text("deep\n")
    single = counter.dir / "single"
    single.write_text("single\n")
    (counter.rootfs / "link").symlink_to("tmp")
    counter.mount("/mnt", "bind", source, ["rbind", "ro"])
    counter.mount("/etc/single", "bind", single, ["bind"])
    counter.mount("/link/linked", "bind", source, ["bind"])
    counter.mount("/mnt/file", "bind", single, ["bind"])
    counter.busybox("cat")
    pid = start(runtime, counter)
    goes_on(pid, 5)
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    # On another host the source, and the mount points, might be missing.
    other = counter.host_directory("other")
    shutil.copytree(source, other, dirs_exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "below", other / "below"], check=True)
    counter.cleanup.append(lambda: subprocess.run(["umount", "-l", other / "below"]))
    (other / "below/deep").write_text("other\n")
    shutil.rmtree(counter.rootfs / "tmp/linked")
    (counter.rootfs / "etc/single").unlink()
    for mount in counter.config["mounts"]:
        if mount.get("source") == str(source):
            mount["source"] = str(other)
    counter.write()
    pid = restore(runtime, counter)
    goes_on(pid, count(pid))
    result = runtime("exec", counter.id, "/bin/sh", "-c",
                     "cat /mnt/file /mnt/below/deep /etc/single /tmp/linked/file; echo x >/mnt/x")
    assert result.out == "single\nother\nsingle\nfirst\n", result
    assert "Read-only" in result.err
    stop(runtime, counter, pid)


def test_pipes_are_replaced(criu, runtime, bundle):
    """What the process prints goes to the restore's standard output, and it reads from its input."""
    bundle.busybox("sleep", "cat")
    bundle.sh("i=0; while read line; do i=$((i+1)); echo $i $line; done; echo the end; exit 5")
    bundle.write()
    run = subprocess.Popen(runtime.command("run", "--bundle", bundle.dir, bundle.id), stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    run.stdin.write(b"one\n")
    run.stdin.flush()
    assert run.stdout.readline() == b"1 one\n"
    assert checkpoint(runtime, bundle).code == 0, errors(bundle)
    assert run.wait(SLOW) == 137
    back = subprocess.Popen(runtime.command("restore", "--bundle", bundle.dir, "--image-path", bundle.dir / "image", bundle.id),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    out, err = back.communicate(b"two\n", timeout=SLOW)
    assert (back.returncode, out, err) == (5, b"2 two\nthe end\n", b""), errors(bundle)
    # A restore in the foreground takes the container away, as run does.
    assert runtime.state(bundle.id) is None


def test_foreground_passes_signals_on(criu, runtime, counter):
    pid = start(runtime, counter)
    goes_on(pid, 5)
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    reap(pid)
    file = counter.dir / "pid"
    file.unlink()
    back = subprocess.Popen(
        runtime.command("restore", "--bundle", counter.dir, "--image-path", counter.dir / "image", "--pid-file", file, counter.id),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    end = time.monotonic() + SLOW
    while not file.exists() and back.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    pid = int(file.read_text())
    goes_on(pid, count(pid))
    back.send_signal(signal.SIGTERM)
    assert back.wait(SLOW) == 7, back.stderr.read()
    back.stderr.close()
    assert runtime.state(counter.id) is None


def console(path):
    """A socket for --console-socket, and a function that waits for the master."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(SLOW)

    def accept():
        connection, _ = listener.accept()
        _, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
        connection.close()
        listener.close()
        return descriptors[0]

    return accept


def expect(master, words, seconds=20):
    text, end = "", time.monotonic() + seconds
    os.set_blocking(master, False)
    while words not in text:
        assert time.monotonic() < end, f"no {words!r} in {text!r}"
        try:
            text += os.read(master, 4096).decode()
        except BlockingIOError:
            time.sleep(0.05)
    return text


def test_terminal(criu, runtime, bundle):
    bundle.busybox("tty", "sleep")
    bundle.process["terminal"] = True
    bundle.sh("i=0; while read line; do i=$((i+1)); echo got $i $line; done")
    accept = console(bundle.dir / "console")
    pid = start(runtime, bundle, "--console-socket", bundle.dir / "console")
    master = accept()
    os.write(master, b"first\n")
    expect(master, "got 1 first")
    assert checkpoint(runtime, bundle).code == 0, errors(bundle)
    os.close(master)
    accept = console(bundle.dir / "console2")
    pid = restore(runtime, bundle, "--console-socket", bundle.dir / "console2")
    master = accept()
    os.write(master, b"second\n")
    expect(master, "got 2 second")
    os.close(master)
    runtime.discard(bundle.id)
    reap(pid)


def test_network_namespace_by_path(criu, runtime, counter):
    holder = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
    try:
        time.sleep(1)
        path = f"/proc/{holder.pid}/ns/net"
        counter.without("network")
        counter.linux["namespaces"].append({"type": "network", "path": path})
        pid = start(runtime, counter)
        goes_on(pid, 5)
        assert checkpoint(runtime, counter).code == 0, errors(counter)
        pid = restore(runtime, counter)
        assert os.readlink(f"/proc/{pid}/ns/net") == os.readlink(path)
        goes_on(pid, count(pid))
        stop(runtime, counter, pid)
    finally:
        holder.kill()
        holder.wait()


def test_hooks(criu, runtime, counter):
    hooks = counter.dir / "hooks"
    hook = lambda kind: {"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind} $(cat) >>{hooks}"]}
    counter.config["hooks"] = {kind: [hook(kind)] for kind in ("prestart", "createRuntime", "poststart", "poststop")}
    pid = start(runtime, counter)
    goes_on(pid, 5)
    hooks.unlink()
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    assert [line.split()[0] for line in hooks.read_text().splitlines()] == ["poststop"]
    hooks.unlink()
    pid = restore(runtime, counter)
    lines = [line.split(" ", 1) for line in hooks.read_text().splitlines()]
    assert [kind for kind, _ in lines] == ["prestart", "createRuntime"]
    assert json.loads(lines[1][1])["pid"] == pid
    stop(runtime, counter, pid)


def test_a_failing_hook_leaves_nothing_behind(criu, runtime, counter):
    pid = start(runtime, counter)
    goes_on(pid, 5)
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    reap(pid)
    counter.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    counter.write()
    footprint = Footprint(runtime, counter.id)
    result = runtime("restore", "--bundle", counter.dir, "--image-path", counter.dir / "image", counter.id, timeout=SLOW)
    assert result.code == 1 and "/hooks/createRuntime/0" in result.err, result
    footprint.assert_clean()


@pytest.mark.parametrize("options", [["--no-pivot"], ["--manage-cgroups-mode", "ignore"], ["--manage-cgroups-mode", "full"]])
def test_options_of_a_restore(criu, runtime, counter, options):
    pid = start(runtime, counter)
    goes_on(pid, 5)
    assert checkpoint(runtime, counter, "--file-locks", "--tcp-established", "--ext-unix-sk", "--shell-job").code == 0, errors(counter)
    pid = restore(runtime, counter, "--file-locks", "--tcp-established", "--ext-unix-sk", "--shell-job", *options)
    goes_on(pid, count(pid))
    assert counter.id in Path(f"/proc/{pid}/cgroup").read_text()
    stop(runtime, counter, pid)


def test_a_root_that_is_a_mount_in_a_shared_tree(criu, runtime, counter):
    """As under systemd and containerd: everything is shared, and the root file system is a mount of its own."""
    subprocess.run(["mount", "--bind", counter.rootfs, counter.rootfs], check=True)
    counter.cleanup.append(lambda: subprocess.run(["umount", "-l", counter.rootfs]))
    subprocess.run(["mount", "--make-shared", counter.rootfs], check=True)
    source = counter.host_directory("source")
    subprocess.run(["mount", "-t", "tmpfs", "source", source], check=True)
    counter.cleanup.append(lambda: subprocess.run(["umount", "-l", source]))
    subprocess.run(["mount", "--make-shared", source], check=True)
    counter.mount("/mnt", "bind", source, ["rbind", "rprivate"])
    pid = start(runtime, counter)
    goes_on(pid, 5)
    mounts = Path("/proc/self/mountinfo").read_text()
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    pid = restore(runtime, counter)
    goes_on(pid, count(pid))
    stop(runtime, counter, pid)
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_lazy_pages(criu, runtime, counter, make_bundle):
    """Memory is brought over when it is touched, from a container that is still there."""
    check = subprocess.run(["criu", "check", "--feature", "uffd-noncoop"], capture_output=True)
    pid = start(runtime, counter)
    before = goes_on(pid, 5)
    reader, writer = os.pipe()
    if check.returncode != 0:
        result = runtime("checkpoint", "--image-path", counter.dir / "image", "--lazy-pages", counter.id)
        assert result.code == 1 and "--lazy-pages: " in result.err, result
        assert not (counter.dir / "image").exists()
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    image, work = counter.dir / "image", counter.host_directory("lazy")
    source = subprocess.Popen(
        runtime.command("checkpoint", "--image-path", image, "--lazy-pages", "--page-server", "127.0.0.1:27301",
                        "--status-fd", writer, counter.id),
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT, pass_fds=[writer])
    os.close(writer)
    assert os.read(reader, 1) == b"\0", source.stderr.read().decode() + errors(counter)
    os.close(reader)
    pages = subprocess.Popen(["criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", "27301",
                              "-D", image, "-W", work, "-o", "pages.log", "-v4"])
    end = time.monotonic() + SLOW
    while not (work / "lazy-pages.socket").exists() and time.monotonic() < end:
        time.sleep(0.1)
    target = make_bundle()
    shutil.copytree(counter.rootfs, target.rootfs, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("probe"))
    target.config = {**counter.config, "linux": {**counter.linux, "cgroupsPath": f"/apus-test/{target.id}"}}
    target.write()
    pid = restore(runtime, target, "--lazy-pages", "--work-path", work, image=image)
    goes_on(pid, before)
    assert (pages.wait(SLOW), source.wait(SLOW)) == (0, 0), source.stderr.read().decode() + errors(counter)
    source.stderr.close()
    assert runtime.state(counter.id) is None
    stop(runtime, target, pid)


@pytest.mark.systemd
def test_under_systemd(criu, runtime, counter):
    """The cgroup of a restored container is a unit again."""
    runtime.flags = ["--systemd-cgroup"]
    counter.linux["cgroupsPath"] = f"system.slice:apus:{counter.id}"
    counter.linux["resources"] = {"pids": {"limit": 77}}
    unit = f"apus-{counter.id}.scope"
    # CRIU mounts the cgroup tree without its options, which takes them from all who have it mounted.
    options = lambda: [line.split(" - ")[1] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup2 " in line]
    before = options()
    assert "nsdelegate" in before[0]
    pid = start(runtime, counter)
    goes_on(pid, 5)
    assert checkpoint(runtime, counter).code == 0, errors(counter)
    assert options() == before
    reap(pid)
    active = lambda: subprocess.run(["systemctl", "is-active", unit], capture_output=True, text=True).stdout.strip()
    assert active() == "inactive"
    pid = restore(runtime, counter)
    assert options() == before
    assert active() == "active"
    assert unit in Path(f"/proc/{pid}/cgroup").read_text()
    assert (Path("/sys/fs/cgroup/system.slice") / unit / "pids.max").read_text() == "77\n"
    goes_on(pid, count(pid))
    stop(runtime, counter, pid)
    assert active() == "inactive"


def test_side_by_side_with_runc(criu, runtime, make_bundle, reference, subject_path):
    """What a restored process has is what it has under runc."""
    seen = {}
    for subject in (runtime, reference("runc")):
        bundle = make_bundle()
        bundle.busybox("sleep", "mv", "cat", "grep")
        bundle.sh("i=0; while :; do i=$((i+1)); echo $i >/dev/shm/new; mv /dev/shm/new /dev/shm/n; sleep 0.05; done")
        bundle.mount("/mnt", "bind", bundle.host_directory("source"), ["rbind", "ro"])
        pid = start(subject, bundle)
        goes_on(pid, 5)
        assert checkpoint(subject, bundle).code == 0, errors(bundle)
        pid = restore(subject, bundle)
        goes_on(pid, count(pid))
        mounts = sorted(line.split()[4] for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
        namespaces = {name for name in os.listdir("/proc/self/ns")
                      if os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")}
        status = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                  if line.startswith(("Cap", "Uid", "Gid", "Groups"))]  # no_new_privs is lost with runc
        descriptors = sorted(os.listdir(f"/proc/{pid}/fd"))
        where = Path(f"/proc/{pid}/cgroup").read_text().replace(bundle.id, "ID")
        seen[subject.name] = (mounts, namespaces, status, descriptors, where, (bundle.dir / "image/descriptors.json").exists())
        stop(subject, bundle, pid)
    assert seen["apus"] == seen["runc"]


def test_runc_restores_what_apus_saved(criu, runtime, counter, reference):
    """And the other way round: the images, and what stands beside them, are the same."""
    runc = reference("runc")
    pid = start(runtime, counter)
    before = goes_on(pid, 5)
    for one, other in ((runtime, runc), (runc, runtime)):
        image = counter.dir / f"image-{one.name}"
        assert checkpoint(one, counter, image=image).code == 0, errors(counter)
        pid = restore(other, counter, image=image)
        before = goes_on(pid, before)
    stop(runtime, counter, pid)


# ---- what is refused -------------------------------------------------------------------------------


@pytest.fixture
def running(runtime, counter):
    pid = start(runtime, counter)
    goes_on(pid, 3)
    yield counter
    runtime.discard(counter.id)
    reap(pid)


@pytest.mark.parametrize("options, words", [
    (["--manage-cgroups-mode", "none"], '--manage-cgroups-mode: invalid value "none"'),
    (["--empty-ns", "pid"], '--empty-ns: "pid"'),
    (["--parent-path", "/tmp"], "--parent-path: /tmp: must be relative"),
    (["--parent-path", "../absent"], "--parent-path: stat"),
    (["--page-server", "localhost"], '--page-server: "localhost": not ADDRESS:PORT'),
    (["--page-server", "host:99999"], '--page-server: "host:99999"'),
    (["--page-server", "::1:27"], '--page-server: "::1:27"'),
    (["--status-fd", "77"], "--status-fd: 77"),
    (["--status-fd", "77", "--lazy-pages"], "--status-fd: 77 is not open for writing"),
])
def test_checkpoint_refuses(runtime, running, options, words):
    result = checkpoint(runtime, running, *options)
    assert result.code == 1 and words in result.err.replace('\\"', '"'), result
    assert not (running.dir / "image").exists()
    assert runtime.state(running.id)["status"] == "running"


def test_annotation_names_a_file(runtime, counter):
    counter.config["annotations"] = {"org.criu.config": "/no/such/file"}
    pid = start(runtime, counter)
    result = checkpoint(runtime, counter)
    assert result.code == 1 and "/annotations/org.criu.config: open /no/such/file" in result.err, result
    runtime.discard(counter.id)
    reap(pid)


@pytest.mark.parametrize("status", ["created", "stopped"])
def test_only_a_running_container_is_saved(runtime, counter, status):
    counter.write()
    runtime.create(counter.dir, counter.id)
    pid = runtime.pid(counter.dir, counter.id)
    if status == "stopped":
        runtime("kill", counter.id, "KILL", check=True)
        reap(pid)
    result = checkpoint(runtime, counter)
    assert result.code == 1 and f"Container cannot be checkpointed in {status} state" in result.err, result
    assert not (counter.dir / "image").exists()
    runtime.discard(counter.id)
    reap(pid)


def test_restore_of_no_image(runtime, counter):
    counter.write()
    empty = counter.host_directory("empty")
    footprint = Footprint(runtime, counter.id, counter.dir)
    for path, words in ((counter.dir / "absent", "no such file or directory (ENOENT)"), (empty, "holds no checkpoint")):
        result = runtime("restore", "--bundle", counter.dir, "--image-path", path, "--work-path", counter.dir / "work", counter.id)
        assert result.code == 1 and "--image-path: " in result.err and words in result.err, result
    assert not (counter.dir / "work").exists()
    footprint.assert_clean()


def test_restore_of_an_id_that_is_there(runtime, running):
    result = runtime("restore", "--bundle", running.dir, running.id)
    assert result.code == 1 and "container with given ID already exists" in result.err, result


# ---- with a criu that fails ------------------------------------------------------------------------


@pytest.fixture
def fake(tmp_path):
    """Gives a function that puts a criu of some kind into PATH: returns the environment."""
    tmp_path.chmod(0o755)

    def make(mode):
        shutil.copy(HERE / "fake_criu.py", tmp_path / "criu")
        (tmp_path / "criu").chmod(0o755)
        (tmp_path / "mode").write_text(mode)
        return {"PATH": f"{tmp_path}:{ENVIRONMENT['PATH']}"}

    return make


@pytest.fixture
def image(counter):
    """What looks like a checkpoint as long as nobody reads it."""
    path = counter.host_directory("image")
    (path / "inventory.img").write_bytes(b"")
    (path / "descriptors.json").write_text('["/dev/null","/dev/null","/dev/null"]')
    return path


def test_no_criu(runtime, running, tmp_path, image):
    environment = {"PATH": str(tmp_path)}
    shutil.rmtree(image)
    result = runtime("checkpoint", "--image-path", image, running.id, env=environment)
    assert result.code == 1 and "there is no criu in PATH" in result.err and "install CRIU" in result.err, result
    assert not image.exists()


@pytest.mark.parametrize("mode, words", [
    ("old", "is CRIU 2.9.1, which is too old; install CRIU 3.16 or later"),
    ("silent", "Error (fake.c:1): cannot live on this kernel"),
    ("babble", "criu's answer is no message of its protocol"),
])
def test_unfit_criu(runtime, running, fake, mode, words):
    result = runtime("checkpoint", "--image-path", running.dir / "image", running.id, env=fake(mode))
    assert result.code == 1 and words in result.err, result
    assert not (running.dir / "image").exists()
    assert runtime.state(running.id)["status"] == "running"


@pytest.mark.parametrize("mode, words", [
    ("refuse", "invalid argument (EINVAL): criu failed: (fake.c:2): it cannot be done; its log is "),
    ("die", "criu was killed by signal 9: (fake.c:2): it cannot be done; its log is "),
])
def test_failed_checkpoint(runtime, running, fake, mode, words):
    work = running.dir / "work"
    result = runtime("checkpoint", "--image-path", running.dir / "image", "--work-path", work, running.id, env=fake(mode))
    assert result.code == 1 and f"checkpoint {running.id}: " + words + f"{work}/dump.log" in result.err, result
    assert runtime.state(running.id)["status"] == "running"
    pid = runtime.state(running.id)["pid"]
    goes_on(pid, count(pid))


@pytest.mark.parametrize("mode, words", [
    ("old", "is CRIU 2.9.1, which is too old"),
    ("refuse", "invalid argument (EINVAL): criu failed: (fake.c:2): it cannot be done; its log is "),
    ("die", "criu was killed by signal 9: (fake.c:2): it cannot be done; its log is "),
])
def test_failed_restore_leaves_nothing_behind(runtime, counter, image, fake, mode, words):
    counter.mount("/absent/place", "bind", counter.host_directory("source"), ["bind"])
    counter.write()
    footprint = Footprint(runtime, counter.id, counter.dir)
    result = runtime("restore", "--bundle", counter.dir, "--image-path", image, "--pid-file", counter.dir / "pid",
                     counter.id, env=fake(mode))
    assert result.code == 1 and words in result.err, result
    if mode != "old":
        assert f"{image}/restore.log" in result.err
        # The mount point is there all the same, as after a creation.
        assert (counter.rootfs / "absent/place").is_dir()
    assert not (counter.dir / "pid").exists()
    footprint.assert_clean()


def test_features(runtime):
    features = json.loads(runtime("features", env={"PATH": "/nowhere"}, check=True).out)
    assert features["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "true"
    assert "org.criu.config" in features["potentiallyUnsafeConfigAnnotations"]
