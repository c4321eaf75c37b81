"""What a container must never see or leave: descriptors, executables and signal states of the host; and load."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cases.engines import DOCKER
from conftest import compile_c
from harness.runtime import ENVIRONMENT, Footprint, reap


def sealed_or_in_container(line, host, powerful):
    """Judges a line of watch.c; `host` is the runtime's own executable.

    Who has CAP_SYS_PTRACE may look into processes that are still being set up, so for it only
    executables are judged.
    """
    fields = line.split()
    if fields[0] == "exe":
        target, inode, seals, write = fields[1], fields[-3], int(fields[-2].removeprefix("seals=")), fields[-1]
        if inode == f"{host.st_dev}:{host.st_ino}":
            return "the runtime's own executable"
        if target.startswith("/memfd:"):
            # F_SEAL_SEAL | SHRINK | GROW | WRITE. Running text is busy besides, but not once the process has gone
            # on to the next program, and then a sealed one may be opened for writing; written it cannot be.
            return None if seals & 0xF == 0xF else "an unsealed memfd"
        return None if target in ("/bin/busybox", "/watch") else "a program that is not the container's"
    if fields[0] == "fd" and not powerful:
        return "a directory of the host" if fields[1] == "directory" and fields[2] not in ("/", "/proc") \
            and not fields[2].startswith("/proc/") else None
    return None


@pytest.mark.slow
@pytest.mark.parametrize("powerful", [False, True], ids=["usual", "with-ptrace"])
def test_no_host_executable_is_ever_visible(runtime, subject_path, make_bundle, workplace, powerful):
    """CVE-2019-5736, CVE-2016-9962: a second container watches while sixty others start in its pid namespace."""
    watcher = make_bundle()
    shutil.copy(compile_c("watch.c", workplace), watcher.rootfs / "watch")
    watcher.process["args"] = ["/watch", "60"]
    names = DOCKER + (["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"] if powerful else [])
    watcher.process["capabilities"] = {k: names for k in ("bounding", "effective", "permitted")}
    watcher.linux["maskedPaths"] = []
    watcher.write()
    # A first process that does not end keeps the namespace, since the watcher is the second.
    runtime.create(watcher.dir, watcher.id)
    pid = runtime.pid(watcher.dir, watcher.id)
    bundles = []
    for _ in range(2):
        bundle = make_bundle()
        bundle.busybox()
        # It opens nothing itself, and lives for a moment: long enough to be looked at.
        bundle.process["args"] = ["/bin/busybox", "usleep", "3000"]
        bundle.without("pid")
        bundle.linux["namespaces"].append({"type": "pid", "path": f"/proc/{pid}/ns/pid"})
        bundles.append(bundle.write())
    runtime("start", watcher.id, check=True)
    started, end = 0, time.monotonic() + 3
    while time.monotonic() < end and started < 60 or started < 20:
        result = runtime("run", "--bundle", bundles[started % 2].dir, f"{bundles[started % 2].id}-{started}")
        assert result.code == 0, result
        started += 1
    (watcher.rootfs / "stop").touch()
    reap(pid)
    lines = (watcher.dir / "stdout").read_text().splitlines()
    assert lines[0] == "ready" and lines[-1].startswith("rounds ") and int(lines[-1].split()[1]) > 50, lines[-3:]
    assert any(line.startswith("exe /bin/busybox") for line in lines), "the watcher saw nothing: no proof"
    host = os.stat(subject_path)
    bad = {line: why for line in lines if (why := sealed_or_in_container(line, host, powerful))}
    assert not bad, bad


def test_executable_cannot_be_overwritten_through_proc_self_exe(runtime, subject_path, bundle):
    """CVE-2019-5736: the command is the runtime's own /proc/self/exe."""
    before = Path(subject_path).read_bytes(), os.stat(subject_path)
    (bundle.rootfs / "entry").symlink_to("/proc/self/exe")
    for args in (["/entry"], ["/proc/self/exe"], ["/proc/1/exe"]):
        bundle.process["args"] = [*args, "init"]
        bundle.write()
        result = runtime("run", "--bundle", bundle.dir, bundle.id)
        assert result.code != 0, result
    script = bundle.rootfs / "script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    bundle.process["args"] = ["/script"]
    bundle.write()
    runtime("run", "--bundle", bundle.dir, bundle.id)
    after = Path(subject_path).read_bytes(), os.stat(subject_path)
    assert before[0] == after[0] and before[1].st_mtime_ns == after[1].st_mtime_ns


def test_descriptors_of_a_created_container(runtime, bundle):
    """While it waits for start: its three, the fifo, and nothing of the host's file system."""
    bundle.write()
    with open(bundle.dir / "secret", "w") as secret:
        os.set_inheritable(secret.fileno(), True)
        runtime.create(bundle.dir, bundle.id, prefix=["/bin/sh", "-c", f'exec 7<{bundle.dir}/config.json 8</etc; exec "$@"', "sh"])
    pid = runtime.pid(bundle.dir, bundle.id)
    held = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        held[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    own = {str(bundle.dir / n) for n in ("stdin", "stdout", "stderr")}
    foreign = {n: t for n, t in held.items()
               if t.startswith("/") and t not in own and not t.endswith("exec.fifo") and not t.startswith("/memfd:")}
    directories = {n: t for n, t in foreign.items() if stat.S_ISDIR(os.stat(f"/proc/{pid}/fd/{n}").st_mode)}
    assert not directories
    assert not [t for t in foreign.values() if "config.json" in t or t.startswith("/etc") or "apus" == Path(t).name], foreign
    exe = os.readlink(f"/proc/{pid}/exe")
    assert exe.startswith("/memfd:") or "apus" not in Path(exe).name, exe
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert int(status["VmRSS"].split()[0]) < 2048, "a container that waits should cost some tens of kB"


@pytest.mark.parametrize("what", ["ignored", "blocked", "both", "SIGCHLD ignored", "SIGCHLD blocked"])
def test_signal_state_is_the_default(runtime, bundle, what):
    """The caller blocks and ignores everything that can be."""
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    signals = [17] if "SIGCHLD" in what else [n for n in range(1, 65) if n not in (9, 19, 32, 33)]
    wrapper = "import os,signal,sys\n"
    if "blocked" not in what:
        wrapper += f"for s in {signals}: signal.signal(s, signal.SIG_IGN)\n"
    if "ignored" not in what:
        wrapper += f"signal.pthread_sigmask(signal.SIG_BLOCK, {signals})\n"
    wrapper += "os.execv(sys.argv[1], sys.argv[1:])\n"
    result = runtime("run", "--bundle", bundle.dir, bundle.id, timeout=10, prefix=[sys.executable, "-c", wrapper])
    assert result.code == 0, result
    seen = json.loads(result.out)
    # SIGCHLD ignored would make every child of the container vanish.
    assert seen["signals"] == {"not_default": [], "blocked": 0, "pending": 0}
    assert seen["status"]["SigBlk"] == "0" * 16 and seen["status"]["SigIgn"] == "0" * 16


def test_cpu_affinity_of_the_caller_is_not_inherited(runtime, bundle):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two processors")
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=["taskset", "1"])
    assert json.loads(result.out)["scheduler"]["cpus"] == len(os.sched_getaffinity(0))


CYCLES = """
set -u
rt() {{ {command} "$@"; }}
bundle=$1 tag=$2 count=$3
i=0
while [ $i -lt $count ]; do
    id=$tag-$i
    rt create --bundle $bundle --pid-file $bundle/$id.pid $id </dev/null >/dev/null 2>>$bundle/errors || {{ echo "create $id" >>$bundle/failed; i=$((i+1)); continue; }}
    rt start $id 2>>$bundle/errors || echo "start $id" >>$bundle/failed
    rt kill $id KILL 2>>$bundle/errors || echo "kill $id" >>$bundle/failed
    n=0
    until rt delete $id 2>>$bundle/waiting; do
        n=$((n+1)); [ $n -gt 200 ] && {{ echo "delete $id" >>$bundle/failed; break; }}
        sleep 0.02
    done
    i=$((i+1))
done
"""


@pytest.mark.slow
def test_two_hundred_cycles_from_eight_shells(runtime, make_bundle, workplace):
    bundles = [make_bundle() for _ in range(8)]
    for bundle in bundles:
        # A cgroup of its own for each container: the default.
        del bundle.linux["cgroupsPath"]
        bundle.busybox("sleep")
        bundle.process["args"] = ["/bin/sleep", "1000"]
        bundle.write()
    footprint = Footprint(runtime, *(b.id for b in bundles), *(b.dir for b in bundles))
    script = workplace / "cycles.sh"
    script.write_text(CYCLES.format(command=" ".join(runtime.command())))
    shells = [subprocess.Popen(["/bin/sh", script, b.dir, b.id, "25"], env=ENVIRONMENT, stdin=subprocess.DEVNULL) for b in bundles]
    for shell in shells:
        assert shell.wait(110) == 0
    # All were killed, and we are who inherits them.
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            break
    problems = [(b.dir / name).read_text() for b in bundles for name in ("failed", "errors") if (b.dir / name).exists()]
    assert not "".join(problems), "".join(problems)
    assert runtime("list", "-q").out == ""
    footprint.assert_clean()
