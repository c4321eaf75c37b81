"""Podman, with its own storage, run directory and configuration."""

import json
import os
import subprocess

import image
import processes
import registry
from docker_like import DockerLike, default_ulimits, may_raise_limits

PAUSE = "localhost/apus/pause:1"


class Podman(DockerLike):
    name = "podman"
    list = "podman"
    programs = {"podman": "podman", "conmon": "conmon", "busybox": "busybox-static", **registry.PROGRAMS}
    cgroup_manager = "cgroupfs"

    def place(self):
        """The cgroup for all containers of the list."""
        return f"/apus-podman-{os.getpid()}-{self.runtime.name}"

    def build_place(self):
        """For a build that is the container's cgroup itself."""
        return "--cgroup-parent", f"{self.parent}/build"

    def remove_place(self):
        processes.remove_cgroup(self.parent.strip("/"))

    def start(self):
        self.parent = self.place()
        self.common = ("--cgroup-parent", self.parent)
        self.policy = self.file(json.dumps(registry.NO_SIGNATURES), "policy.json")
        # Podman asks those runtimes for errors as JSON that are listed. Its own limit of files is 1048576: that takes
        # CAP_SYS_RESOURCE where the caller's is lower.
        self.ulimits = () if may_raise_limits() else ("--ulimit", "nproc=4096:4096")
        self.conf = self.file(f"""
[containers]
default_ulimits = {default_ulimits()}
log_driver = "k8s-file"
init_path = "/usr/bin/docker-init"
[engine]
lock_type = "file"
events_logger = "file"
cgroup_manager = "{self.cgroup_manager}"
runtime_supports_json = ["crun", "runc", "apus"]
runtime_supports_nocgroup = ["crun", "apus"]
[network]
network_config_dir = "{self.dir}/networks"
""", "containers.conf")
        # A user namespace's root has to get at its root file system.
        self.dir.chmod(0o755)
        self.archive = image.write(self.dir / "image.tar")
        if not self.stores("overlay"):
            assert self.stores("vfs"), f"neither overlay nor vfs stores an image: {self.refusal}"
        if self.major_version("--version") >= 5:
            self.default_capabilities = 0x800405fb
        layer = self.dir / "layer.tar"
        layer.write_bytes(image.layer())
        self.done("import", "--signature-policy", self.policy, "--change", 'ENTRYPOINT=["/bin/sleep","100000"]', layer, PAUSE)

    def stores(self, driver):
        """Takes the driver, if it can store the image and mount a container's root: overlay on overlay cannot."""
        self.driver = driver
        self.storage = self.file(f"""
[storage]
driver = "{driver}"
runroot = "{self.dir}/run"
graphroot = "{self.dir}/root-{driver}"
""", "storage.conf")
        tried = [self.do("load", "--signature-policy", self.policy, "--input", self.archive)]
        if tried[0].status == 0:
            name = self.unique()
            tried += [self.do("create", "--name", name, *self.options(()), image.NAME), self.do(*self.mounting(name)),
                      self.do("rm", "--force", name)]
        self.refusal = "".join(one.said for one in tried if one.status)
        return all(one.status == 0 for one in tried)

    def mounting(self, name):
        """Mounts a container's root file system and prints where."""
        return "mount", name

    def environment(self):
        return super().environment() | {"CONTAINERS_CONF": str(self.conf), "CONTAINERS_STORAGE_CONF": str(self.storage),
                                        # What Podman 5 else says to every command where there is a v1 tree.
                                        "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}

    def words(self, *command):
        # conmon leaves its file `oom` in the caller's directory.
        return ("env", f"--chdir={self.dir}", "podman", "--root", self.dir / f"root-{self.driver}", "--runroot", self.dir / "run",
                "--tmpdir", self.dir / "tmp", "--storage-driver", self.driver, "--runtime", self.runtime.path, "--cgroup-manager", self.cgroup_manager,
                "--events-backend", "file", *command)

    def build(self, directory, tag, *options):
        return self.do("build", "--signature-policy", self.policy, "--pull=never", *self.build_place(), *options, "--tag", tag, directory, timeout=120)

    def pull(self, reference):
        return self.do("pull", "--signature-policy", self.policy, "--tls-verify=false", reference, timeout=300)

    def push(self, reference):
        return self.do("push", "--signature-policy", self.policy, "--tls-verify=false", reference, timeout=300)

    def version(self):
        said = subprocess.run(["podman", "--version"], capture_output=True, text=True).stdout.strip()
        conmon = subprocess.run(["conmon", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
        return f"{said}, storage {self.driver}, {conmon}"

    def clean(self):
        if not hasattr(self, "driver"):
            return
        self.do("pod", "rm", "--all", "--force", "--time", "0", timeout=120)
        self.do("rm", "--all", "--force", "--time", "0", timeout=120)
        self.remove_place()

    def remove(self, *names):
        self.done("rm", "--force", "--time", "0", *names)
