"""Runtime handlers by name: every one runs the same pods."""

import pytest
from harness.daemons import chosen
from harness.pods import until


@pytest.fixture(params=chosen().handlers)
def pod(request, rig):
    return rig.pod(handler=request.param, linux={"sysctls": {"net.ipv4.ip_unprivileged_port_start": "80"}})


def test_a_containers_life(pod):
    container = pod.shell("trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: container.output() == "ready\n", "its trap")
    assert container.exec("echo", "from exec") == "from exec\n"
    container.stop(grace=20)
    assert container.status.exit_code == 4
    container.remove()


def test_what_it_is_told_it_does(pod):
    text = pod.result("id -u; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; grep NoNewPrivs /proc/self/status; "
                      "hostname", linux={"security_context": {"run_as_user": {"value": 1000}, "no_new_privs": True}})
    assert text.split()[:4] == ["1000", "80", "NoNewPrivs:", "1"]


def test_a_web_server(pod):
    pod.start("httpd", "-f", "-p", "80", "-h", "/var/www", image="httpd:latest")
    until(lambda: pod.rig.place.reachable(f"http://{pod.ip}/"), "an answer")


def test_a_command_that_is_not_there(pod):
    with pytest.raises(Exception) as caught:
        pod.container("/no/such/command").start()
    assert "/no/such/command" in caught.value.details()


@pytest.mark.controllers("memory")
def test_limits_and_their_change(pod):
    container = pod.start("sleep", "1000", linux={"resources": {"memory_limit_in_bytes": 96 << 20}})
    name = "memory.max" if pod.rig.place.tree.view == "unified" else "memory.limit_in_bytes"
    assert int((container.cgroup() / name).read_text()) == 96 << 20
    container.resources(memory_limit_in_bytes=128 << 20)
    assert int((container.cgroup() / name).read_text()) == 128 << 20


@pytest.mark.only_ours("it does not always know what has become of one that ended meanwhile")
def test_a_restart_of_the_daemon(pod):
    container = pod.shell("sleep 0.5; exit 6")
    stays = pod.start("sleep", "1000")
    pod.rig.kill()
    until(lambda: not container.pids(), "the end while nobody looks")
    pod.rig.start()
    assert container.status.exit_code == 6
    assert stays.state == "RUNNING" and stays.exec("echo", "alive") == "alive\n"
