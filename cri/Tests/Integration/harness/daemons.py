"""The daemons that can live in a place: ours, and Debian's containerd, by which the tests themselves are judged."""

import json
import os
import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[4]
PLUGINS = "/usr/lib/cni"


def executable(variable, *candidates):
    if os.environ.get(variable):
        return os.path.realpath(os.environ[variable])
    return next((str(REPOSITORY / c) for c in candidates if (REPOSITORY / c).exists()), str(REPOSITORY / candidates[0]))


def network_list(directory, subnet="10.88.0.0/16", name="pods"):
    """A bridge with host ports, as an administrator writes it."""
    return {
        "cniVersion": "1.0.0", "name": name, "plugins": [
            {"type": "bridge", "bridge": f"cni-{name}", "isGateway": True, "ipMasq": True, "hairpinMode": True,
             "ipam": {"type": "host-local", "dataDir": str(directory / "leases"),
                      "ranges": [[{"subnet": subnet}], [{"subnet": "fd00:88::/64"}]],
                      "routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}]}


class Daemon:
    """What the tests need to know of one: how it is configured, started, and what it must not leave."""

    ready_after = 20
    # The cgroup of pods that name none; it stays.
    parent = None

    def __init__(self, directory):
        self.directory = directory
        self.root, self.run = directory / "root", directory / "run"
        self.socket, self.log = directory / "run" / "cri.sock", directory / "daemon.log"
        self.hosts, self.networks = directory / "certs.d", directory / "net.d"
        for path in (self.root, self.run, self.hosts, self.networks):
            path.mkdir(exist_ok=True)
        (self.networks / "10-pods.conflist").write_text(json.dumps(network_list(directory)))

    def entries(self, *patterns):
        """What there is in directories that are to be empty when there are no pods."""
        return [str(path.relative_to(self.directory)) for pattern in patterns for path in self.directory.glob(pattern)]


class ApusCRI(Daemon):
    name, runtime_name = "apus-cri", "apus"
    path = executable("APUS_CRI", "cri/.build/debug/apus-cri", "cri/.build/release/apus-cri")
    runtime = executable("APUS", ".build/release/apus", ".build/debug/apus")
    handlers = ("apus", "crun", "runc")
    parent = "/apus-cri"

    def configuration(self, **more):
        """`more` has settings by section: `images={…}`, `images_limits={…}` for `images.limits`."""
        sections = {
            "": {"root": self.root, "run": self.run},
            "socket": {"path": self.socket},
            "log": {"level": "debug"},
            # Beside the rig's other processes, where nobody looks for what pods leave.
            "cgroups": {"driver": "cgroupfs", "monitors": "/rig/monitors"},
            "handlers.apus": {"path": self.runtime, "kind": "apus"},
            "handlers.crun": {"path": shutil.which("crun"), "kind": "oci"},
            "handlers.runc": {"path": shutil.which("runc"), "kind": "oci"},
            "images": {"registries": self.hosts, "collect_after": "100ms"},
            "network": {"configurations": self.networks, "plugins": [PLUGINS]},
        }
        for name, settings in more.items():
            sections.setdefault(name.replace("_", "."), {}).update(settings)
        return toml(sections)

    def command(self, **more):
        path = self.directory / "config.toml"
        path.write_text(self.configuration(**more))
        return [self.path, "--config", path]

    def leftovers(self):
        return self.entries("root/pods/*", "root/writable/*", "root/network/*", "root/ingest/*", "run/pods/*",
                            "run/containers/*", "run/runtimes/*/*")


class Containerd(Daemon):
    name = runtime_name = "containerd"
    path = shutil.which("containerd")
    handlers = ("runc", "crun")

    def command(self, **_):
        cri = "plugins.'io.containerd.grpc.v1.cri'"
        runtimes = f"{cri}.containerd.runtimes"
        sections = {
            "": {"version": 2, "root": str(self.root), "state": str(self.run),
                 "disabled_plugins": ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
                                      "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
                                      "io.containerd.snapshotter.v1.aufs", "io.containerd.tracing.processor.v1.otlp"]},
            "grpc": {"address": str(self.socket)},
            cri: {"sandbox_image": "open.test/pause:latest", "restrict_oom_score_adj": True, "enable_selinux": False,
                  "disable_apparmor": True, "stream_server_address": "127.0.0.1", "stream_server_port": "0",
                  "max_container_log_line_size": 16384, "tolerate_missing_hugetlb_controller": True,
                  "enable_unprivileged_ports": False},
            f"{cri}.registry": {"config_path": str(self.hosts)},
            f"{cri}.cni": {"bin_dir": PLUGINS, "conf_dir": str(self.networks)},
            f"{cri}.containerd": {"default_runtime_name": "runc"},
        }
        for name in self.handlers:
            sections[f"{runtimes}.{name}"] = {"runtime_type": "io.containerd.runc.v2"}
            sections[f"{runtimes}.{name}.options"] = {"BinaryName": shutil.which(name) or name,
                                                      "Root": str(self.run / "runtimes" / name)}
        path = self.directory / "config.toml"
        path.write_text(toml(sections))
        return [self.path, "--config", path]

    def leftovers(self):
        return self.entries("root/io.containerd.grpc.v1.cri/sandboxes/*", "root/io.containerd.grpc.v1.cri/containers/*",
                            "run/io.containerd.runtime.v2.task/k8s.io/*", "run/io.containerd.grpc.v1.cri/sandboxes/*")


def toml(sections):
    def value(v):
        if isinstance(v, bool):
            return "true" if v else "false"
        if isinstance(v, (list, tuple)):
            return "[" + ", ".join(map(value, v)) + "]"
        return str(v) if isinstance(v, int) else json.dumps(str(v))

    lines = []
    for name, settings in sections.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {value(v)}" for key, v in settings.items() if v is not None]
    return "\n".join(lines) + "\n"


def chosen():
    name = os.environ.get("CRI_RIG", "apus-cri")
    return {kind.name: kind for kind in (ApusCRI, Containerd)}[name]
