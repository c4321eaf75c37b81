"""Fixtures of the tests that drive the CRI daemon. They need root, loopback registries and CNI's plugins."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from harness import cgroups
from harness.daemons import chosen
from harness.rig import Rig

OURS = chosen().name == "apus-cri"


def pytest_configure(config):
    for name, what in {
        "slow": "takes more than some seconds; left out by scripts/test --quick",
        "limit(seconds)": "breaks the test off later than after 120 s",
        "only_ours(reason)": "of what Debian's containerd 1.6 does in another way (CRI_RIG=containerd leaves it out)",
        "controllers(*names)": "needs these cgroup controllers",
        "systemd": "needs a host that systemd has booted and that is thrown away",
        "kernel(version)": "needs at least this kernel",
    }.items():
        config.addinivalue_line("markers", f"{name}: {what}")


def pytest_collection_modifyitems(items):
    release = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))
    for item in items:
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="pods are made as root: run with sudo"))
        mark = item.get_closest_marker("only_ours")
        if mark and not OURS:
            item.add_marker(pytest.mark.skip(reason=f"not with containerd 1.6: {mark.args[0]}"))
        mark = item.get_closest_marker("kernel")
        if mark and release < tuple(map(int, mark.args[0].split("."))):
            item.add_marker(pytest.mark.skip(reason=f"needs a kernel from {mark.args[0]} on; scripts/test --vm has it"))


class Rigs:
    """The daemon most tests share, made anew after one that left something, and those of single tests."""

    def __init__(self):
        self.made = {}

    def get(self, view):
        if view not in self.made or not self.made[view].started.alive():
            self.drop(view)
            self.made[view] = self.make(view=view)
        return self.made[view]

    def make(self, **options):
        # Short, for it is in the paths of sockets; and in a directory that every user may enter.
        directory = Path(tempfile.mkdtemp(prefix="acri-", dir="/var/tmp"))
        directory.chmod(0o755)
        try:
            return Rig(directory, **options)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise

    def drop(self, key):
        rig = self.made.pop(key, None)
        if rig:
            self.discard(rig)

    @staticmethod
    def discard(rig):
        rig.close()
        if os.environ.get("CRI_RIG_KEEP"):
            print(f"kept: {rig.directory}")
        else:
            shutil.rmtree(rig.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def rigs():
    found = Rigs()
    yield found
    for key in list(found.made):
        found.drop(key)


@pytest.fixture
def rig(request, rigs):
    """A daemon with nothing but images; and so it must be again after the test."""
    view = cgroups.usual_view()
    wanted = request.node.get_closest_marker("controllers")
    if wanted and not set(wanted.args) <= cgroups.controllers(view):
        pytest.skip(f"no controllers {', '.join(wanted.args)} in the cgroup {view} tree here; scripts/test --vm has them")
    found = rigs.get(view)
    before = found.snapshot()
    logged = found.daemon.log.stat().st_size
    yield found
    try:
        found.discard_pods()
        left = found.settle(before)
    except BaseException:
        rigs.drop(view)
        raise
    finally:
        if getattr(request.node, "failed", False):
            text = found.daemon.log.read_bytes()[logged:] if found.daemon.log.exists() else b""
            print(f"---- log of {found.daemon.name} ----\n{text.decode(errors='replace')[-8000:]}")
    if left:
        rigs.drop(view)  # the next test is not to suffer from it
    assert not left, f"left by the test: {left}"


@pytest.fixture
def make_rig(rigs):
    """Called for a rig of the test's own, with `view`, `registries` or sections of the configuration."""
    made = []

    def make(**options):
        made.append(rigs.make(**options))
        return made[-1]

    yield make
    for rig in made:
        Rigs.discard(rig)


@pytest.fixture
def fake(rig):
    """A fake registry; the images pulled from it are removed."""
    registry = rig.fake()
    yield registry
    registry.calm()
    for image in rig.images():
        for name in [*image.repo_tags, *image.repo_digests]:
            if name.startswith(f"{registry.name}/"):
                rig.remove_image(image.id)
                break


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True


@pytest.fixture(autouse=True)
def no_runaway(request):
    """A test that hangs is broken off; calls have deadlines of their own."""
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else 120

    def expired(*_):
        raise AssertionError(f"the test took longer than {seconds} s")

    old = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)
