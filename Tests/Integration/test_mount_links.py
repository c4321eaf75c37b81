"""Links as the source and as the destination of a bind mount: crun's `src-nofollow`, `dest-nofollow`, `copy-symlink`."""

import os
from pathlib import Path

import pytest
from harness.runtime import Footprint, reap


def result(runtime, bundle, script):
    bundle.busybox("readlink", "cat", "stat", "touch", "ls", "grep")
    bundle.sh(script)
    bundle.write()
    return runtime("run", "--bundle", bundle.dir, bundle.id, timeout=20)


@pytest.fixture
def host(bundle):
    path = bundle.host_directory("host")
    (path / "file").write_text("host\n")
    (path / "link").symlink_to("file")
    (path / "dangling").symlink_to("/nowhere")
    (path / "dir").mkdir()
    (path / "dir-link").symlink_to("dir")
    return path


@pytest.mark.parametrize("name, content", [("link", "file"), ("dangling", "/nowhere"), ("dir-link", "dir")])
def test_the_link_itself_is_mounted(runtime, bundle, host, name, content):
    bundle.mount("/mnt/made", "bind", host / name, ["bind", "src-nofollow"])
    bundle.mount("/data/file", "bind", host / name, ["rbind", "src-nofollow", "ro"])
    found = result(runtime, bundle, "readlink /mnt/made; readlink /data/file; grep -cE ' /(mnt/made|data/file) ' /proc/self/mountinfo")
    assert found.out == f"{content}\n{content}\n2\n", found


def test_what_is_no_link_is_mounted_as_ever(runtime, bundle, host):
    bundle.mount("/data/file", "bind", host / "file", ["bind", "src-nofollow", "dest-nofollow"])
    bundle.mount("/mnt", "bind", host / "dir", ["bind", "src-nofollow", "dest-nofollow"])
    bundle.mount("/data/sub", "bind", host / "dir", ["bind", "copy-symlink"])
    found = result(runtime, bundle, "cat /data/file; grep -cE ' /(mnt|data/file|data/sub) ' /proc/self/mountinfo")
    assert found.out == "host\n3\n", found


def test_the_target_is_the_link(runtime, bundle, host):
    """Followed, the link of the image would have its target covered; not followed, it is covered itself."""
    (bundle.rootfs / "there").symlink_to("/data/file")
    bundle.mount("/there", "bind", host / "file", ["bind", "dest-nofollow"])
    found = result(runtime, bundle, "cat /there /data/file; readlink /there || echo a file")
    assert found.out == "host\ndata\na file\n", found


def test_a_link_on_a_link(runtime, bundle, host):
    (bundle.rootfs / "there").symlink_to("/data/file")
    bundle.mount("/there", "bind", host / "dangling", ["bind", "src-nofollow", "dest-nofollow"])
    found = result(runtime, bundle, "readlink /there; cat /data/file")
    assert found.out == "/nowhere\ndata\n", found


@pytest.mark.parametrize("name, content", [("link", "file"), ("dangling", "/nowhere")])
def test_the_link_is_made_anew(runtime, bundle, host, name, content):
    (bundle.rootfs / "data/same").symlink_to(content)
    bundle.mount("/new/deep/made", "bind", host / name, ["bind", "copy-symlink", "ro"])
    bundle.mount("/data/same", "bind", host / name, ["rbind", "copy-symlink"])
    found = result(runtime, bundle, "readlink /new/deep/made; readlink /data/same; grep -cE ' /(new|data)' /proc/self/mountinfo")
    assert found.out == f"{content}\n{content}\n0\n", found
    assert os.readlink(bundle.rootfs / "new/deep/made") == content


@pytest.mark.parametrize("there", ["file", "directory", "other link"])
def test_what_is_there_already_stays(runtime, bundle, host, there):
    target = bundle.rootfs / "data/target"
    {"file": target.touch, "directory": target.mkdir, "other link": lambda: target.symlink_to("x")}[there]()
    bundle.mount("/data/target", "bind", host / "link", ["bind", "copy-symlink"])
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    refused = runtime.create(bundle.dir, bundle.id, check=False)
    assert refused.code == 1 and "/mounts/7" in refused.err and "/data/target: exists" in refused.err, refused
    footprint.assert_clean()


def test_the_way_to_the_link_stays_inside(runtime, bundle, host):
    """The directories of the way are the image's, and lead nowhere but inside."""
    outside = bundle.host_directory("outside")
    (bundle.rootfs / "out").symlink_to("../" * 20 + str(outside).lstrip("/"))
    for option in ("copy-symlink", "src-nofollow"):
        bundle.mount(f"/out/{option}", "bind", host / "dangling", ["bind", option])
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    within = Path(f"/proc/{pid}/root{outside}")
    assert sorted(os.listdir(within)) == ["copy-symlink", "src-nofollow"] and os.listdir(outside) == []
    assert {os.readlink(within / name) for name in os.listdir(within)} == {"/nowhere"}
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


@pytest.mark.parametrize("kind, options", [
    ("tmpfs", ["src-nofollow"]), ("tmpfs", ["dest-nofollow"]), ("tmpfs", ["copy-symlink"]), ("bind", ["tmpcopyup"]),
    ("ramfs", ["tmpcopyup"]), ("bind", ["copy-symlink", "src-nofollow"]), ("bind", ["copy-symlink", "dest-nofollow"]),
    ("bind", ["copy-symlink", "idmap"]),
])
def test_contradictions(runtime, bundle, kind, options):
    bundle.user_namespace()
    bundle.mount("/mnt", kind, "/etc", options)
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    refused = runtime.create(bundle.dir, bundle.id, check=False)
    assert refused.code == 1 and "/mounts/7/options" in refused.err, refused
    footprint.assert_clean()
