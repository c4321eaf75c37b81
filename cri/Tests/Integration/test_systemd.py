"""The units of packaging/cri, and cgroups by systemd: on a host that it has booted, in a guest of scripts/test --vm."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from harness.booted import SOCKET, Booted, shown, systemctl
from harness.pods import until

pytestmark = [pytest.mark.systemd, pytest.mark.limit(300)]
CGROUPS = Path("/sys/fs/cgroup")


@pytest.fixture(scope="module")
def host():
    if not (os.path.isdir("/run/guest") and os.path.isdir("/run/systemd/system")):
        pytest.skip("installs units of systemd: only in a guest of scripts/test --vm, which is gone after it")
    directory = Path(tempfile.mkdtemp(prefix="acri-", dir="/var/tmp"))
    found = None
    try:
        found = Booted(directory)
        yield found
    finally:
        if found:
            found.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def daemon(host, request):
    """Running, started by the socket's first client, and without pods after the test."""
    systemctl("start", "apus-cri.socket")
    host.connect()
    host.client.Version(timeout=60, wait_for_ready=True)
    host.wait_for("active")
    yield host
    if getattr(request.node, "failed", False):
        print(host.journal()[-6000:])
    host.client.Version(timeout=60, wait_for_ready=True)
    host.discard_pods()
    left = [path.name for path in (CGROUPS / "kubepods.slice").glob("**/cri-apus-*")]
    assert not left, left


def cgroup(container):
    """Its first process's cgroup, as a directory."""
    return CGROUPS / container.proc("cgroup").read_text().strip().partition("0::/")[2]


def test_the_first_client_starts_the_service(host):
    systemctl("start", "apus-cri.socket")
    assert shown("apus-cri.service", "ActiveState") == "inactive"
    assert oct(SOCKET.stat().st_mode & 0o777) == "0o660"
    client = host.connect()
    assert client.Version(timeout=60, wait_for_ready=True).runtime_name == "apus"
    # Type=notify: active is what says READY=1.
    host.wait_for("active")
    assert "listening on /run/apus-cri/apus-cri.sock" in host.journal()


def test_the_driver_is_systemd_where_it_runs(daemon):
    assert daemon.client.RuntimeConfig().linux.cgroup_driver == 0  # SYSTEMD


def test_containers_are_scopes_in_the_slice_of_the_pod(daemon):
    pod = daemon.pod(parent="kubepods-burstable-pod1234.slice")
    container = pod.start("sleep", "1000", linux={"resources": {"memory_limit_in_bytes": 64 << 20, "cpu_shares": 512}})
    scope = f"cri-apus-{container.id}.scope"
    slices = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234.slice"
    assert cgroup(container) == CGROUPS / slices / scope
    assert shown(scope, "ActiveState") == "active"
    assert shown(scope, "MemoryMax") == str(64 << 20)
    assert shown(scope, "Slice") == "kubepods-burstable-pod1234.slice"
    assert (cgroup(container) / "memory.max").read_text() == f"{64 << 20}\n"
    container.resources(memory_limit_in_bytes=96 << 20)
    # systemd knows of it: what it writes at a reload is not the old limit.
    assert shown(scope, "MemoryMax") == str(96 << 20)
    systemctl("daemon-reload")
    assert (cgroup(container) / "memory.max").read_text() == f"{96 << 20}\n"
    assert container.sh("cat /proc/self/cgroup") == "0::/\n"
    container.stop(grace=0)
    until(lambda: shown(scope, "ActiveState") == "inactive", "the end of the scope")
    container.remove()


def test_without_a_parent_it_is_the_systems_slice(daemon):
    container = daemon.pod().start("sleep", "1000")
    assert cgroup(container) == CGROUPS / "system.slice" / f"cri-apus-{container.id}.scope"


def test_a_parent_that_is_no_slice_is_refused(daemon):
    pod = None
    with pytest.raises(Exception, match="cgroup_parent.*slice") as error:
        pod = daemon.pod(parent="/kubepods/pod1")
    assert pod is None and error.value.code().name == "INVALID_ARGUMENT"


@pytest.mark.parametrize("how", ["restart", "kill", "stop"])
def test_pods_outlive_the_service(daemon, how):
    pod = daemon.pod(parent="kubepods-pod1.slice")
    container = pod.shell('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done')
    until(lambda: "ready" in container.output(), "its trap")
    first, before = container.first(), daemon.pid()
    if how == "restart":
        systemctl("restart", "apus-cri.service")
    elif how == "kill":
        systemctl("kill", "--kill-who=main", "-s", "KILL", "apus-cri.service")
        until(lambda: daemon.pid() not in (0, before), "systemd's restart", 30)
    else:
        systemctl("stop", "apus-cri.service")
        assert shown("apus-cri.socket", "ActiveState") == "active"
    assert container.first() == first
    # After `stop` the socket starts it again.
    daemon.reconnect()
    daemon.client.Version(timeout=60, wait_for_ready=True)
    assert container.status.state == 1 and container.first() == first
    assert container.sh("echo here") == "here\n"
    assert "left-over process" not in daemon.journal()
    container.stop(grace=20)
    assert container.status.exit_code == 3 and container.output().endswith("bye\n")


def test_a_monitor_is_in_no_unit_of_the_daemons(daemon):
    pod = daemon.pod()
    monitor = next(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
                   if b"pod-monitor" in path.read_bytes() and pod.id.encode() in path.read_bytes())
    assert Path(f"/proc/{monitor}/cgroup").read_text() == "0::/apus-cri/monitors\n"
