"""Docker: a dockerd and the containerd that it starts, on directories and a socket of their own."""

import os
import subprocess
from pathlib import Path

import image
import processes
import registry
from docker_like import DockerLike

# What dockerd calls our runtime; "runc" is taken.
NAME = "tested"


class Docker(DockerLike):
    name = "docker"
    list = "docker"
    cgroup_driver = "cgroupfs"
    # There may be newer ones in PATH than Debian's.
    client = "/usr/bin/docker"
    programs = {"/usr/bin/docker": "docker.io", "dockerd": "docker.io", "containerd": "containerd", "busybox": "busybox-static",
                **registry.PROGRAMS}
    daemon = None

    def place(self):
        """The cgroup for all containers of the list."""
        return f"/apus-docker-{os.getpid()}-{self.runtime.name}"

    def remove_place(self):
        processes.remove_cgroup(self.parent.strip("/"))

    def start(self):
        self.parent = self.place()
        self.socket = self.dir / "docker.sock"
        self.hidden = False
        # dockerd takes the host's containerd when there is one; our mount namespace need not have it.
        if Path("/run/containerd/containerd.sock").exists():
            subprocess.run(["mount", "-t", "tmpfs", "none", "/run/containerd"], check=True)
            self.hidden = True
        self.start_daemon()
        if self.major_version("version", "--format", "{{.Server.Version}}") <= 20:
            self.last_capability = 37  # AUDIT_READ
        self.done("load", "--input", image.write(self.dir / "image.tar"))

    def start_daemon(self):
        # Its BuildKit calls `runc` of PATH, whatever runtimes there are; nothing else that dockerd runs here does.
        self.daemon = self.spawn(
            "env", f"PATH={self.runtime_as_runc()}:{os.environ['PATH']}", "dockerd",
            "--data-root", self.dir / "data", "--exec-root", self.dir / "exec", "--pidfile", self.dir / "pid",
            "--host", f"unix://{self.socket}",
            "--config-file", self.file("{}", "daemon.json"),
            "--bridge", "none", "--iptables=false", "--ip6tables=false",
            "--ip-forward=false", "--ip-masq=false", "--live-restore", "--experimental", *self.oom_score(),
            "--cgroup-parent", self.parent, "--exec-opt", f"native.cgroupdriver={self.cgroup_driver}",
            "--add-runtime", f"{NAME}={self.runtime.path}", "--default-runtime", NAME)

        def up():
            assert self.daemon.poll() is None, f"dockerd ended: {self.log(self.daemon).read_text()[-2000:]}"
            return self.do("version").status == 0
        self.wait_for(up, "dockerd to answer", 60)

    @staticmethod
    def oom_score():
        """dockerd 20 lowers its own by default, which takes CAP_SYS_RESOURCE; 26 has no such option."""
        offered = subprocess.run(["dockerd", "--help"], capture_output=True, text=True).stdout
        return ("--oom-score-adjust", "0") if "--oom-score-adjust" in offered else ()

    def runtime_as_runc(self):
        directory = self.dir / "bin"
        if not directory.exists():
            directory.mkdir()
            (directory / "runc").symlink_to(self.runtime.path)
        return directory

    def stop_daemon(self):
        self.daemon.terminate()
        self.daemon.wait(60)

    def environment(self):
        return super().environment() | {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.dir / "client"),
                                        "DOCKER_BUILDKIT": "0"}

    def words(self, *command):
        return (self.client, *command)

    def build(self, directory, tag, *options):
        return self.do("build", *options, "--tag", tag, directory, timeout=120)

    def version(self):
        said = [self.done("version", "--format", "{{.Server.Version}}"),
                self.done("info", "--format", "storage {{.Driver}}, cgroup v{{.CgroupVersion}}"),
                subprocess.run(["containerd", "--version"], capture_output=True, text=True).stdout.strip()]
        return "dockerd " + ", ".join(said)

    def clean(self):
        if self.daemon and self.daemon.poll() is None:
            names = self.do("ps", "--all", "--quiet").out.split()
            if names:
                self.do("rm", "--force", "--volumes", *names, timeout=180)

    def close(self):
        super().close()
        self.remove_place()
        if self.hidden:
            subprocess.run(["umount", "--lazy", "/run/containerd"])
