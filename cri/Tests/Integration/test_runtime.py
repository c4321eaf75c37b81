"""Version, Status, RuntimeConfig and what is not served yet."""

import os
import re
from pathlib import Path

import pytest
from harness.client import METHODS, refused
from harness.pods import until

LATER = {"Exec", "Attach", "PortForward", "ContainerStats", "ListContainerStats", "PodSandboxStats",
         "ListPodSandboxStats", "CheckpointContainer", "CheckpointPod", "RestorePod", "GetContainerEvents",
         "ListMetricDescriptors", "ListPodSandboxMetrics", "StreamContainerStats", "StreamPodSandboxStats",
         "StreamPodSandboxMetrics"}


def test_version(rig):
    answer = rig.client.Version(version="v1")
    assert answer.runtime_name == rig.daemon.runtime_name
    assert answer.runtime_api_version == "v1"
    assert re.match(r"v?\d+\.\d+\.\d+", answer.runtime_version), answer.runtime_version


def test_status_says_that_runtime_and_network_are_ready(rig):
    answer = rig.client.Status()
    conditions = {c.type: c.status for c in answer.status.conditions}
    assert conditions["RuntimeReady"] and conditions["NetworkReady"]
    assert not answer.info


def test_verbose_status_has_the_configuration(rig):
    assert rig.client.Status(verbose=True).info


@pytest.mark.only_ours("it has neither handlers nor features in its answer")
def test_status_names_the_handlers_and_what_they_can(rig):
    answer = rig.client.Status()
    handlers = {handler.name: handler.features for handler in answer.runtime_handlers}
    # The default handler is named by the empty string as well.
    assert {"", *rig.daemon.handlers} == set(handlers)
    assert handlers[""] == handlers["apus"]
    assert handlers["apus"].recursive_read_only_mounts and handlers["apus"].user_namespaces
    assert answer.features.supplemental_groups_policy


@pytest.mark.only_ours("it always tells why, but as NetworkPluginNotReady after some seconds")
def test_without_a_network_the_status_says_why(make_rig, tmp_path):
    rig = make_rig(registries=False, network={"configurations": str(tmp_path)})
    network = next(c for c in rig.client.Status().status.conditions if c.type == "NetworkReady")
    assert not network.status
    assert network.reason and str(tmp_path) in network.message


@pytest.mark.only_ours("it came with Kubernetes 1.28")
def test_runtime_config_names_the_cgroup_driver(rig):
    assert rig.client.RuntimeConfig().linux.cgroup_driver == 1  # CGROUPFS: there is no systemd in the place


def test_update_runtime_config_takes_a_pod_cidr(rig):
    rig.client.UpdateRuntimeConfig(runtime_config={"network_config": {"pod_cidr": "10.99.0.0/24"}})
    assert rig.client.Status().status.conditions


@pytest.mark.only_ours("it serves most of them")
@pytest.mark.parametrize("name", sorted(LATER))
def test_calls_of_a_later_release_are_refused_by_name(rig, name):
    with refused("UNIMPLEMENTED"):
        answer = getattr(rig.client, name)(timeout=5)
        list(answer)  # a stream fails when it is read


def test_every_call_is_either_tested_or_later():
    """The interface has 43 calls; a new one must be put into a test or in the list above."""
    assert len(METHODS) == 43
    assert LATER <= set(METHODS)


def test_the_socket_is_for_root_alone(rig):
    mode = rig.place.path(rig.daemon.socket).stat().st_mode
    assert mode & 0o007 == 0, oct(mode)


@pytest.mark.only_ours("it takes the other's place")
def test_a_second_daemon_is_refused(rig):
    done = rig.place.run(*rig.daemon.command(), check=False, timeout=20)
    assert done.returncode != 0
    assert str(rig.daemon.run) in done.stderr, done.stderr
    assert rig.client.Version().runtime_name == rig.daemon.runtime_name


def mapped_code(pid):
    """KiB of the executable's code that are mapped in a process."""
    executable, total, counts = os.readlink(f"/proc/{pid}/exe"), 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            counts = " r-xp " in line and line.endswith(os.path.basename(executable))
        elif counts and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


@pytest.mark.only_ours("it keeps what it has mapped")
def test_code_is_unmapped_when_nothing_changes_any_more(rig):
    pod = rig.pod()
    pod.start()
    busy = mapped_code(rig.started.pid)
    assert busy > 0

    def mapped_less():
        rig.pods(), rig.containers()  # questions are no changes
        return mapped_code(rig.started.pid) < busy / 2

    until(mapped_less, f"less than half of {busy} KiB of code mapped")
    assert pod.ready
