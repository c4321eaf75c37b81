"""Docker with systemd's cgroups."""

import os
import subprocess

import processes
from docker import Docker


class DockerSystemd(Docker):
    """Containers are scopes of systemd's, in a slice of the list's own."""

    name = "docker-systemd"
    list = "docker"
    cgroup_driver = "systemd"

    @classmethod
    def unfit(cls):
        return super().unfit() or ("" if processes.with_systemd() else "needs systemd as the first process")

    def place(self):
        # A dash would be a slice within another.
        return f"apusdocker{os.getpid()}{self.runtime.name}.slice"

    def remove_place(self):
        subprocess.run(["systemctl", "stop", self.parent], capture_output=True, timeout=60)
