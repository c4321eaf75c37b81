"""The daemon as an administrator installs it, on a host that systemd has booted: only for hosts that are thrown away.

What has to be known of it is as of a `Rig`, so that pods and containers are driven by the same words.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from . import images
from .client import Client
from .daemons import PLUGINS, REPOSITORY, ApusCRI, toml
from .fake_registry import FakeRegistry
from .pods import Pod

UNITS = Path("/etc/systemd/system")
CONFIGURATION = Path("/etc/apus-cri")
SOCKET = Path("/run/apus-cri/apus-cri.sock")


def systemctl(*arguments, check=True):
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=90)
    if check and done.returncode:
        raise AssertionError(f"systemctl {arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def shown(unit, name):
    """A property of a unit."""
    return systemctl("show", "--value", "-p", name, unit)


class Host:
    """What a `Place` is elsewhere."""

    root = Path("/")

    @staticmethod
    def path(path):
        return Path(path)

    @staticmethod
    def listen(host="127.0.0.1", port=0):
        return socket.create_server((host, port), backlog=64)


class Booted:
    def __init__(self, directory):
        self.directory, self.place, self.client, self.registry = Path(directory), Host(), None, None
        self.logs = self.directory / "pods"
        self.logs.mkdir()
        self.parent = ""
        networks = CONFIGURATION / "net.d"
        certificates = CONFIGURATION / "certs.d"
        for path in (networks, certificates):
            path.mkdir(parents=True)
        (CONFIGURATION / "config.toml").write_text(toml({
            # A guest's own root is an overlay, which cannot hold another one's upper layer.
            "": {"root": self.directory / "root"},
            "log": {"level": "debug"},
            "handlers.apus": {"path": ApusCRI.runtime},
            "network": {"configurations": networks, "plugins": [PLUGINS]},
        }))
        for kind in ("service", "socket"):
            shutil.copy(REPOSITORY / f"packaging/cri/apus-cri.{kind}", UNITS)
        # All but where the executables are is as the units say.
        drop_in = UNITS / "apus-cri.service.d"
        drop_in.mkdir()
        libraries = os.environ.get("APUS_CRI_LIBRARIES", "")
        (drop_in / "test.conf").write_text(
            f"[Service]\nExecStart=\nExecStart={ApusCRI.path}\nEnvironment=LD_LIBRARY_PATH={libraries}\n")
        systemctl("daemon-reload")
        self.registry = FakeRegistry(self.place, certificates, "booted.test")
        self.registry.add("busybox:latest", images.busybox())

    def close(self):
        if self.registry:
            self.registry.close()
        if self.client:
            self.client.close()
        systemctl("stop", "apus-cri.socket", "apus-cri.service", check=False)
        for unit in UNITS.glob("apus-cri.*"):
            shutil.rmtree(unit) if unit.is_dir() else unit.unlink()
        shutil.rmtree(CONFIGURATION, ignore_errors=True)
        systemctl("daemon-reload")

    def connect(self):
        self.client = self.client or Client(SOCKET)
        return self.client

    def reconnect(self):
        """As a connection to a daemon that was killed may fail once more."""
        self.client.close()
        self.client = None
        return self.connect()

    def pid(self):
        return int(shown("apus-cri.service", "MainPID"))

    def journal(self):
        done = subprocess.run(["journalctl", "-u", "apus-cri.service", "--no-pager", "-o", "cat"], capture_output=True, text=True)
        return done.stdout

    def need(self, name):
        reference = f"booted.test/{name}"
        if not self.client.ImageStatus(image={"image": reference}).HasField("image"):
            self.client.PullImage(image={"image": reference}, timeout=60)
        return reference

    def pod(self, parent="", **config):
        """On the host's network: what is tested is not the network."""
        security = {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}}
        return Pod(self, linux={"cgroup_parent": parent, "security_context": security}, **config)

    def discard_pods(self):
        for pod in self.client.ListPodSandbox().items:
            self.client.StopPodSandbox(pod_sandbox_id=pod.id)
            self.client.RemovePodSandbox(pod_sandbox_id=pod.id)

    def wait_for(self, state, patience=60):
        deadline = time.monotonic() + patience
        while shown("apus-cri.service", "ActiveState") != state:
            assert time.monotonic() < deadline, f"{systemctl('status', 'apus-cri.service', check=False)}\n{self.journal()[-3000:]}"
            time.sleep(0.05)
