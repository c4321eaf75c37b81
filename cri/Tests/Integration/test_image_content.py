"""What comes of layers: whiteouts, links, attributes, devices and long names, each seen in a container."""

import os
import stat

import pytest


@pytest.fixture
def odd(rig):
    """The root directory of a container of the odd image, as the test process reaches it."""
    container = rig.pod().start("sleep", "1000", image="layers:latest")
    return container.proc("root") / "odd"


def names(path):
    return sorted(os.listdir(path))


def test_whiteouts(odd):
    assert not os.path.lexists(odd / "removed")
    assert not os.path.lexists(odd / "gone")
    assert not [name for _, _, files in os.walk(odd) for name in files if name.startswith(".wh.")]


def test_an_opaque_directory(odd):
    assert names(odd / "opaque") == ["above"]
    assert stat.S_IMODE(os.stat(odd / "opaque").st_mode) == 0o751


def test_directories_are_merged(odd):
    assert names(odd / "kept") == ["a", "b"]


def test_what_changed_its_kind(odd):
    assert (odd / "was-file/now").read_text() == "directory"
    assert os.readlink(odd / "was-directory") == "kept"
    assert (odd / "changed").read_text() == "after" and stat.S_IMODE(os.stat(odd / "changed").st_mode) == 0o644


def test_hard_links(odd):
    first = os.stat(odd / "first")
    assert first.st_nlink == 3
    assert first.st_ino == os.stat(odd / "second").st_ino == os.stat(odd / "third").st_ino
    assert (odd / "third").read_text() == "linked"
    assert (stat.S_IMODE(first.st_mode), first.st_uid, first.st_gid) == (0o640, 7, 8)


def test_extended_attributes(odd):
    # What overlayfs stacks on has no attributes of users' own on every file system: trusted ones are needed anyway.
    assert os.getxattr(odd / "capable", "security.capability")[4:8] == b"\0\4\0\0"
    assert os.getxattr(odd / "capable", "user.note") == b"said"


def test_modes(odd):
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755), ("sticky", 0o1777)):
        assert stat.S_IMODE(os.stat(odd / name).st_mode) == mode, name


def test_special_files(odd):
    found = os.lstat(odd / "null")
    assert stat.S_ISCHR(found.st_mode) and (os.major(found.st_rdev), os.minor(found.st_rdev)) == (1, 3)
    assert stat.S_ISFIFO(os.lstat(odd / "fifo").st_mode)


def test_links_that_lead_nowhere(odd):
    assert os.readlink(odd / "dangling") == "/nowhere/at/all"


def test_long_and_foreign_names(odd):
    path = odd / "long"
    for _ in range(3):
        path = path / ("d" * 100)
    assert path.read_text() == "long"
    assert (odd / "ünï-✓").read_text() == "name"


def test_large_ids(odd):
    found = os.stat(odd / "big-ids")
    assert (found.st_uid, found.st_gid) == (2_000_000, 3_000_000)


def test_times(odd):
    assert os.stat(odd / "first").st_mtime == 1_600_000_000
    assert os.lstat(odd / "dangling").st_mtime == 1_600_000_000
    assert os.stat(odd / "sticky").st_mtime == 1_600_000_000
