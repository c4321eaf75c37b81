"""`mounts add` and `mounts remove`: mounts of a container that runs already."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import compile_c
from harness.runtime import Footprint, reap


@pytest.fixture
def container(runtime, bundle):
    """Called with a function that edits the bundle: a running container of it. Has its verbs."""

    class Container:
        bundle = None

        def __call__(self, edit=lambda b: None, start=True):
            self.bundle, self.dir = bundle, bundle.dir
            bundle.busybox("sleep", "cat", "stat", "touch", "ls", "grep", "mount", "umount", "sh")
            bundle.process["args"] = ["/bin/sleep", "1000"]
            edit(bundle)
            bundle.write()
            runtime.create(bundle.dir, bundle.id)
            self.pid = runtime.pid(bundle.dir, bundle.id)
            if start:
                runtime("start", bundle.id, check=True)
            return self

        def change(self, word, mounts, **more):
            text = mounts if isinstance(mounts, str) else json.dumps(mounts)
            return runtime("mounts", word, bundle.id, "-", input=text.encode(), timeout=20, **more)

        def add(self, *mounts):
            return self.change("add", list(mounts), check=True)

        def remove(self, *paths):
            return self.change("remove", [{"destination": p} for p in paths], check=True)

        def sh(self, script):
            return runtime("exec", bundle.id, "/bin/sh", "-c", script).out

        def mounts(self):
            """Mount points and what mountinfo says of them."""
            found = {}
            for line in Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines():
                fields, file_system = (part.split() for part in line.split(" - "))
                found[fields[4]] = (fields[5], " ".join(fields[6:]), file_system[0], file_system[2])
            return found

        def path(self, path):
            return Path(f"/proc/{self.pid}/root{path}")

    made = Container()
    yield made
    if made.bundle:
        runtime("delete", "--force", bundle.id, check=True)
        reap(made.pid)


def bind(source, destination, *options, **more):
    return {"destination": destination, "type": "bind", "source": str(source), "options": list(options), **more}


def tmpfs(destination, *options):
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


@pytest.fixture
def source(bundle):
    path = bundle.host_directory("source")
    (path / "file").write_text("text\n")
    (path / "sub").mkdir()
    return path


@pytest.mark.parametrize("state", ["created", "running", "paused"])
@pytest.mark.parametrize("user_namespace", [False, True])
def test_add_and_remove(runtime, container, source, state, user_namespace):
    container(lambda b: b.user_namespace() if user_namespace else None, start=state != "created")
    before = container.mounts()
    if state == "paused":
        runtime("pause", container.bundle.id, check=True)
    container.add(bind(source, "/made/dir", "ro", "nosuid"), tmpfs("/data", "size=1m", "noexec", "mode=750"),
                  bind(source / "file", "/etc/new", "bind", "nodev"))
    found = container.mounts()
    assert found["/made/dir"][0] == "ro,nosuid,relatime" and found["/etc/new"][0] == "rw,nodev,relatime"
    assert found["/data"][0] == "rw,noexec,relatime" and "size=1024k" in found["/data"][3]
    owner = 100000 if user_namespace else 0
    assert container.path("/data").stat().st_uid == owner and container.path("/data").stat().st_mode & 0o777 == 0o750
    assert container.path("/etc/new").read_text() == "text\n"
    assert set(found) - set(before) == {"/made/dir", "/data", "/etc/new"}
    container.remove("/etc/new", "/made/dir", "/data")
    assert container.mounts() == before
    if state == "paused":
        runtime("resume", container.bundle.id, check=True)


def test_a_file_and_its_errors(runtime, container, source, tmp_path):
    container()
    file = tmp_path / "mounts.json"
    file.write_text(json.dumps([bind(source, "/mnt")]))
    runtime("mounts", "add", container.bundle.id, file, check=True)
    assert "/mnt" in container.mounts()
    for arguments, words in [
        (("add", container.bundle.id, tmp_path / "absent"), "ENOENT"), (("add", "nobody", file), "does not exist"),
        (("bend", container.bundle.id, file), "mounts bend"), (("add", container.bundle.id), "exactly 3"),
        (("add", container.bundle.id, tmp_path), "EISDIR"),
    ]:
        result = runtime("mounts", *arguments)
        assert result.code == 1 and words in result.err, result


def test_of_a_container_that_has_stopped(runtime, container, source):
    container()
    os.kill(container.pid, signal.SIGKILL)
    runtime.wait_for_status(container.bundle.id, "stopped")
    for word in ("add", "remove"):
        result = container.change(word, [bind(source, "/mnt")])
        assert result.code == 1 and "not running" in result.err, result


@pytest.mark.parametrize("mounts, words", [
    ("{}", ["array"]), ("[", []), ("[{}]", ["/0/destination"]), ('[{"destination": "/"}]', ["/0/destination"]),
    ([tmpfs("/mnt", "sise=1")], ["/0", "EINVAL", "sise"]), ([bind("/nowhere", "/mnt")], ["/0/source", "ENOENT"]),
    ([{"destination": "/mnt", "type": "proc"}], ["/0/type", "proc"]),
    ([{"destination": "/mnt", "type": "cgroup"}], ["/0/type", "cgroup"]),
    ([{"destination": "/mnt", "options": ["remount", "ro"]}], ["/0/options", "remount"]),
    ([bind("/etc", "/mnt", "copy-symlink")], ["/0/options", "copy-symlink"]),
    ([bind("/etc/passwd", "/mnt")], ["/0", "/mnt", "directory"]),
    ([bind("/etc", "/proc/fs")], ["/0", "/proc"]),
    ([tmpfs("/mnt", "idmap")], ["/0", "mapping"]),
], ids=str)
def test_what_cannot_be_added(runtime, container, mounts, words):
    container()
    before = container.mounts()
    result = container.change("add", mounts)
    assert result.code == 1 and all(word in result.err for word in words), result
    assert container.mounts() == before


def test_all_or_none(runtime, container, source):
    """What was mounted before the one that fails goes again; what was there before stays."""
    container(lambda b: b.mount("/mnt", "tmpfs", "tmpfs", ["size=64k"]))
    before = container.mounts()
    result = container.change("add", [bind(source, "/data"), tmpfs("/mnt", "size=1m"), tmpfs("/new/one"), tmpfs("/x", "no=1")])
    assert result.code == 1 and "/3" in result.err, result
    assert container.mounts() == before
    result = container.change("add", [bind(source, "/data"), tmpfs("/mnt/../mnt", "sise=1m")])
    assert result.code == 1 and "/1" in result.err, result
    assert container.mounts() == before


@pytest.mark.parametrize("paths, words", [
    (["/data"], ["/0/destination", "not a mount point"]), (["/absent"], ["/0/destination", "ENOENT"]),
    (["/data/file"], ["not a mount point"]), (["/mnt", "/mnt"], ["/1/destination", "not a mount point"]),
])
def test_what_cannot_be_removed(runtime, container, paths, words):
    container(lambda b: b.mount("/mnt", "tmpfs", "tmpfs", []))
    result = container.change("remove", [{"destination": path} for path in paths])
    assert result.code == 1 and all(word in result.err for word in words), result


def test_one_over_the_other(runtime, container, source):
    container()
    container.add(tmpfs("/mnt", "size=1m"), bind(source, "/mnt"))
    assert container.sh("cat /mnt/file") == "text\n"
    container.remove("/mnt")
    assert "size=1024k" in container.mounts()["/mnt"][3]
    container.remove("/mnt")
    assert "/mnt" not in container.mounts()


def test_a_busy_mount_goes(runtime, container, source):
    def edit(bundle):
        bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
        bundle.process["cwd"] = "/data/sub"

    container(edit)
    container.remove("/data")
    assert "/data" not in container.mounts()


def test_extensions(runtime, container, source):
    """ID maps, links, a copy of what is covered, attributes of the tree, read-only ones that are filled first."""
    (source / "link").symlink_to("file")
    os.chown(source / "file", 5, 6)
    container(lambda b: b.user_namespace())
    os.chown(container.bundle.rootfs / "data/file", 100007, 100008)
    container.add(
        bind(source, "/mapped", "rbind", "idmap"), bind(source / "link", "/mnt/link", "src-nofollow"),
        tmpfs("/data", "tmpcopyup", "ro"), bind(source, "/attributes", "rbind", "rro", "rnosuid", "shared"))
    assert container.sh("stat -c %u:%g /mapped/file /data/file; cat /data/sub/file") == "5:6\n7:8\ndata\n"
    assert container.sh("touch /mapped/new && stat -c %u /mapped/new; touch /data/x || echo refused") == "0\nrefused\n"
    assert (source / "new").stat().st_uid == 0
    assert os.readlink(container.path("/mnt/link")) == "file"
    attributes, propagation, *_ = container.mounts()["/attributes"]
    assert attributes == "ro,nosuid,relatime" and "shared:" in propagation
    container.remove("/mnt/link", "/mapped", "/data", "/attributes")
    assert container.sh("stat -c %F /mnt/link; cat /data/file") == "regular empty file\ndata\n"


def test_a_sysfs_is_of_the_container(runtime, container):
    container()
    container.add({"destination": "/mnt", "type": "sysfs", "source": "sysfs", "options": ["ro"]})
    assert container.sh("ls /mnt/class/net") == "lo\n"


def test_nothing_shows_on_the_host(runtime, container, bundle):
    """A source that is shared on the host: what the container mounts below it is its own."""
    shared = bundle.host_directory("shared")
    (shared / "sub").mkdir()
    subprocess.run(["mount", "--bind", shared, shared], check=True)
    subprocess.run(["mount", "--make-shared", shared], check=True)
    try:
        container(lambda b: b.process.__setitem__(
            "capabilities", {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}))
        footprint = Footprint(runtime, bundle.id)
        container.add(bind(shared, "/mnt", "rbind"), bind(shared, "/data", "rbind", "shared"))
        assert container.sh("mount -t tmpfs inner /mnt/sub && mount -t tmpfs inner /data/sub && echo mounted") == "mounted\n"
        assert footprint.left_behind().get("mounts") is None
    finally:
        subprocess.run(["umount", "-R", shared], check=True)


def test_links_of_the_container_lead_nowhere(runtime, container, bundle, source):
    outside = bundle.host_directory("outside")
    container()
    os.symlink("../" * 20 + str(outside).lstrip("/"), container.path("/way"))
    container.add(tmpfs("/way/target"), bind(source, "/way/dir"))
    assert os.listdir(outside) == []
    assert {f"{outside}/target", f"{outside}/dir"} <= set(container.mounts())
    container.remove("/way/target", "/way/dir")
    assert not {f"{outside}/target", f"{outside}/dir"} & set(container.mounts())


def test_a_target_that_is_exchanged_meanwhile(runtime, container, bundle, source, workplace):
    """Processes of the container exchange a directory of the way and a link; the mount is there or nowhere."""
    exchange = compile_c("exchange.c", workplace)
    volume, outside = bundle.host_directory("volume"), bundle.host_directory("outside")
    (volume / "way/target").mkdir(parents=True)
    (volume / "link").symlink_to("../" * 20 + str(outside).lstrip("/"))
    container(lambda b: b.mount("/volume", "bind", volume, ["bind"]))
    before = container.mounts()
    racer = subprocess.Popen([exchange, volume, "way", "link"], stdin=subprocess.DEVNULL)
    counts = {"added": 0, "refused": 0}
    try:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            result = container.change("add", [bind(source, "/volume/way/target")])
            made = set(container.mounts()) - set(before)
            if result.code:
                assert not made, (result, made)
                counts["refused"] += 1
                continue
            counts["added"] += 1
            # Wherever it is, it is in the container; there it is looked for by the name it has now.
            (name,) = made
            assert name in ("/volume/way/target", "/volume/link/target", f"{outside}/target"), name
            subprocess.run(["nsenter", f"--mount=/proc/{container.pid}/ns/mnt", f"--root=/proc/{container.pid}/root",
                            "/bin/busybox", "umount", "-l", name], check=False)
            made = set(container.mounts()) - set(before)
            while made:
                racer.send_signal(signal.SIGSTOP)
                for name in {n.replace("/link/", "/way/") for n in made} | made:
                    container.change("remove", [{"destination": name}])
                racer.send_signal(signal.SIGCONT)
                made = set(container.mounts()) - set(before)
    finally:
        racer.kill()
        racer.wait()
    assert os.listdir(outside) == [] and counts["added"], counts


def test_nobody_in_the_container_sees_the_helper(runtime, container, source):
    """It is in none of the container's pid namespace, so that no process of the container can look into it."""
    container(lambda b: b.process.__setitem__("args", [
        "/bin/sh", "-c", "exec >/run/seen; while :; do set -- /proc/[0-9]*; [ $# = 1 ] || echo $*; done"]))
    for _ in range(20):
        container.add(bind(source, "/mnt"), tmpfs("/data"))
        container.remove("/mnt", "/data")
    assert container.path("/run/seen").read_text() == ""
    # It is awake: a process that does join is seen.
    container.sh("sleep 0.5")
    assert "/proc/1 " in container.path("/run/seen").read_text()


def test_a_container_without_a_mount_namespace(runtime, container, source):
    def edit(bundle):
        bundle.without("mount")
        bundle.config["mounts"] = []
        bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []

    container(edit)
    result = container.change("add", [bind(source, "/mnt")])
    assert result.code == 1 and "mount namespace" in result.err, result
