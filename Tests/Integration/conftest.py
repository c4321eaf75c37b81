"""Fixtures of the suites that run containers. They need root and this host's kernel, nothing else."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from harness import compare, view
from harness.bundle import Bundle
from harness.runtime import DEVICES, Runtime

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent


# Hosts that not every machine is: scripts/test --vm runs these tests in guests that are.
HOSTS = {
    "systemd": ("systemd as the first process", lambda: os.path.isdir("/run/systemd/system")),
    "hybrid": ("controllers in a cgroup v1 tree", view.has_legacy_controllers),
    "newer_kernel": ("a kernel from 6.6 on", lambda: os.path.exists("/proc/sys/vm/memfd_noexec")),
}


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than some seconds; left out by scripts/test --quick")
    config.addinivalue_line("markers", "limit(seconds): breaks the test off later than after 120 s")
    for name, (what, _) in HOSTS.items():
        config.addinivalue_line("markers", f"{name}: needs {what}")
    if os.geteuid() == 0:
        view.enter()
        view.become_subreaper()


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="containers are made as root: run with sudo"))
    for name, (what, there) in HOSTS.items():
        if not there():
            for item in items:
                if item.get_closest_marker(name):
                    item.add_marker(pytest.mark.skip(reason=f"needs {what}; scripts/test --vm has it"))


def compile_c(source, directory, *flags):
    target = directory / Path(source).stem
    subprocess.run(["cc", "-static", "-Os", "-Wall", "-Wextra", *flags, "-o", target, HERE / source], check=True)
    return target


@pytest.fixture(scope="session")
def workplace():
    """A directory every user may enter (pytest's own are private), for bundles and state."""
    path = Path(tempfile.mkdtemp(prefix="apus-it-", dir="/var/tmp"))
    path.chmod(0o755)
    # The parent of the containers' cgroups: runtimes make it when it is missing, and rightly leave it.
    parent = Path("/sys/fs/cgroup/apus-test")
    parent.mkdir(exist_ok=True)
    yield path
    shutil.rmtree(path, ignore_errors=True)
    for leftover in sorted(parent.glob("**/"), reverse=True):
        try:
            leftover.rmdir()
        except OSError:
            pass


@pytest.fixture(scope="session")
def probe(workplace):
    return compile_c("probe/probe.c", workplace)


@pytest.fixture(scope="session")
def subject_path():
    path = os.environ.get("APUS") or str(REPOSITORY / ".build/release/apus")
    found = shutil.which(path)
    if not found:
        pytest.fail(f"no runtime to test at {path}: build it, or name one in APUS")
    return os.path.realpath(found)


@pytest.fixture(scope="session")
def listed_differences():
    return compare.Listed(HERE / "differences.toml")


@pytest.fixture
def runtime(subject_path, workplace):
    """The runtime under test with an empty state directory."""
    root = workplace / f"root-{uuid.uuid4().hex[:8]}"
    yield Runtime("apus", subject_path, root)
    for directory in root.glob("*") if root.exists() else ():
        Runtime("apus", subject_path, root).discard(directory.name)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def make_bundle(workplace, probe):
    """Makes bundles; their directories and what they registered for clean-up go at the end."""
    made = []

    def make(id=None):
        id = id or f"t{uuid.uuid4().hex[:10]}"
        made.append(Bundle(workplace / f"bundle-{id}-{len(made)}", probe, id))
        return made[-1]

    yield make
    for bundle in reversed(made):
        bundle.close()


@pytest.fixture
def bundle(make_bundle):
    return make_bundle()


@pytest.fixture(autouse=True, scope="session")
def host_devices():
    """A reference runtime may give the host's nodes to a container's user: put right, and not ours to do."""
    before = {name: os.stat(f"/dev/{name}") for name in DEVICES}
    yield
    for name, node in before.items():
        os.chown(f"/dev/{name}", node.st_uid, node.st_gid)
        os.chmod(f"/dev/{name}", node.st_mode & 0o7777)


@pytest.fixture(autouse=True)
def no_runaway(request):
    """A test that hangs in a system call of ours is broken off; runtimes have their own limit."""
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else 120

    def expired(*_):
        raise AssertionError(f"the test took longer than {seconds} s")

    old = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@pytest.fixture
def needs_unified_controllers():
    """Called with controllers by a test that needs them in the cgroup v2 tree, as in a guest without v1."""

    def need(*names):
        missing = set(names) - set(Path("/sys/fs/cgroup/cgroup.controllers").read_text().split())
        if missing:
            pytest.skip(f"the cgroup v2 tree here has no {', '.join(sorted(missing))}: bound to v1")

    return need


@pytest.fixture
def reference(workplace):
    """Called with the name of another runtime: gives it, with a state directory of its own, or skips."""
    made = []

    def make(name):
        path = shutil.which(name)
        if not path:
            pytest.skip(f"there is no {name} to compare with")
        made.append(Runtime(name, path, workplace / f"root-{name}-{uuid.uuid4().hex[:8]}"))
        return made[-1]

    yield make
    for runtime in made:
        for directory in runtime.root.glob("*") if runtime.root.exists() else ():
            runtime.discard(directory.name)
        shutil.rmtree(runtime.root, ignore_errors=True)
