"""Podman with systemd's cgroups: as root, and as an unprivileged user of a session."""

import os
import subprocess
from pathlib import Path

import processes
from podman import Podman


class PodmanSystemd(Podman):
    """Containers are scopes of systemd's, in a slice of the list's own."""

    name = "podman-systemd"
    list = "podman"
    cgroup_manager = "systemd"
    systemctl = ("systemctl",)

    @classmethod
    def unfit(cls):
        return super().unfit() or ("" if processes.with_systemd() else "needs systemd as the first process")

    def place(self):
        # A dash would be a slice within another.
        return f"apuspodman{os.getpid()}{self.runtime.name}.slice"

    def build_place(self):
        return ()

    def remove_place(self):
        subprocess.run([*self.systemctl, "stop", self.parent], capture_output=True, timeout=60)


class PodmanRootless(PodmanSystemd):
    """What an unprivileged user has: the user's own systemd, and the subordinate ids of /etc/subuid."""

    name = "podman-rootless"
    programs = Podman.programs | {"newuidmap": "uidmap"}
    systemctl = ("systemctl", "--user")

    @classmethod
    def unfit(cls):
        if os.geteuid() == 0:
            return "is for an unprivileged user: scripts/vm --systemd --user -- scripts/engines/podman-rootless"
        if not Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "systemd/private").exists():
            return "needs a session with systemd, in XDG_RUNTIME_DIR"
        return ""

    def start(self):
        # All of Podman's commands join the namespaces of this process; there may be one of the user's already.
        self.pause = Path(os.environ["XDG_RUNTIME_DIR"], "libpod/tmp/pause.pid")
        self.others = self.pause.exists()
        super().start()

    def mounting(self, name):
        # In the namespaces that all of the user's commands share; from outside they cannot be seen.
        return "unshare", "podman", "--root", self.dir / f"root-{self.driver}", "--runroot", self.dir / "run", "mount", name

    def close(self):
        super().close()
        # What belongs to subordinate ids.
        if self.dir.exists():
            self.do("unshare", "rm", "-rf", self.dir)
        if not self.others and self.pause.exists():
            os.kill(int(self.pause.read_text()), 9)
            self.pause.unlink()
