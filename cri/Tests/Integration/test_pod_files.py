"""What the sandbox gives its containers: host name, DNS, /dev/shm, sysctls, namespaces, cgroup parent."""

import contextlib
import os
import sqlite3

import pytest
from harness.client import refused
from harness.daemons import chosen
from harness.pods import until


def options(**namespaces):
    return {"security_context": {"namespace_options": namespaces}}


def namespace(container, kind):
    return os.readlink(container.proc(f"ns/{kind}"))


def host(rig, kind):
    return os.readlink(f"/proc/{rig.place.holder}/ns/{kind}")


def test_host_name(rig):
    text = rig.pod(hostname="named").result("hostname; cat /etc/hostname; echo $HOSTNAME")
    assert text.split() == ["named"] * 3


def test_the_hosts_network_comes_with_its_name(rig):
    pod = rig.pod(linux=options(network="NODE"))
    assert pod.result("hostname") == "place\n"
    container = pod.start("sleep", "1000")
    assert namespace(container, "uts") == host(rig, "uts")
    assert namespace(container, "net") == host(rig, "net")


def test_dns(rig):
    pod = rig.pod(dns_config={"servers": ["192.0.2.1", "192.0.2.2"], "searches": ["a.test", "b.test"],
                              "options": ["ndots:5", "edns0"]})
    lines = pod.result("cat /etc/resolv.conf").split("\n")
    assert [line for line in lines if line] == ["search a.test b.test", "nameserver 192.0.2.1", "nameserver 192.0.2.2",
                                                "options ndots:5 edns0"]


def test_without_dns_it_is_the_hosts(rig):
    assert rig.pod().result("cat /etc/resolv.conf") == (rig.directory / "resolv.conf").read_text()


def test_the_hosts_file_is_writable_by_its_pod_alone(rig):
    pod = rig.pod()
    before = pod.result("cat /etc/hosts")
    assert "localhost" in before
    pod.result("echo 192.0.2.9 added >>/etc/hosts")
    assert "added" not in rig.pod().result("cat /etc/hosts")
    assert "added" not in rig.place.path("/etc/hosts").read_text()


def test_shared_memory_is_of_the_pod(rig):
    pod = rig.pod()
    pod.result("echo shared >/dev/shm/file")
    assert pod.result("cat /dev/shm/file; stat -c %a /dev/shm; grep ' /dev/shm tmpfs' /proc/mounts >/dev/null") == "shared\n1777\n"
    rig.pod().result("test ! -e /dev/shm/file")


def test_the_hosts_ipc_comes_with_its_shared_memory(rig):
    pod = rig.pod(linux=options(ipc="NODE"))
    container = pod.start("sleep", "1000")
    assert namespace(container, "ipc") == host(rig, "ipc")
    assert os.stat(container.proc("root/dev/shm")).st_dev == rig.place.path("/dev/shm").stat().st_dev


def test_sysctls(rig):
    pod = rig.pod(linux={"sysctls": {"net.ipv4.ip_local_port_range": "10000 20000", "kernel.shm_rmid_forced": "1",
                                     "net.ipv4.ping_group_range": "0 100"}})
    text = pod.result("cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/shm_rmid_forced "
                      "/proc/sys/net/ipv4/ping_group_range")
    assert text.split() == ["10000", "20000", "1", "0", "100"]
    assert rig.place.path("/proc/sys/kernel/shm_rmid_forced").read_text() == "0\n"


@pytest.mark.parametrize("name", ["kernel.panic", "vm.swappiness", "net/../kernel.panic", "../net.ipv4.ip_forward"])
@pytest.mark.only_ours("runc refuses them in its own words, and what it left is another matter")
def test_sysctls_of_the_host_are_refused(rig, name):
    before = rig.place.path("/proc/sys/kernel/panic").read_text()
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", says=name):
        rig.pod(linux={"sysctls": {name: "7"}})
    assert rig.place.path("/proc/sys/kernel/panic").read_text() == before
    assert not rig.pods()


@pytest.mark.only_ours("runc refuses it, and the pod's name stays taken for a while")
def test_a_sysctl_of_the_network_on_the_hosts_is_refused(rig):
    def forwards():
        return rig.place.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout.strip()

    before = forwards()
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", says="net.ipv4.ip_forward"):
        rig.pod(linux={"sysctls": {"net.ipv4.ip_forward": "10"[int(before)]}, **options(network="NODE")})
    assert forwards() == before


@pytest.mark.parametrize("kind", ["net", "ipc", "uts"])
def test_namespaces_of_the_pod_are_shared(rig, kind):
    pod = rig.pod()
    one, two = pod.start("sleep", "1000"), pod.start("sleep", "1000")
    assert namespace(one, kind) == namespace(two, kind) != host(rig, kind)
    assert namespace(rig.pod().start("sleep", "1000"), kind) != namespace(one, kind)


@pytest.mark.parametrize("kind", ["pid", "mnt", "cgroup"])
def test_namespaces_of_the_container_are_not(rig, kind):
    pod = rig.pod()
    one, two = pod.start("sleep", "1000"), pod.start("sleep", "1000")
    if kind == "cgroup" and rig.place.tree.view == "v1":
        pytest.skip("on cgroup v1 containers are in their host's cgroup namespace")
    assert namespace(one, kind) != namespace(two, kind)
    assert namespace(one, kind) != host(rig, kind)


def test_one_pid_namespace_for_the_pod(rig):
    pod = rig.pod(linux=options(pid="POD"))
    one, two = pod.start("sleep", "1000"), pod.start("sleep", "2000")
    assert namespace(one, "pid") == namespace(two, "pid") != host(rig, "pid")
    listed = one.exec("ps")
    assert "sleep 1000" in listed and "sleep 2000" in listed
    assert one.sh("exec 2>/dev/null; cat /proc/1/comm") != "sleep\n", "PID 1 is the pod's own"


def test_orphans_are_reaped_in_a_pods_pid_namespace(rig):
    pod = rig.pod(linux=options(pid="POD"))
    container = pod.shell("(sleep 0.1 & exec true); exec sleep 1000")
    until(lambda: "sleep 0.1" not in (listed := container.exec("ps", "-o", "pid,stat,args")) and " Z" not in listed,
          "the orphan's end")


def test_signals_of_one_container_end_another_in_the_same_pid_namespace(rig):
    pod = rig.pod(linux=options(pid="POD"))
    victim = pod.start("sleep", "1000")
    pod.result("kill -9 $(pidof sleep)")
    assert victim.wait().exit_code == 137
    assert pod.ready


def test_the_hosts_pid_namespace(rig):
    pod = rig.pod(linux=options(pid="NODE"))
    container = pod.start("sleep", "1000")
    assert namespace(container, "pid") == host(rig, "pid")
    assert "holder.py" in container.exec("cat", "/proc/1/cmdline")


@pytest.mark.parametrize("handler", chosen().handlers)
def test_the_pid_namespace_of_a_target(rig, handler):
    pod = rig.pod(handler=handler)
    target = pod.start("sleep", "1000")
    options = {"pid": "TARGET", "target_id": target.id}
    ours = pod.container("sleep", "2000", linux={"security_context": {"namespace_options": options}})
    ours.start()
    assert namespace(ours, "pid") == namespace(target, "pid")
    assert ours.exec("cat", "/proc/1/cmdline") == "sleep\x001000\x00"


@pytest.mark.only_ours("its records are elsewhere")
def test_a_number_that_is_another_process_now(rig):
    """A target's pid as it was recorded: joining whoever has it now would be joining the host."""
    pod = rig.pod()
    target = pod.start("sleep", "1000", linux={"resources": {"oom_score_adj": 600}})
    other = 1  # the place's holder
    rig.kill()
    with contextlib.closing(sqlite3.connect(rig.daemon.root / "state.db")) as database, database:
        assert database.execute("UPDATE containers SET pid = ? WHERE id = ?", (other, target.id)).rowcount == 1
    rig.start()
    options = {"pid": "TARGET", "target_id": target.id}
    with refused("FAILED_PRECONDITION", says="has just ended"):
        pod.container("true", linux={"security_context": {"namespace_options": options}})
    with refused("FAILED_PRECONDITION", says="has just ended"):
        target.resources(oom_score_adj=800)
    assert rig.place.path(f"/proc/{other}/oom_score_adj").read_text() != "800\n"


@pytest.mark.only_ours("it takes a target of another pod")
@pytest.mark.parametrize("which", ["", "no-such-container", "another pod's"])
def test_targets_that_cannot_be(rig, which):
    pod = rig.pod()
    target = rig.pod().start("sleep", "1000").id if "another" in which else which
    with refused("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", says="target_id"):
        pod.container("true", linux={"security_context": {"namespace_options": {"pid": "TARGET", "target_id": target}}})


def test_the_status_has_the_namespace_options(rig):
    pod = rig.pod(linux=options(network="NODE", pid="POD", ipc="NODE"))
    found = pod.status.linux.namespaces.options
    assert (found.network, found.pid, found.ipc) == (2, 0, 2)


def assert_below(container, parent):
    for line in container.proc("cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names.startswith("name=") or (not names and container.rig.place.tree.view == "v1"):
            continue
        assert container.within(path).startswith(f"{parent}/"), line


@pytest.mark.only_ours("it has another place for them")
def test_containers_of_pods_without_a_cgroup_parent_have_a_place(rig):
    assert_below(rig.pod(linux={"cgroup_parent": None}).start("sleep", "1000"), "/apus-cri")


def test_containers_are_below_the_pods_cgroup_parent(rig):
    pod = rig.pod(linux={"cgroup_parent": "/pods/of-this-test"})
    assert_below(pod.start("sleep", "1000"), "/pods/of-this-test")
    pod.stop()
    assert not any(group.startswith("/pods/of-this-test/") for group in rig.place.tree.groups())
    for top in rig.place.tree.top:
        if (top / "pods/of-this-test").exists():
            (top / "pods/of-this-test").rmdir()
