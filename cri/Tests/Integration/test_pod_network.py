"""The pod's network: addresses, the bridge, host ports, the host's own, and that DEL has what ADD had."""

import json

import pytest
from harness.client import refused
from harness.pods import until
from harness.place import ADDRESS

PAGE = "a page of the pod\n"


def web(pod, port=80):
    return pod.start("httpd", "-f", "-p", port, "-h", "/var/www", image="httpd:latest")


def served(rig, url):
    until(lambda: rig.place.reachable(url), f"an answer at {url}")
    return rig.place.get(url)


def rules(rig):
    saved = rig.place.run("iptables-save", "-t", "nat").stdout + rig.place.run("ip6tables-save", "-t", "nat").stdout
    # The chains they are all in stay, once made.
    return sorted(line for line in saved.splitlines() if line.startswith("-A") and "CNI-DN-" in line)


def test_a_web_server_answers_on_its_pods_address(rig):
    pod = rig.pod()
    web(pod)
    assert pod.ip.startswith("10.88.")
    assert served(rig, f"http://{pod.ip}/") == PAGE


def test_addresses_of_both_families(rig):
    pod = rig.pod()
    network = pod.status.network
    others = [item.ip for item in network.additional_ips]
    assert network.ip.startswith("10.88.") and len(others) == 1 and others[0].startswith("fd00:88:")
    text = pod.result("ip -o address show eth0; ip route")
    assert network.ip in text and others[0] in text
    assert "default via 10.88.0.1" in text


def test_pods_reach_each_other(rig):
    server, client = rig.pod(), rig.pod()
    web(server)
    served(rig, f"http://{server.ip}/")
    assert client.result(f"wget -q -O - http://{server.ip}/") == PAGE


def test_containers_of_a_pod_share_its_network(rig):
    pod = rig.pod()
    web(pod)
    served(rig, f"http://{pod.ip}/")
    assert pod.result("wget -q -O - http://127.0.0.1/") == PAGE


def test_loopback_is_up(rig):
    assert "LOOPBACK,UP" in rig.pod().result("ip link show lo")


@pytest.mark.parametrize("address", ["127.0.0.1", ADDRESS])
def test_host_ports_answer(rig, address):
    before = rules(rig)
    pod = rig.pod(port_mappings=[{"container_port": 80, "host_port": 8080}])
    web(pod)
    served(rig, f"http://{pod.ip}/")
    assert served(rig, f"http://{address}:8080/") == PAGE
    pod.stop()
    assert not rig.place.reachable(f"http://{address}:8080/", timeout=1)
    assert rules(rig) == before


def test_a_host_port_answers_a_pod(rig):
    pod = rig.pod(port_mappings=[{"container_port": 80, "host_port": 8081}])
    web(pod)
    served(rig, f"http://{pod.ip}/")
    assert pod.result("wget -q -O - http://10.88.0.1:8081/") == PAGE  # its own: hairpin
    assert rig.pod().result("wget -q -O - http://10.88.0.1:8081/") == PAGE


def test_a_host_port_at_one_address(rig):
    pod = rig.pod(port_mappings=[{"container_port": 80, "host_port": 8082, "host_ip": ADDRESS}])
    web(pod)
    assert served(rig, f"http://{ADDRESS}:8082/") == PAGE
    assert not rig.place.reachable("http://10.88.0.1:8082/", timeout=1)


def test_a_host_port_of_zero_is_none(rig):
    before = rules(rig)
    rig.pod(port_mappings=[{"container_port": 80, "host_port": 0}])
    assert rules(rig) == before


def test_udp_host_ports(rig):
    rig.pod(port_mappings=[{"container_port": 53, "host_port": 8053, "protocol": "UDP"}])
    assert any("udp" in line and "8053" in line for line in rules(rig))


@pytest.mark.parametrize("mapping, field", [
    ({"container_port": 80, "host_port": 70000}, "host_port"), ({"container_port": -1, "host_port": 80}, "container_port"),
    ({"container_port": 80, "host_port": 8080, "host_ip": "no address"}, "host_ip")])
@pytest.mark.only_ours("it hands anything on to the plugin")
def test_mappings_that_cannot_be_are_refused(rig, mapping, field):
    with refused("INVALID_ARGUMENT", says=f"/config/port_mappings/0/{field}"):
        rig.pod(port_mappings=[mapping])
    assert not rig.pods()


def test_the_hosts_network(rig):
    pod = rig.pod(linux={"security_context": {"namespace_options": {"network": "NODE"}}})
    assert "uplink" in pod.result("ip link")
    web(pod, port=8090)
    assert served(rig, "http://127.0.0.1:8090/") == PAGE
    assert pod.status.network.ip == ""
    assert pod.status.linux.namespaces.options.network == 2


def test_the_host_is_reached_and_the_answers_come_back(rig):
    """Masquerading: the host's address beyond the bridge."""
    host = rig.pod(linux={"security_context": {"namespace_options": {"network": "NODE"}}})
    web(host, port=8091)
    assert rig.pod().result(f"wget -q -O - http://{ADDRESS}:8091/") == PAGE


def test_addresses_are_given_back(rig):
    leases = rig.directory / "leases"
    pod = rig.pod()
    address = pod.ip
    assert [path for path in leases.glob(f"*/{address}")]
    pod.stop()
    assert not [path for path in leases.glob(f"*/{address}")]
    assert pod.status.network.ip in ("", address)


def test_no_list_no_pod(rig):
    """Without a network configuration a pod cannot have a network, but the host's can be had."""
    path = rig.daemon.networks / "10-pods.conflist"
    text = path.read_text()
    path.unlink()
    try:
        until(lambda: not network_ready(rig), "the status to say so")
        with refused("UNKNOWN", "FAILED_PRECONDITION", "UNAVAILABLE", "INTERNAL", says=str(rig.daemon.networks)):
            rig.pod()
        assert not [pod for pod in rig.pods() if pod.state == 0]
        assert rig.pod(linux={"security_context": {"namespace_options": {"network": "NODE"}}}).ready
    finally:
        path.write_text(text)
    until(lambda: network_ready(rig), "the status to be well again")
    assert rig.pod().ip


def network_ready(rig):
    return next(c.status for c in rig.client.Status().status.conditions if c.type == "NetworkReady")


def test_a_plugin_that_fails_is_quoted_and_leaves_nothing(rig):
    path = rig.daemon.networks / "00-broken.conflist"
    path.write_text(json.dumps({"cniVersion": "1.0.0", "name": "broken", "plugins": [
        {"type": "bridge", "bridge": "cni-broken", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/32"}]]}}]}))
    try:
        with refused("UNKNOWN", "INTERNAL", "FAILED_PRECONDITION", "UNAVAILABLE", says="bridge"):
            for _ in range(50):  # the newest list is taken when it is noticed
                rig.pod().remove()
        assert not [pod for pod in rig.pods() if pod.state == 0]
    finally:
        path.unlink()
        until(lambda: network_ready(rig), "the old network")
        until(lambda: works(rig), "the old network to be taken again")


def works(rig):
    try:
        rig.pod().remove()
        return True
    except Exception:
        return False


@pytest.mark.only_ours("it keeps the result in its own store, but tries with the newest list")
def test_del_has_the_list_that_add_had(rig):
    """The list is changed while the pod lives: what ADD has made is taken away all the same."""
    path = rig.daemon.networks / "10-pods.conflist"
    text = path.read_text()
    pod = rig.pod()
    address = pod.ip
    path.write_text(text.replace("cni-pods", "cni-new").replace('"name": "pods"', '"name": "new"'))
    try:
        pod.stop()
        assert not [lease for lease in (rig.directory / "leases").glob(f"*/{address}")]
    finally:
        path.write_text(text)
