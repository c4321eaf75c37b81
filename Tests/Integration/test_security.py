"""The published vulnerabilities of runtimes, each as the shortest experiment that shows we have none of it.

The trust model: config.json is trusted; the root file system, volumes, and what runs there are not.
`canary` is a directory of the host that must stay as it is.
"""

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from conftest import compile_c
from harness.runtime import ENVIRONMENT, Footprint, mount_points

pytestmark = pytest.mark.parametrize("user_namespace", [False, True], ids=["root", "userns"])


class Canary:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        path.chmod(0o777)  # a user namespace's root could write here: only the runtime stands in between
        (path / "file").write_text("canary")
        (path / "file").chmod(0o666)
        self.before = self.look()

    def look(self):
        return {str(p): (s.st_ino, s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns if not p.is_dir() else 0)
                for p in sorted([self.path, *self.path.rglob("*")]) if (s := p.lstat())}

    def assert_unchanged(self):
        assert self.look() == self.before
        assert not [p for p in mount_points() if str(self.path) in p]


@pytest.fixture
def canary(bundle):
    return Canary(bundle.dir / "canary")


@pytest.fixture
def attempt(runtime, bundle, canary, user_namespace):
    """Runs the bundle, which may or may not work; the host must be unchanged either way."""

    def run(must_fail=False, **more):
        if user_namespace:
            bundle.user_namespace()
        bundle.write()
        footprint = Footprint(runtime, bundle.id, bundle.dir)
        result = runtime("run", "--bundle", bundle.dir, bundle.id, timeout=20, **more)
        if must_fail:
            assert result.code not in (0, 255) or result.code == 1, result
            assert result.code == 1, f"should have been refused\n{result}"
        canary.assert_unchanged()
        footprint.assert_clean()
        return result

    return run


def test_numeric_user_is_not_a_name(attempt, bundle):
    """CVE-2016-3697"""
    bundle.process["user"] = {"uid": 1001, "gid": 1001}
    bundle.process["args"] = ["/probe", "--brief"]
    assert json.loads(attempt().out)["ids"]["uid"] == "1001 1001 1001"


@pytest.mark.parametrize("fake", ["tmpfs", "directory"])
def test_labels_are_not_written_to_a_false_proc(attempt, bundle, fake):
    """CVE-2019-16884, CVE-2025-52881: a volume with self/attr/exec where /proc should be."""
    volume = bundle.host_directory("volume/self/attr")
    (volume / "exec").write_text("")
    (volume / "apparmor").mkdir()
    (volume / "apparmor/exec").write_text("")
    (bundle.dir / "volume/self/oom_score_adj").write_text("")
    bundle.unmount("/proc")
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    bundle.config["mounts"].insert(0, {"destination": "/proc", "type": "bind", "source": str(bundle.dir / "volume"), "options": ["bind"]})
    bundle.process["oomScoreAdj"] = 777
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    if fake == "tmpfs":
        bundle.config["mounts"][0] = {"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}
    bundle.process["args"] = ["/probe", "--brief"]
    result = attempt()
    # Either refused, or everything asked for was really done and nothing reached the false files.
    assert (volume / "exec").read_text() == "" and (bundle.dir / "volume/self/oom_score_adj").read_text() == ""
    if result.code == 0:
        assert "oom_score_adj" in result.out
    else:
        assert result.code == 1 and "/proc" in result.err


def test_mount_target_through_a_link_stays_inside(attempt, bundle, canary):
    """CVE-2019-18837"""
    (bundle.rootfs / "link").symlink_to(canary.path)
    (bundle.rootfs / "up").symlink_to("../" * 20 + str(canary.path).lstrip("/"))
    for name in ("link", "up"):
        bundle.mount(f"/{name}/dir", "tmpfs", "tmpfs", ["size=64k"])
        bundle.mount(f"/{name}/bound", "bind", bundle.host_directory("source"), ["bind"])
    bundle.mount("/link/file", "bind", bundle.dir / "config.json", ["bind"])
    attempt()


@pytest.mark.parametrize("name,target", [("proc", "/evil"), ("proc", ".."), ("sys", "/evil"), ("sys", "x"), ("proc", "/dev")])
def test_proc_and_sys_must_be_directories(attempt, bundle, name, target):
    """CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867"""
    (bundle.rootfs / "evil/self/attr").mkdir(parents=True)
    (bundle.rootfs / "x").mkdir()
    (bundle.rootfs / name).rmdir()
    (bundle.rootfs / name).symlink_to(target)
    result = attempt(must_fail=True)
    assert f"/{name}" in result.err, result


def test_very_long_namespace_path(attempt, bundle):
    """CVE-2021-43784: lengths beyond 16 bits"""
    bundle.linux["namespaces"][1]["path"] = "/proc/self/ns/net" + "/." * 40000
    result = attempt(must_fail=True)
    assert "/linux/namespaces/1" in result.err, result.err[:500]


def test_very_many_mappings(attempt, bundle, user_namespace):
    """CVE-2021-43784: the mappings' text is longer than 64 KiB, and than what the kernel takes"""
    if not user_namespace:
        bundle.linux["namespaces"].append({"type": "user"})
    attempt_mappings = [{"containerID": n * 2, "hostID": 100000 + n * 2, "size": 1} for n in range(6000)]
    original = bundle.write

    def write():
        bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = attempt_mappings
        return original()

    bundle.write = write
    result = attempt(must_fail=True)
    assert "Mappings" in result.err, result.err[:500]


@pytest.mark.parametrize("number", [*range(3, 13), 20, 30, 100])
def test_cwd_through_a_leaked_descriptor(attempt, bundle, number):
    """CVE-2024-21626"""
    bundle.process["cwd"] = f"/proc/self/fd/{number}"
    result = attempt()
    assert result.code != 0, result


@pytest.mark.parametrize("where", ["/proc/self/fd/7", "/proc/self/fd/7/../../..", "/proc/1/fd/8/etc"])
def test_cwd_through_a_link_in_the_image(attempt, bundle, where):
    """CVE-2024-21626: WORKDIR is a link that the image's author made"""
    (bundle.rootfs / "work").symlink_to(where)
    bundle.process["cwd"] = "/work"
    result = attempt(prefix=["/bin/sh", "-c", 'exec 7</ 8</; exec "$@"', "sh"])
    assert result.code != 0, result


@pytest.mark.parametrize("args", [["/proc/self/fd/7/../../../bin/true"], ["/proc/self/fd/8/../../../../bin/true"]])
def test_command_through_a_leaked_descriptor(attempt, bundle, args):
    """CVE-2024-21626, third variant"""
    bundle.process["args"] = args
    assert attempt().code != 0


def test_masked_path_when_null_is_not_null(attempt, bundle, canary):
    """CVE-2025-31133, CVE-2025-62161, CVE-2026-88265: /dev/null of the image is something else"""
    bundle.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (bundle.rootfs / "dev/null").symlink_to(canary.path / "file")
    bundle.linux["maskedPaths"] = ["/data/file", "/proc/kcore"]
    bundle.args("--brief")
    bundle.look("/data/file", "/proc/kcore")
    result = attempt()
    if result.code == 0:
        seen = json.loads(result.out)["paths"]
        assert seen["/data/file"]["type"] == "char" and seen["/data/file"]["rdev"] == "1:3", seen


@pytest.mark.parametrize("what", ["file", "other-device", "link-to-proc"])
def test_masked_path_with_false_null(attempt, bundle, canary, what):
    """CVE-2025-31133: a regular file, another device, a link to what is to be protected"""
    bundle.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    null = bundle.rootfs / "dev/null"
    if what == "file":
        null.write_text("readable")
        null.chmod(0o666)
    elif what == "other-device":
        os.mknod(null, 0o020666, os.makedev(1, 5))
    else:
        null.symlink_to("/proc/sys/kernel/core_pattern")
    bundle.linux["maskedPaths"] = ["/proc/timer_list", "/data/file"]
    bundle.args("--brief")
    bundle.look("/data/file", "/proc/timer_list", "/proc/sys/kernel/core_pattern")
    result = attempt()
    if result.code == 0:
        seen = json.loads(result.out)["paths"]
        for path in ("/data/file", "/proc/timer_list"):
            if "lstat" not in seen[path]:
                assert (seen[path]["type"], seen[path]["rdev"]) == ("char", "1:3"), seen[path]
        assert seen["/proc/sys/kernel/core_pattern"]["open_for_write"] == {"errno": "EROFS"} \
            or "errno" in str(seen["/proc/sys/kernel/core_pattern"]["open_for_write"])


@pytest.mark.parametrize("mounted", [False, True])
def test_dev_is_a_link_out(attempt, bundle, canary, mounted):
    """CVE-2026-41579, CVE-2026-47766: default devices and links are made below it"""
    bundle.unmount("/dev/pts", "/dev/shm", "/dev/mqueue", *([] if mounted else ["/dev"]))
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(canary.path)
    attempt()


def test_dev_is_a_link_inside(attempt, bundle):
    """The same with a link that stays inside must not reach the host either."""
    bundle.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to("data/sub")
    attempt()


@pytest.mark.parametrize("name", ["ptmx", "fd", "stdin", "null", "zero", "tty", "core"])
def test_device_names_are_links_out(attempt, bundle, canary, name):
    """CVE-2026-41579, CVE-2026-88265"""
    bundle.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (bundle.rootfs / "dev" / name).symlink_to(canary.path / "file")
    attempt()


@pytest.mark.parametrize("target", ["new", "file"])
def test_console_is_a_link_out(attempt, bundle, canary, target):
    """CVE-2026-88264, CVE-2025-52565"""
    bundle.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (bundle.rootfs / "dev/console").symlink_to(canary.path / target)
    bundle.process["terminal"] = True
    # A terminal of its own for the runtime: script(1) would do, Python's pty is at hand.
    import pty
    master, slave = pty.openpty()
    try:
        attempt(stdin=slave)
    finally:
        os.close(master)
        os.close(slave)


def test_custom_device_through_a_link_out(attempt, bundle, canary):
    (bundle.rootfs / "link").symlink_to(canary.path)
    bundle.linux["devices"] = [{"path": "/link/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]
    attempt()


def test_missing_cwd_through_a_link_out(attempt, bundle, canary):
    """CVE-2025-24965's pattern: whatever the runtime makes in the root must not follow links out."""
    (bundle.rootfs / "work").symlink_to(canary.path)
    bundle.process["cwd"] = "/work/made"
    attempt()


def test_passwd_is_a_fifo_or_a_link_out(attempt, bundle, canary):
    """HOME comes from the image's passwd: it must be neither waited for nor followed to the host."""
    (canary.path / "passwd").write_text("root:x:0:0:root:/from/the/host:/bin/sh\n")
    canary.before = canary.look()
    passwd = bundle.rootfs / "etc/passwd"
    passwd.unlink()
    bundle.process["args"] = ["/probe", "--brief"]
    passwd.symlink_to(canary.path / "passwd")
    result = attempt()
    assert "/from/the/host" not in result.out
    passwd.unlink()
    os.mkfifo(passwd, 0o666)
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "user"]
    attempt()


def test_read_only_and_masked_paths_are_links(attempt, bundle, canary):
    (bundle.rootfs / "ro").symlink_to(canary.path)
    (bundle.rootfs / "masked").symlink_to(canary.path / "file")
    bundle.linux["readonlyPaths"] = ["/ro"]
    bundle.linux["maskedPaths"] = ["/masked"]
    attempt()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mount", "mkdir"])
def test_exchange_of_a_directory_and_a_link(runtime, make_bundle, workplace, user_namespace, kind):
    """CVE-2021-30465, CVE-2024-45310: a running container exchanges a directory with a link all the time."""
    bundle = make_bundle()
    canary = Canary(bundle.dir / "canary")
    volume = bundle.host_directory("volume", 0o777)
    (volume / "dir").mkdir()
    (volume / "link").symlink_to("../" * 20 + str(canary.path).lstrip("/"))
    bundle.mount("/volume", "bind", volume, ["rbind"])
    for n in range(8):
        if kind == "mount":
            bundle.mount(f"/volume/dir/m{n}", "tmpfs", "tmpfs", ["size=64k"])
        else:
            bundle.mount(f"/volume/dir/a{n}/b/c", "bind", volume, ["bind"])
    if user_namespace:
        bundle.user_namespace()
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    attacker = subprocess.Popen([compile_c("exchange.c", workplace), volume, "dir", "link"], env=ENVIRONMENT)
    runs, outcomes = 0, set()
    try:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            outcomes.add(runtime("run", "--bundle", bundle.dir, f"{bundle.id}-{runs}").code)
            runs += 1
            # What was made in the volume goes, so that it has to be made again; the attacker waits
            # meanwhile, or we would follow its link ourselves.
            attacker.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, attacker.pid, os.WSTOPPED)
            for name in ("dir", "link"):
                if not (volume / name).is_symlink():
                    subprocess.run(["rm", "-rf", *(volume / name).glob("*")], check=True)
            attacker.send_signal(signal.SIGCONT)
    finally:
        attacker.kill()
        attacker.wait()
    assert outcomes <= {0, 1}
    canary.assert_unchanged()
    footprint.assert_clean()


@pytest.mark.slow
def test_exchange_of_null_while_masking(runtime, bundle, workplace, user_namespace):
    """CVE-2025-31133 by a race: /dev/null is at times a link to what may be written."""
    if user_namespace:
        bundle.user_namespace()
    bundle.unmount("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    volume = bundle.host_directory("volume", 0o777)
    os.mknod(volume / "null", 0o020666, os.makedev(1, 3))
    (volume / "link").symlink_to("/data/file")
    bundle.mount("/dev", "bind", volume, ["bind"])
    (bundle.rootfs / "data/masked").write_text("secret")
    (bundle.rootfs / "data/file").chmod(0o666)
    bundle.linux["maskedPaths"] = [f"/data/{n}" for n in ("masked", "sub/file")]
    bundle.look("/data/masked", "/data/sub/file")
    bundle.args("--brief")
    bundle.write()
    attacker = subprocess.Popen([compile_c("exchange.c", workplace), volume, "null", "link"], env=ENVIRONMENT)
    outcomes = set()
    try:
        end = time.monotonic() + 2
        runs = 0
        while time.monotonic() < end or runs <= 20:
            result = runtime("run", "--bundle", bundle.dir, f"{bundle.id}-{runs}")
            runs += 1
            if result.code == 0:
                for seen in json.loads(result.out)["paths"].values():
                    assert (seen["type"], seen.get("rdev")) == ("char", "1:3"), seen
            outcomes.add(result.code)
    finally:
        attacker.kill()
        attacker.wait()
    assert outcomes <= {0, 1}


def test_cgroup_is_read_only_without_a_namespace(attempt, bundle):
    """CVE-2023-25809: the host's tree must not be writable through the container's view of it."""
    bundle.without("cgroup")
    bundle.look("/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/cgroup.freeze")
    bundle.args("--brief")
    result = attempt()
    assert result.code == 0, result
    seen = json.loads(result.out)["paths"]
    assert "errno" in str(seen["/sys/fs/cgroup"]["create"])
    assert "errno" in str(seen["/sys/fs/cgroup/cgroup.procs"]["open_for_write"])


def test_default_masks_hide_what_they_name(attempt, bundle):
    """CVE-2018-10892 and its kind"""
    bundle.look(*bundle.linux["maskedPaths"], *bundle.linux["readonlyPaths"])
    bundle.args("--brief")
    result = attempt()
    seen = json.loads(result.out)["paths"]
    for path in bundle.linux["maskedPaths"]:
        found = seen[path]
        if "lstat" in found:
            continue
        assert found["type"] == "char" and found["rdev"] == "1:3" or found["type"] == "directory" and found["entries"] == 0, (path, found)
    for path in bundle.linux["readonlyPaths"]:
        found = seen[path]
        if "lstat" not in found:
            assert "errno" in str(found.get("create", found.get("open_for_write"))), (path, found)


def test_owner_of_what_standard_output_is(runtime, bundle, user_namespace):
    """The container's user owns its standard output, so /dev/stdout can be opened again; null stays the host's."""
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    if user_namespace:
        bundle.user_namespace()
    bundle.sh("echo again >/dev/stdout")
    bundle.write()
    before = os.stat("/dev/null")
    result = runtime("run", "--bundle", bundle.dir, bundle.id, stdin=subprocess.DEVNULL)
    after = os.stat("/dev/null")
    assert (before.st_uid, before.st_gid, stat.S_IMODE(before.st_mode)) == (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode))
    assert (result.code, result.out) == (0, "again\n"), result
    assert Path("/dev/null").is_char_device()
