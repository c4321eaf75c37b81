"""linux.netDevices, which Debian's crun and runc are too old for: nothing to compare with.

The runtime runs in a network namespace made for the test, which is its host as far as devices go.
"""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from harness.runtime import Footprint, reap


class Network:
    """A network namespace, held by a process."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
        own = Path("/proc/self/ns/net").stat().st_ino
        self.path = Path(f"/proc/{self.holder.pid}/ns/net")
        while self.path.stat().st_ino == own:
            time.sleep(0.01)
        self.inside = ["nsenter", f"--net={self.path}"]

    def ip(self, *words, check=True):
        result = subprocess.run([*self.inside, "ip", *words], capture_output=True, text=True)
        if check:
            assert result.returncode == 0, (words, result.stderr)
        return result.stdout

    def devices(self):
        """Their addresses by name, with an `UP` for those that are up; MAC addresses elsewhere."""
        found = {}
        for device in json.loads(self.ip("-j", "address")):
            found[device["ifname"]] = ["UP"] * ("UP" in device["flags"]) + [
                f"{a['local']}/{a['prefixlen']}" for a in device["addr_info"] if a["scope"] == "global"]
        return found

    def close(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def make_network():
    made = []

    def make():
        made.append(Network())
        return made[-1]

    yield make
    for network in made:
        network.close()


@pytest.fixture
def host(make_network):
    """Two pairs of devices, a0-b0 and a1-b1; a0 has addresses."""
    host = make_network()
    for number in (0, 1):
        if subprocess.run([*host.inside, "ip", "link", "add", f"a{number}", "type", "veth", "peer", "name", f"b{number}"],
                          capture_output=True).returncode:
            pytest.skip("the kernel has no veth devices to move (CONFIG_VETH)")
    host.ip("link", "set", "b0", "up")
    host.ip("link", "set", "a0", "up", "address", "02:00:00:00:00:01", "mtu", "1400")
    for address in ("10.9.0.1/24", "10.9.0.2/24", "fd00:9::1/64"):
        host.ip("address", "add", address, "dev", "a0", *(["nodad"] if ":" in address else []))
    host.ip("address", "add", "10.8.0.1/24", "dev", "a0", "scope", "link")
    host.ip("address", "add", "10.8.1.1/24", "dev", "a0", "valid_lft", "1000", "preferred_lft", "1000")
    host.ip("address", "add", "10.7.0.1", "peer", "10.7.0.2/32", "dev", "a0")
    return host


GLOBAL = ["10.9.0.1/24", "10.7.0.1/32", "10.9.0.2/24", "fd00:9::1/64"]


def seen(text, name):
    """What `ip address` of busybox says of a device: whether it is up, its global addresses, its MAC address."""
    block = re.search(rf"^\d+: {name}[@:].*?(?=^\d+: |\Z)", text, re.M | re.S)
    assert block, text
    block = block[0]
    return ("UP" in re.search("<(.*?)>", block)[1].split(","),
            sorted(re.findall(r"inet6? (\S+) (?:.*)scope global", block)),
            re.search(r"link/ether (\S+)", block)[1], re.search(r"mtu (\d+)", block)[1])


def show(bundle):
    bundle.busybox("ip")
    bundle.sh("ip address")


@pytest.mark.parametrize("user_namespace", [False, True], ids=["", "in a user namespace"])
@pytest.mark.parametrize("name, wanted", [(None, "a0"), ("eth7", "eth7"), ("net%d", "net0")])
def test_moved(runtime, bundle, host, name, wanted, user_namespace):
    if user_namespace:
        bundle.user_namespace()
    bundle.linux["netDevices"] = {"a0": {} if name is None else {"name": name}}
    show(bundle)
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=host.inside)
    assert result.code == 0, result
    is_up, addresses, mac, mtu = seen(result.out, wanted)
    assert is_up and (mac, mtu) == ("02:00:00:00:00:01", "1400")
    assert addresses == sorted(["10.9.0.1/24", "10.9.0.2/24", "10.7.0.1", "fd00:9::1/64"]), result.out
    # Virtual devices end with their network namespace; nothing is moved back.
    end = time.monotonic() + 10
    while "b0" in host.devices() and time.monotonic() < end:
        time.sleep(0.05)
    assert set(host.devices()) == {"lo", "a1", "b1"}


def test_packets_pass(runtime, bundle, host):
    bundle.linux["netDevices"] = {"a0": {"name": "eth0"}}
    bundle.busybox("sleep")
    bundle.sh("sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id, prefix=host.inside)
    host.ip("address", "add", "10.9.0.100/24", "dev", "b0")
    runtime("start", bundle.id, prefix=host.inside, check=True)
    code = subprocess.run([*host.inside, "busybox", "ping", "-c", "1", "-W", "5", "10.9.0.1"], stdout=subprocess.PIPE)
    assert code.returncode == 0, code.stdout
    runtime("delete", "--force", bundle.id, prefix=host.inside, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))


def test_many_in_a_joined_namespace(runtime, bundle, host, make_network):
    """A template takes the first number that is free."""
    other = make_network()
    other.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth2")
    bundle.without("network")
    bundle.linux["namespaces"].append({"type": "network", "path": str(other.path)})
    bundle.linux["netDevices"] = {"a0": {"name": "eth%d"}, "a1": {"name": "eth%d"}}
    bundle.write()
    runtime("run", "--bundle", bundle.dir, bundle.id, prefix=host.inside, check=True)
    # The namespace outlives the container, and so the devices stay.
    assert set(host.devices()) == {"lo", "b0", "b1"}
    found = other.devices()
    assert set(found) == {"lo", "eth0", "eth1", "eth2", "eth3"}
    assert sorted(found["eth1"]) == sorted(["UP", *GLOBAL]) and found["eth3"] == ["UP"]


def test_hooks_and_sysctls_find_them(runtime, bundle, host):
    bundle.linux["netDevices"] = {"a1": {"name": "eth0"}}
    bundle.linux["sysctl"] = {"net.ipv4.conf.eth0.accept_local": "1"}
    hook = bundle.dir / "hook.sh"
    hook.write_text(f"#!/bin/sh\npid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/')\n"
                    f"nsenter -t $pid -n ip link show eth0 >{bundle.dir}/$1.out 2>&1\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {kind: [{"path": str(hook), "args": ["hook.sh", kind]}]
                              for kind in ("prestart", "createRuntime")}
    bundle.busybox("cat")
    bundle.sh("cat /proc/sys/net/ipv4/conf/eth0/accept_local")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=host.inside, check=True)
    assert result.out == "1\n"
    for kind in bundle.config["hooks"]:
        assert "eth0" in (bundle.dir / f"{kind}.out").read_text()


def refused(runtime, bundle, host, *words, flags=()):
    before = host.devices()
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, prefix=host.inside, flags=flags)
    assert result.code == 1 and all(word in result.err for word in words), result
    footprint.assert_clean()
    assert host.devices() == before
    return result


def test_no_such_device(runtime, bundle, host):
    bundle.linux["netDevices"] = {"a0": {}, "nosuch": {}}
    refused(runtime, bundle, host, "/linux/netDevices/nosuch: ", "no network device nosuch", "ip link")


def test_no_namespace(runtime, bundle, host):
    bundle.without("network")
    bundle.linux["netDevices"] = {"a0": {}}
    refused(runtime, bundle, host, "/linux/netDevices: ", "network namespace")


def test_own_namespace(runtime, bundle, host):
    bundle.without("network")
    bundle.linux["namespaces"].append({"type": "network", "path": str(host.path)})
    bundle.linux["netDevices"] = {"a0": {}}
    refused(runtime, bundle, host, "/linux/netDevices: ", "the runtime's own network namespace")


def test_rootless(runtime, bundle, host):
    bundle.linux["netDevices"] = {"a0": {}}
    refused(runtime, bundle, host, "/linux/netDevices: ", "rootless", flags=["--rootless=true"])


def test_name_is_taken(runtime, bundle, host, make_network):
    other = make_network()
    other.ip("link", "add", "eth0", "type", "veth", "peer", "name", "a1")
    there = other.devices()
    bundle.without("network")
    bundle.linux["namespaces"].append({"type": "network", "path": str(other.path)})
    bundle.linux["netDevices"] = {"a0": {"name": "eth0"}}
    refused(runtime, bundle, host, "/linux/netDevices/a0/name: ", "EEXIST", "eth0", "%d")
    # What was moved before comes back.
    bundle.linux["netDevices"] = {"a0": {"name": "free"}, "a1": {}}
    refused(runtime, bundle, host, "/linux/netDevices/a1: ", "EEXIST")
    assert other.devices() == there


def test_device_of_its_namespace(runtime, bundle, host):
    bundle.linux["netDevices"] = {"a0": {"name": "eth0"}, "lo": {"name": "lo1"}}
    refused(runtime, bundle, host, "/linux/netDevices/lo: ", "EINVAL", "cannot be moved")


def test_template_that_is_none(runtime, bundle, host):
    bundle.linux["netDevices"] = {"a0": {"name": "eth%s"}}
    refused(runtime, bundle, host, "/linux/netDevices/a0/name: ", "EINVAL")


@pytest.mark.parametrize("new", [True, False], ids=["new namespace", "joined namespace"])
def test_given_back_when_nothing_comes_of_it(runtime, bundle, host, make_network, new):
    """With the names, addresses and states that they had."""
    if not new:
        other = make_network()
        bundle.without("network")
        bundle.linux["namespaces"].append({"type": "network", "path": str(other.path)})
    bundle.linux["netDevices"] = {"a0": {"name": "eth0"}, "a1": {"name": "b0"}, "b1": {}}
    bundle.process["args"] = ["/nosuch"]
    refused(runtime, bundle, host, "/process/args/0: ")
    assert host.ip("-o", "-4", "address", "show", "dev", "a0").count("10.8.0.1/24") == 1
    if not new:
        assert set(other.devices()) == {"lo"}


def test_features(runtime):
    assert json.loads(runtime("features", check=True).out)["linux"]["netDevices"] == {"enabled": True}
