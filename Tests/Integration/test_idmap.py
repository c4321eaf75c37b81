"""Mounts with mapped IDs. What they are mapped to is looked at in the container, what it writes on the host."""

import json
import os
import subprocess
import uuid

import pytest
from conftest import compile_c
from harness.runtime import Footprint

RANGE = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def mapping(inside, outside, size):
    return [{"containerID": inside, "hostID": outside, "size": size}]


@pytest.fixture
def source(bundle):
    """A directory of the host's with a file of 5:6 and a directory of root's."""
    path = bundle.host_directory("source")
    (path / "file").write_text("text\n")
    os.chown(path / "file", 5, 6)
    (path / "sub").mkdir()
    return path


@pytest.fixture
def scratch_mount(workplace):
    """Called with a path, a file system and options: mounts there until the end of the test."""
    made = []

    def mount(path, kind="tmpfs", options="size=1m"):
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, "-o", options, kind, path], check=True)
        made.append(path)

    yield mount
    for path in reversed(made):
        subprocess.run(["umount", path], check=True)


def run(runtime, bundle, script):
    bundle.busybox("stat", "touch", "mkdir", "grep", "mount", "cat")
    bundle.sh(script)
    bundle.write()
    return runtime("run", "--bundle", bundle.dir, bundle.id, timeout=20)


# options, further fields, in a user namespace?, what 5:6 and 0:0 are in the container
CASES = {
    "of-the-container": (["rbind", "idmap"], {}, True, "5:6", "0:0"),
    "recursive": (["rbind", "ridmap"], {}, True, "5:6", "0:0"),
    "own": (["bind"], {"uidMappings": mapping(0, 3000, 100), "gidMappings": mapping(0, 4000, 100)}, False,
            "3005:4006", "3000:4000"),
    "own-in-user-namespace": (["bind", "idmap"], {"uidMappings": mapping(0, 100007, 100), "gidMappings": mapping(0, 100008, 100)},
                              True, "12:14", "7:8"),
    "not-mapped": (["bind"], {"uidMappings": mapping(0, 3000, 1), "gidMappings": mapping(6, 4000, 1)}, False,
                   "65534:4000", "3000:65534"),
    "crun": (["bind", "idmap=uids=0-3000-1#5-77-1;gids=0-0-10"], {}, False, "77:6", "3000:0"),
    "crun-relative": (["bind", "idmap=uids=@0-1-100;gids=@0-2-100"], {}, True, "6:8", "1:2"),
}


@pytest.mark.parametrize("case", CASES)
def test_owners(runtime, bundle, source, case):
    options, more, user_namespace, file, directory = CASES[case]
    if user_namespace:
        bundle.user_namespace()
    bundle.mount("/mapped", "bind", source, options, **more)
    result = run(runtime, bundle, "stat -c %u:%g /mapped/file /mapped/sub; grep -c ' /mapped .*idmapped' /proc/self/mountinfo")
    assert result.out == f"{file}\n{directory}\n1\n", result


def test_what_the_container_writes_is_its_own_outside(runtime, bundle, source):
    bundle.user_namespace()
    bundle.mount("/mapped", "bind", source, ["rbind", "idmap"])
    result = run(runtime, bundle, "touch /mapped/new && mkdir /mapped/sub/dir && stat -c %u:%g /mapped/new")
    assert result.out == "0:0\n", result
    for path in (source / "new", source / "sub/dir"):
        assert (path.stat().st_uid, path.stat().st_gid) == (0, 0)


def test_unmapped_root_of_the_host_can_write_nothing(runtime, bundle, source):
    """Without a mapping the files are nobody's, which the mapping is for."""
    bundle.user_namespace()
    bundle.mount("/plain", "bind", source, ["rbind"])
    result = run(runtime, bundle, "stat -c %u:%g /plain/sub; touch /plain/new || echo refused")
    assert result.out == "65534:65534\nrefused\n", result


def test_a_file_and_a_read_only_mount(runtime, bundle, source):
    bundle.user_namespace()
    bundle.mount("/etc/file", "bind", source / "file", ["bind", "idmap", "ro", "noexec"])
    result = run(runtime, bundle, "stat -c %u:%g /etc/file; touch /etc/file; grep -o 'ro,noexec,relatime,idmapped' /proc/self/mountinfo")
    assert result.out == "5:6\nro,noexec,relatime,idmapped\n" and "Read-only" in result.err, result



@pytest.mark.newer_kernel
@pytest.mark.parametrize("options, mode", [([], "755"), (["mode=700"], "700"), (["ro"], "755")])
def test_a_new_tmpfs(runtime, bundle, options, mode):
    bundle.user_namespace()
    bundle.mount("/data", "tmpfs", "named", ["idmap", "size=1m", "nosuid", *options])
    result = run(runtime, bundle, "stat -c '%a %u:%g' /data; touch /data/new && stat -c %u:%g /data/new;"
                 "grep -o '/data .*idmapped.*tmpfs named.*size=1024k' /proc/self/mountinfo | grep -c nosuid")
    written = "" if "ro" in options else "0:0\n"
    assert result.out == f"{mode} 0:0\n{written}1\n", result
    assert ("Read-only" in result.err) == ("ro" in options)


@pytest.mark.newer_kernel
def test_the_covered_content_on_a_mapped_tmpfs(runtime, bundle):
    bundle.user_namespace()
    os.chown(bundle.rootfs / "data/file", 100003, 100004)
    (bundle.rootfs / "data").chmod(0o711)
    bundle.mount("/data", "tmpfs", "tmpfs", ["idmap", "tmpcopyup"])
    result = run(runtime, bundle, "stat -c '%a %u:%g' /data /data/file; cat /data/sub/file")
    assert result.out == "711 0:0\n644 3:4\ndata\n", result


@pytest.mark.newer_kernel
@pytest.mark.parametrize("option, below", [("idmap", "0:0"), ("ridmap", "3000:3000")])
def test_mounts_below(runtime, bundle, source, scratch_mount, option, below):
    scratch_mount(source / "sub")
    more = {"uidMappings": mapping(0, 3000, 100), "gidMappings": mapping(0, 3000, 100)}
    bundle.mount("/mapped", "bind", source, ["rbind", option], **more)
    result = run(runtime, bundle, "stat -c %u:%g /mapped /mapped/sub")
    assert result.out == f"3000:3000\n{below}\n", result


def test_nothing_mounted_below_shows_on_the_host(runtime, bundle, source, scratch_mount):
    """A mount made in the host's namespace is a peer of what it is a copy of, until it is told not to be."""
    shared = bundle.host_directory("shared")
    subprocess.run(["mount", "--bind", shared, shared], check=True)
    subprocess.run(["mount", "--make-shared", shared], check=True)
    try:
        (shared / "sub").mkdir()
        bundle.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}
        more = {"uidMappings": RANGE, "gidMappings": RANGE}
        bundle.mount("/mapped", "bind", shared, ["rbind"], **more)
        bundle.mount("/propagated", "bind", shared, ["rbind", "shared"], **more)
        result = run(runtime, bundle, "for d in mapped propagated; do mount -t tmpfs inner /$d/sub && echo mounted;"
                     "while read line; do case \"$line\" in *inner*) echo \"$line\" >&2;; esac; done </proc/self/mountinfo; done")
        assert result.out == "mounted\nmounted\n", result
        assert not [line for line in open("/proc/self/mountinfo") if "inner" in line or f"{shared}/sub" in line]
    finally:
        subprocess.run(["umount", "-R", shared], check=True)


@pytest.mark.parametrize("more, pointer", [
    ({}, "/mounts/7/options"), ({"uidMappings": RANGE, "gidMappings": RANGE}, "/mounts/7/uidMappings"),
])
@pytest.mark.parametrize("kind, where", [("bind", "/proc"), ("ramfs", "ramfs")])
def test_a_file_system_that_cannot(runtime, bundle, kind, where, more, pointer):
    bundle.user_namespace()
    bundle.mount("/mapped", kind, where, ["idmap"], **more)
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, timeout=20)
    name = "proc" if kind == "bind" else kind
    assert result.code == 1 and pointer in result.err and "EINVAL" in result.err and name in result.err, result
    footprint.assert_clean()


@pytest.mark.parametrize("kind, source, options, words", [
    ("bind", "/nowhere-at-all", ["idmap"], ["/mounts/7/source", "ENOENT"]),
    ("tmpfs", "tmpfs", ["idmap", "sise=1"], ["/mounts/7", "EINVAL", "sise"]),
    ("nofs", "x", ["idmap"], ["/mounts/7", "ENODEV", "nofs"]),
])
def test_what_cannot_be_made_is_said_before_anything_is(runtime, bundle, kind, source, options, words):
    bundle.user_namespace()
    bundle.mount("/mapped", kind, source, options)
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, timeout=20)
    assert result.code == 1 and all(word in result.err for word in words), result
    assert not (runtime.root / bundle.id).exists()
    footprint.assert_clean()


def test_a_joined_user_namespace(runtime, make_bundle, source):
    """`idmap` without mappings takes those of the namespace that the container joins."""
    holder = subprocess.Popen(["unshare", "--user", "sleep", "1000"], stdin=subprocess.DEVNULL)
    try:
        while os.readlink(f"/proc/{holder.pid}/ns/user") == os.readlink("/proc/self/ns/user"):
            pass
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{holder.pid}/{name}", "w") as file:
                file.write("0 100000 65536\n")
        bundle = make_bundle(f"j{uuid.uuid4().hex[:8]}")
        bundle.user_namespace()
        bundle.linux["namespaces"][-1]["path"] = f"/proc/{holder.pid}/ns/user"
        del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
        bundle.mount("/mapped", "bind", source, ["idmap"])
        result = run(runtime, bundle, "stat -c %u:%g /mapped/file")
        assert result.out == "5:6\n", result
    finally:
        holder.kill()
        holder.wait()


def test_a_kernel_without(runtime, bundle, source, workplace):
    nosys = compile_c("nosys.c", workplace)
    bundle.user_namespace()
    bundle.mount("/mapped", "bind", source, ["idmap"])
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, prefix=[str(nosys), "mount_setattr"], timeout=20)
    assert result.code == 1 and "/mounts/7/options" in result.err and "Linux 5.12" in result.err, result
    footprint.assert_clean()


@pytest.mark.parametrize("more, pointer", [
    ({}, "/mounts/7/options"), ({"uidMappings": RANGE, "gidMappings": RANGE}, "/mounts/7/uidMappings"),
])
def test_only_the_hosts_root_can(runtime, bundle, source, more, pointer):
    bundle.user_namespace()
    bundle.mount("/mapped", "bind", source, ["idmap"], **more)
    bundle.write()
    result = runtime("plan", "--bundle", bundle.dir, prefix=["unshare", "--user", "--map-root-user", "--mount"])
    assert result.code == 1 and pointer in result.err and "only the host's root" in result.err, result


def test_features_tell_the_truth(runtime):
    features = runtime("features", check=True).out
    assert '"idmap"' in features and '"ridmap"' in features

    assert json.loads(features)["linux"]["mountExtensions"]["idmap"]["enabled"] is True
