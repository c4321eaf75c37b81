"""`tmpcopyup`: what a directory of the image holds, copied onto the tmpfs that covers it."""

import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
from conftest import compile_c
from harness.runtime import Footprint, reap

CAPABILITY = b"\x01\x00\x00\x02\x00\x20" + bytes(14)


def make_tree(top, owner=0):
    """Every kind of file there is, with owners, modes, times and attributes that no new file has."""
    (top / "deep/er").mkdir(parents=True)
    (top / "deep/er/file").write_bytes(os.urandom(200_000))
    (top / "empty").touch()
    (top / "suid").write_text("text\n")
    os.link(top / "suid", top / "hard")
    (top / "absolute").symlink_to("/etc/passwd")
    (top / "dangling").symlink_to("no/where")
    os.mkfifo(top / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(top / "socket"))
    with open(top / "sparse", "wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 30)
        file.write(b"island")
    if not owner:
        os.mknod(top / "device", stat.S_IFCHR | 0o640, os.makedev(300, 70000))
    for number, path in enumerate(sorted(top.rglob("*"))):
        os.chown(path, owner + number, owner + 100 + number, follow_symlinks=False)
        os.utime(path, (10**9 + number, 10**9 + 1000 + number), follow_symlinks=False)
    (top / "suid").chmod(0o6751)
    (top / "deep").chmod(0o1777)
    os.setxattr(top / "deep/er/file", "trusted.apus", b"value")
    os.setxattr(top / "deep/er", "trusted.apus", b"of a directory")
    if not owner:
        os.setxattr(top / "suid", "security.capability", CAPABILITY)
    for path in (top / "deep/er/file", top / "deep/er", top / "suid", top / "deep"):
        os.utime(path, (10**9, 10**9 + 5))


def describe(top):
    """A tree in a form that can be compared."""
    found = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        content = None
        if kind == stat.S_IFLNK:
            content = os.readlink(path)
        elif kind == stat.S_IFREG and status.st_size < 1 << 30:
            content = path.read_bytes()
        elif kind == stat.S_IFREG:
            with open(path, "rb") as file:
                file.seek(1 << 30)
                content = file.read(10)
        attributes = {name: os.getxattr(path, name) for name in os.listxattr(path, follow_symlinks=False)} \
            if kind in (stat.S_IFREG, stat.S_IFDIR) else {}
        size = status.st_size if kind == stat.S_IFREG else 0
        found[str(path.relative_to(top))] = (
            oct(status.st_mode), status.st_uid, status.st_gid, status.st_rdev, size, status.st_mtime_ns, content, attributes)
    return found


def inside(runtime, bundle, path):
    """Creates the container, and gives the path in it as the host reaches it, and its pid."""
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    return Path(f"/proc/{pid}/root{path}"), pid


def end(runtime, bundle, pid):
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


@pytest.mark.parametrize("user_namespace", [False, True])
def test_everything_is_copied(runtime, bundle, user_namespace):
    top = bundle.rootfs / "var"
    top.mkdir()
    if user_namespace:
        bundle.user_namespace()
    make_tree(top, 100000 if user_namespace else 0)
    top.chmod(0o2775)
    expected = describe(top)
    if user_namespace:
        # What is trusted only the host's root may set, or see.
        for name in ("deep/er/file", "deep/er"):
            expected[name] = (*expected[name][:-1], {})
    bundle.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup", "nosuid", "size=10m"])
    copy, pid = inside(runtime, bundle, "/var")
    assert os.path.ismount(copy) and oct(copy.stat().st_mode) == "0o42775"
    found = describe(copy)
    assert {n for n in expected if found.get(n) != expected[n]} == set() and set(found) == set(expected)
    assert (copy / "sparse").stat().st_blocks < 100
    # A copy it is.
    (copy / "suid").write_text("changed")
    assert (top / "suid").read_text() == "text\n"
    end(runtime, bundle, pid)
    assert describe(top).keys() == found.keys()


def test_read_only_and_without_a_mode_of_its_own(runtime, bundle):
    bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup", "ro", "mode=700"])
    bundle.busybox("cat", "touch", "stat")
    bundle.sh("cat /data/sub/file; stat -c %a /data; touch /data/x || echo refused")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.out == "data\n700\nrefused\n", result


def test_nothing_to_copy(runtime, bundle):
    bundle.mount("/not/there", "tmpfs", "tmpfs", ["tmpcopyup"])
    bundle.mount("/mnt", "tmpfs", "tmpfs", ["tmpcopyup"])
    bundle.busybox("ls", "stat")
    bundle.sh("ls -A /not/there /mnt; stat -f -c %T /not/there /mnt")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.out == "/mnt:\n\n/not/there:\ntmpfs\ntmpfs\n", result


def test_links_of_the_image_lead_nowhere(runtime, bundle):
    """The covered directory is reached through links, and holds links, that would lead to the host's files."""
    outside = bundle.host_directory("outside")
    (outside / "secret").write_text("secret")
    trap = bundle.rootfs / str(outside).lstrip("/")
    trap.mkdir(parents=True)
    (bundle.rootfs / "linked").symlink_to(f"../../../../../..{outside}")
    (trap / "link").symlink_to(outside / "secret")
    (trap / "above").symlink_to("../" * 20)
    bundle.mount("/linked", "tmpfs", "tmpfs", ["tmpcopyup"])
    copy, pid = inside(runtime, bundle, str(outside))
    assert os.path.ismount(copy) and sorted(os.listdir(copy)) == ["above", "link"]
    assert os.readlink(copy / "link") == str(outside / "secret")
    end(runtime, bundle, pid)
    assert os.listdir(outside) == ["secret"]


def test_a_tree_that_changes_meanwhile(runtime, bundle, workplace):
    """Somebody who shares the volume exchanges a directory and a link to the host's while it is copied."""
    exchange = compile_c("exchange.c", workplace)
    volume, outside = bundle.host_directory("volume"), bundle.host_directory("outside")
    (outside / "secret").write_text("secret")
    (outside / "secret").chmod(0o600)
    for number in range(40):
        (volume / f"d{number}").mkdir()
        (volume / f"d{number}/file").write_text("image")
    (volume / "d20-link").symlink_to(outside)
    (volume / "f").write_text("image")
    (volume / "f-link").symlink_to(outside / "secret")
    racers = [subprocess.Popen([exchange, volume, name, f"{name}-link"], stdin=subprocess.DEVNULL) for name in ("d20", "f")]
    try:
        bundle.mount("/volume", "bind", volume, ["rbind"])
        bundle.mount("/volume", "tmpfs", "tmpfs", ["tmpcopyup"])
        bundle.write()
        failed = copied = 0
        until = time.monotonic() + 15
        while failed + copied < 60 and time.monotonic() < until or not copied:
            result = runtime.create(bundle.dir, bundle.id, check=False)
            if result.code:
                # What is seen as one thing and met as another is an error, and nothing worse.
                assert "/mounts/8" in result.err, result
                failed += 1
                continue
            copied += 1
            pid = runtime.pid(bundle.dir, bundle.id)
            copy = Path(f"/proc/{pid}/root/volume")
            for path in copy.rglob("*"):
                assert path.is_symlink() or path.is_dir() or path.read_text() == "image", path
            end(runtime, bundle, pid)
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert (outside / "secret").read_text() == "secret" and oct((outside / "secret").stat().st_mode) == "0o100600"


@pytest.mark.parametrize("spoil, options, words", [
    ("deep", [], ["deeper", "d/d/d"]), ("full", ["size=64k"], ["ENOSPC", "big"]),
])
def test_what_cannot_be_copied(runtime, bundle, spoil, options, words):
    top = bundle.rootfs / "data"
    if spoil == "deep":
        path = top
        for _ in range(70):
            path = path / "d"
        path.mkdir(parents=True)
    else:
        (top / "big").write_bytes(bytes(range(256)) * 1000)
    bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup", *options])
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime.create(bundle.dir, bundle.id, check=False)
    assert result.code == 1 and "/mounts/7" in result.err and all(w in result.err for w in words), result
    assert str(bundle.rootfs) not in result.err
    footprint.assert_clean()


def test_many_files_take_no_time(runtime, bundle):
    top = bundle.rootfs / "var"
    for number in range(1000):
        path = top / f"lib/d{number % 50}/f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(number))
    bundle.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup"])
    bundle.write()
    begin = time.monotonic()
    copy, pid = inside(runtime, bundle, "/var")
    took = time.monotonic() - begin
    assert describe(copy) == describe(top)
    end(runtime, bundle, pid)
    # Some 30 ms on a quiet host, and an emulated one is 25 times slower.
    assert took < 5


def test_as_runc_has_it(runtime, bundle, make_bundle, reference):
    """What runc copies, is the same here but for times, which it does not keep."""
    found = {}
    for other in (runtime, reference("runc")):
        bundle = make_bundle()
        top = bundle.rootfs / "var"
        top.mkdir()
        make_tree(top)
        for name in ("fifo", "socket", "device", "sparse"):  # it fails at these
            (top / name).unlink()
        (top / "deep").chmod(0o755)  # and loses the sticky bit
        bundle.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup", "nodev"])
        bundle.write()
        other.create(bundle.dir, bundle.id)
        pid = other.pid(bundle.dir, bundle.id)
        tree = describe(Path(f"/proc/{pid}/root/var"))
        found[other.name] = {name: entry[:5] + (len(entry[6] or ""),) for name, entry in tree.items()}
        end(other, bundle, pid)
        shutil.rmtree(top)
    assert found["apus"] == found["runc"]
