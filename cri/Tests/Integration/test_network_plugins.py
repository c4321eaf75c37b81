"""PodNetwork with the plugins of Debian's containernetworking-plugins, in a network namespace that is their host.

Needs root, the plugins, and the probe: swift build --package-path cri --product pod-network-probe
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

CRI = Path(__file__).resolve().parents[2]
PROBE = CRI / ".build" / "debug" / "pod-network-probe"
PLUGINS = Path("/usr/lib/cni")
NEEDED = ["bridge", "host-local", "portmap"]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces are made as root: run with sudo"),
    pytest.mark.skipif(
        not all((PLUGINS / name).exists() for name in NEEDED),
        reason="needs the plugins: apt-get install containernetworking-plugins",
    ),
    pytest.mark.skipif(not PROBE.exists(), reason="needs the probe: see the head of this file"),
]

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here is the pod")
    def log_message(self, *_):
        pass
http.server.HTTPServer(("0.0.0.0", 80), Handler).serve_forever()
"""


class Namespace:
    """A network namespace of which a process is the holder; `lo` is up, as a pod's monitor has it."""

    def __init__(self, *flags):
        self.holder = subprocess.Popen(["unshare", "--net", *flags, "sleep", "1000"])
        own = Path("/proc/self/ns/net").stat().st_ino
        self.path = f"/proc/{self.holder.pid}/ns/net"
        while os.stat(self.path).st_ino == own:
            time.sleep(0.01)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *words, check=True, **options):
        result = subprocess.run(
            ["nsenter", f"--net={self.path}", *words], capture_output=True, text=True, timeout=60, **options)
        if check:
            assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result

    def devices(self):
        return sorted(device["ifname"] for device in json.loads(self.run("ip", "-j", "link").stdout))

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Host:
    def __init__(self, directory):
        self.directory = directory
        self.configurations = directory / "net.d"
        self.binaries = directory / "bin"
        self.cache = directory / "cache"
        self.leases = directory / "leases"
        self.configurations.mkdir()
        self.binaries.mkdir()
        for plugin in PLUGINS.iterdir():
            (self.binaries / plugin.name).symlink_to(plugin)
        self.namespace = Namespace()
        self.namespace.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", check=False)
        self.configure()

    def configure(self, name="pods", subnets=("10.88.0.0/16",), version="1.0.0"):
        bridge = {
            "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True,
            "ipam": {
                "type": "host-local", "dataDir": str(self.leases),
                "ranges": [[{"subnet": subnet}] for subnet in subnets], "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
        (self.configurations / "10-pods.conflist").write_text(
            json.dumps({"cniVersion": version, "name": name, "plugins": [bridge, portmap]}))

    def command(self, *words):
        return [PROBE, self.configurations, self.binaries, self.cache, *words]

    def do(self, *words, check=True):
        result = self.namespace.run(*self.command(*words), check=check)
        return result.returncode, dict(
            line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in result.stdout.splitlines())

    def leased(self):
        return sorted(
            file.name for network in self.leases.glob("*") for file in network.glob("*")
            if file.name[0].isdigit() or file.name.startswith("fd00"))

    def records(self):
        return sorted(file.name for file in self.cache.glob("*"))

    def get(self, address, namespace=None):
        url = f"http://{address}/"
        code = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=5).read().decode())"
        return (namespace or self.namespace).run("python3", "-c", code, check=False).stdout.strip()


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    yield host
    host.namespace.close()


@pytest.fixture
def make_pod():
    pods = []

    def make():
        pods.append(Namespace())
        return pods[-1]

    yield make
    for pod in pods:
        pod.close()


def test_a_pod_answers_on_its_address_and_host_port(host, make_pod):
    assert host.do("status")[1]["ready"] == "true"
    pod, other = make_pod(), make_pod()
    _, result = host.do("attach", "pod1", pod.path, "8080:80")
    first = result["ips"]
    assert first.startswith("10.88.0.")
    assert "eth0" in result["interfaces"].split() and len(result["mac"]) == 17
    assert host.leased() == [first]
    assert host.do("result", "pod1")[1] == result

    server = subprocess.Popen(["nsenter", f"--net={pod.path}", "python3", "-c", SERVER])
    try:
        for _ in range(100):
            if host.get(first):
                break
            time.sleep(0.1)
        assert host.get(first) == "here is the pod"
        assert host.get("10.88.0.1:8080") == "here is the pod"
        host.do("attach", "pod2", other.path)
        assert host.get(first, other) == "here is the pod"
    finally:
        server.kill()
        server.wait()

    # The one without a host port: portmap 1.1.1 misses those of IPv4 in the tables of IPv6.
    host.do("check", "pod2")
    other.run("ip", "addr", "flush", "dev", "eth0")
    code, answer = host.do("check", "pod2", check=False)
    assert code == 1 and "CHECK by the plugin bridge" in answer["error"]

    # By then the network is another one.
    host.configure("others", ["10.99.0.0/16"])
    host.do("detach", "pod1")
    host.do("detach", "pod1")
    assert "eth0" not in pod.devices()
    assert "8080" not in host.namespace.run("iptables-save").stdout
    host.do("detach", "pod2")
    assert host.leased() == [] and host.records() == []


def test_a_plugin_that_fails_leaves_nothing(host, make_pod):
    pod = make_pod()
    (host.binaries / "portmap").unlink()
    (host.binaries / "portmap").write_text(
        "#!/bin/sh\necho '{\"code\": 7, \"msg\": \"no ports today\"}'\n[ $CNI_COMMAND = DEL ]\n")
    (host.binaries / "portmap").chmod(0o755)
    code, answer = host.do("attach", "pod1", pod.path, "8080:80", check=False)
    assert code == 1 and "no ports today (code 7)" in answer["error"]
    assert pod.devices() == ["lo"] and host.leased() == [] and host.records() == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_in_the_middle(host, make_pod, moment):
    """kill -9 while a plugin runs: what it had done or still does is undone at the next start, and it is stopped."""
    pod, alive = make_pod(), make_pod()
    host.do("attach", "alive", alive.path)
    kept = host.leased()
    flag = host.directory / "running"
    real = PLUGINS / "portmap"
    (host.binaries / "portmap").unlink()
    (host.binaries / "portmap").write_text(
        f"#!/bin/sh\nif [ $CNI_COMMAND = ADD ]; then echo $$ > {flag}.new; mv {flag}.new {flag}; "
        f"{'sleep 1000' if moment == 'before' else f'{real} <&0; sleep 1000'}; fi\nexec {real}\n")
    (host.binaries / "portmap").chmod(0o755)
    daemon = subprocess.Popen(
        ["nsenter", f"--net={host.namespace.path}", *host.command("attach", "pod1", pod.path, "8080:80")])
    while not flag.exists():
        time.sleep(0.02)
    if moment == "after":
        for _ in range(200):
            if "8080" in host.namespace.run("iptables-save").stdout:
                break
            time.sleep(0.05)
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    # The plugin goes on: it knows nothing of its caller's end.
    plugin = int(flag.read_text())
    assert is_running(plugin)
    assert host.records() == ["alive.json", "pod1.json"] and len(host.leased()) == 2
    pod.close()
    assert host.do("leftovers", "alive") == (0, {})
    assert not is_running(plugin)
    assert host.records() == ["alive.json"] and host.leased() == kept
    assert "8080" not in host.namespace.run("iptables-save").stdout
    again = make_pod()
    (host.binaries / "portmap").unlink()
    (host.binaries / "portmap").symlink_to(real)
    host.do("attach", "pod1", again.path, "8080:80")


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0", "1.0.0"])
def test_versions(host, make_pod, version):
    host.configure(version=version, subnets=["10.88.0.0/16", "fd00:88::/64"])
    pod = make_pod()
    _, result = host.do("attach", "pod1", pod.path, "8080:80")
    first, second = result["ips"].split()
    assert first.startswith("10.88.0.") and second.startswith("fd00:88::")
    assert host.leased() == [first, second]
    host.do("detach", "pod1")
    assert host.leased() == [] and pod.devices() == ["lo"]
