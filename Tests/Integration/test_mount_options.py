"""Every option of the specification's table of mount options (config.md, "Linux mount options"): what it says is
what the container observes, by mountinfo of its own mounts, recursive ones on a mount below as well."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from harness.runtime import reap

# option -> what of mountinfo's field "mount options" is there, and is not there
ATTRIBUTES = {
    "ro": ("ro", "rw"), "rw": ("rw", "ro"), "nosuid": ("nosuid", ""), "suid": ("", "nosuid"), "nodev": ("nodev", ""),
    "dev": ("", "nodev"), "noexec": ("noexec", ""), "exec": ("", "noexec"), "nosymfollow": ("nosymfollow", ""),
    "symfollow": ("", "nosymfollow"), "nodiratime": ("nodiratime", ""), "diratime": ("", "nodiratime"),
    "noatime": ("noatime", "relatime"), "atime": ("relatime", "noatime"), "relatime": ("relatime", "noatime"),
    "norelatime": ("", "noatime"), "strictatime": ("", "noatime relatime"), "nostrictatime": ("relatime", "noatime"),
    "defaults": ("rw relatime", "ro nosuid nodev noexec noatime"),
}
RECURSIVE = {
    f"r{option}": found for option, found in ATTRIBUTES.items() if option != "defaults"
}
# option -> what of mountinfo's field "super options" is there, and is not there, on a new file system
SUPER = {
    "sync": ("sync", ""), "async": ("", "sync"), "dirsync": ("dirsync", ""), "lazytime": ("lazytime", ""),
    "nolazytime": ("", "lazytime"), "silent": ("", ""), "loud": ("", ""), "iversion": ("", ""), "noiversion": ("", ""),
    "mand": ("", ""), "nomand": ("", ""), "acl": ("", ""), "noacl": ("", ""),
}
# option -> the optional field of mountinfo: all of them begin as slaves of nothing
PROPAGATION = {"shared": "shared:", "private": "", "slave": "", "unbindable": "unbindable"}

# A word that undoes the option, given before it.
OPPOSITE = {
    "rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "symfollow": "nosymfollow", "diratime": "nodiratime",
    "atime": "noatime", "relatime": "noatime", "norelatime": "noatime", "nostrictatime": "strictatime", "async": "sync",
    "nolazytime": "lazytime",
}


@pytest.fixture
def observe(runtime, bundle):
    """Called with mounts: creates a container of them, and gives mountinfo by mount point."""
    created = []

    def look(*mounts):
        for mount in mounts:
            bundle.mount(*mount)
        bundle.write()
        runtime.create(bundle.dir, bundle.id)
        pid = runtime.pid(bundle.dir, bundle.id)
        created.append(pid)
        found = {}
        for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
            fields, file_system = (part.split() for part in line.split(" - "))
            found[fields[4]] = (set(fields[5].split(",")), " ".join(fields[6:]), set(file_system[2].split(",")))
        return found

    yield look
    for pid in created:
        runtime("delete", "--force", bundle.id, check=True)
        reap(pid)


@pytest.fixture
def nested(bundle):
    """A directory of the host with a mount below it that has attributes of its own."""
    top = bundle.host_directory("nested")

    def make(options):
        (top / "below").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "below", top / "below"], check=True)
        return top

    yield make
    subprocess.run(["umount", top / "below"], check=True)


def check(found, expected):
    present, absent = (set(words.split()) for words in expected)
    assert present <= found and not absent & found, (found, expected)


def test_on_a_new_file_system(observe):
    mounts = [(f"/m/{option}", "tmpfs", "tmpfs", [option]) for option in ATTRIBUTES]
    found = observe(*mounts)
    for option, expected in ATTRIBUTES.items():
        check(found[f"/m/{option}"][0], expected)


def test_the_opposite_before_it(observe):
    """The last word counts."""
    found = observe(*((f"/m/{option}", "tmpfs", "tmpfs", [other, option]) for option, other in OPPOSITE.items()))
    for option in OPPOSITE:
        attributes, _, super_options = found[f"/m/{option}"]
        check(attributes if option in ATTRIBUTES else super_options, {**ATTRIBUTES, **SUPER}[option])


def test_on_a_bind_mount(observe, nested):
    """The mount itself changes, and nothing below; a word that clears takes off what the source has."""
    source = nested("nosuid,nodev,noexec,noatime")
    found = observe(*((f"/m/{option}", "bind", source / "below", ["bind", option]) for option in ATTRIBUTES),
                    ("/deep", "bind", source, ["rbind", "ro", "nosuid", "nodev", "noexec", "nosymfollow"]))
    for option in ("suid", "dev", "exec", "nosymfollow", "ro", "nodiratime", "relatime", "atime", "strictatime"):
        check(found[f"/m/{option}"][0], ATTRIBUTES[option])
    # Nothing said, nothing changed.
    check(found["/m/defaults"][0], ("rw nosuid nodev noexec noatime", ""))
    check(found["/m/ro"][0], ("ro nosuid nodev noexec noatime", ""))
    check(found["/deep"][0], ("ro nosuid nodev noexec nosymfollow", ""))
    check(found["/deep/below"][0], ("rw nosuid nodev noexec noatime", "ro nosymfollow"))


@pytest.mark.parametrize("way", ["set", "clear"])
def test_recursive_ones_reach_the_mount_below(observe, nested, way):
    source = nested("rw,relatime" if way == "set" else "ro,nosuid,nodev,noexec,nodiratime,noatime,nosymfollow")
    options = [o for o in RECURSIVE if (o.startswith("rno") or o in ("rro", "rstrictatime")) == (way == "set")]
    assert len(options) > 7
    found = observe(*((f"/m/{option}", "bind", source, ["rbind", option]) for option in options))
    for option in options:
        for path in (f"/m/{option}", f"/m/{option}/below"):
            check(found[path][0], RECURSIVE[option])


def test_recursive_ones_on_a_new_file_system(observe):
    found = observe(*((f"/m/{option}", "tmpfs", "tmpfs", [option]) for option in RECURSIVE))
    for option, expected in RECURSIVE.items():
        check(found[f"/m/{option}"][0], expected)


def test_of_the_super_block(observe):
    found = observe(*((f"/m/{option}", "tmpfs", "tmpfs", [option, "size=64k"]) for option in SUPER))
    for option, expected in SUPER.items():
        check(found[f"/m/{option}"][2], expected)
        assert "size=64k" in found[f"/m/{option}"][2], option


@pytest.mark.parametrize("option", PROPAGATION)
def test_propagation(observe, nested, option):
    source = nested("rw")
    found = observe(("/m/new", "tmpfs", "tmpfs", [option]), ("/m/flat", "bind", source, ["rbind", option]),
                    ("/m/deep", "bind", source, ["rbind", f"r{option}"]))
    expected = PROPAGATION[option]
    for path in ("/m/new", "/m/flat", "/m/deep", "/m/deep/below"):
        words = [word for word in found[path][1].split() if not word.startswith("master:")]
        assert [re.sub(r"\d+", "", word) for word in words] == ([expected] if expected else []), (path, found[path])
    if option == "shared":
        assert "shared:" not in found["/m/flat/below"][1]


def test_remount(observe, nested):
    source = nested("rw")
    found = observe(
        ("/m/bind", "bind", source, ["rbind"]), ("/m/bind", "bind", None, ["remount", "bind", "ro", "nosuid"]),
        ("/m/tmpfs", "tmpfs", "tmpfs", ["size=1m"]), ("/m/tmpfs", "tmpfs", "tmpfs", ["remount", "size=2m", "noexec"]))
    check(found["/m/bind"][0], ("ro nosuid", ""))
    check(found["/m/bind/below"][0], ("rw", "nosuid"))
    check(found["/m/tmpfs"][0], ("noexec rw", ""))
    assert "size=2048k" in found["/m/tmpfs"][2]


def test_what_links_and_times_do(runtime, bundle):
    """Beside what mountinfo says, what the attributes are for."""
    for directory in ("plain", "nosymfollow"):
        (bundle.host_directory(directory) / "file").write_text("text\n")
        (bundle.dir / directory / "link").symlink_to("file")
        bundle.mount(f"/{directory}", "bind", bundle.dir / directory, ["bind"] + ([directory] if directory != "plain" else []))
    bundle.busybox("cat")
    bundle.sh("cat /plain/link; cat /nosymfollow/link || echo refused")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.out == "text\nrefused\n", result


def test_cgroup_of_another_owner(runtime, bundle):
    """A cgroup namespace of the host's cannot be mounted from a user namespace (EPERM): the container's own part of
    the tree is bound instead, read-only as asked, and no more of it (CVE-2023-25809)."""
    bundle.user_namespace()
    bundle.without("cgroup")
    bundle.linux["namespaces"].append({"type": "cgroup", "path": f"/proc/{os.getpid()}/ns/cgroup"})
    bundle.busybox("cat", "grep", "mkdir")
    bundle.sh("grep ' /sys/fs/cgroup ' /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x || echo refused")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0, result
    line, *rest = result.out.splitlines()
    assert line.split()[3].endswith(f"apus-test/{bundle.id}") and line.split()[5].startswith("ro,"), result
    assert "1" in rest and rest[-1] == "refused" and "Read-only" in result.err, result


def test_a_source_that_is_closed_to_the_user_namespace(runtime, bundle):
    """Engines keep a container's files in directories of the host's root alone, and so does a link of a user's lead there."""
    bundle.user_namespace()
    directory = bundle.host_directory("closed/by/root")
    (directory / "file").write_text("text\n")
    (bundle.dir / "closed").chmod(0o700)
    (bundle.dir / "link").symlink_to("closed/by/root")
    bundle.mount("/etc/file", "bind", directory / "file", ["bind", "ro"])
    bundle.mount("/directory", "bind", bundle.dir / "link", ["rbind", "rprivate", "nodev"])
    bundle.busybox("cat", "grep")
    bundle.sh("cat /etc/file /directory/file; grep -o ' /etc/file ro\\| /directory rw,nodev' /proc/self/mountinfo; echo >/etc/file")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.out == "text\ntext\n /etc/file ro\n /directory rw,nodev\n" and "Read-only" in result.err, result


def test_all_of_the_table_are_features(runtime):
    listed = set(json.loads(runtime("features", check=True).out)["mountOptions"])
    table = {*ATTRIBUTES, *RECURSIVE, *SUPER, *PROPAGATION, *(f"r{o}" for o in PROPAGATION), "bind", "rbind", "remount",
             "idmap", "ridmap", "tmpcopyup"}
    assert table - listed == set()


@pytest.mark.parametrize("asked, seen", [("shared", True), ("rshared", True), ("slave", False), (None, False)])
def test_a_shared_mount_of_a_shared_root(runtime, bundle, asked, seen):
    """It is a peer of the host's, as volumes with rshared are: mounts of the container's show there, and only there."""
    shared = bundle.host_directory("shared")
    subprocess.run(["mount", "--bind", shared, shared], check=True)
    try:
        subprocess.run(["mount", "--make-shared", shared], check=True)
        (shared / "sub").mkdir()
        bundle.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}
        if asked:
            bundle.linux["rootfsPropagation"] = asked
        bundle.mount("/v", "bind", shared, ["rbind", "rshared"])
        bundle.busybox("mount")
        bundle.sh("mount -t tmpfs inner /v/sub && echo mounted")
        bundle.write()
        result = runtime("run", "--bundle", bundle.dir, bundle.id)
        assert (result.code, result.out) == (0, "mounted\n"), result
        points = [line.split()[4] for line in open("/proc/self/mountinfo") if " inner " in line]
        assert points == ([f"{shared}/sub"] if seen else [])
    finally:
        subprocess.run(["umount", "-R", shared], check=True)
