"""umoci, which unpacks images to bundles: the runtime itself is called with these, as umoci has configured them."""

import json
import os

import debian
import image
import processes
import registry
from engine import Engine

# A user without privilege, for --rootless.
USER = 1000


class Umoci(Engine):
    name = "umoci"
    programs = {"setpriv": "util-linux", **registry.PROGRAMS}

    def start(self):
        # For the user, too.
        self.dir.chmod(0o755)
        self.state = self.dir / "state"
        self.layout = self.dir / "layout"
        archive = image.write(self.dir / "image.tar")
        for source, tag in ((f"docker-archive:{archive}", "busybox"),
                            (f"docker://{self.registry.debian}", debian.DEBIAN), (f"docker://{self.registry.nobody}", debian.NOBODY)):
            self.registry.copy(source, f"oci:{self.layout}:{tag}")

    def version(self):
        return ", ".join(self.call(*words).out.strip() for words in (("umoci", "--version"), ("skopeo", "--version")))

    def image(self, tag, *options):
        """An image like another one, but for some of its configuration; its tag."""
        made = self.unique("tag")
        self.umoci("config", "--image", f"{self.layout}:{tag}", "--tag", made, *options)
        return made

    def command(self, tag, *words, options=()):
        """An image with a command of its own."""
        return self.image(tag, *(f"--config.cmd={word}" for word in words), *options)

    def umoci(self, *words, prefix=()):
        got = self.call(*prefix, "umoci", *words, timeout=300)
        assert got.status == 0, got

    def unpacked(self, tag):
        """The bundle."""
        bundle = self.dir / self.unique("bundle")
        self.umoci("unpack", "--image", f"{self.layout}:{tag}", bundle)
        return bundle

    def repacked(self, bundle):
        """The image that has what was changed in a bundle; its tag."""
        made = self.unique("tag")
        self.umoci("repack", "--image", f"{self.layout}:{made}", bundle)
        return made

    def run(self, bundle, typed=""):
        """To its end, on a terminal, for umoci configures one."""
        return self.on_terminal(*self.words("run", "--bundle", bundle, self.unique()), typed=typed, timeout=60)

    def words(self, *command):
        return [self.runtime.path, "--root", self.state, *command]

    def status(self, id):
        got = self.call(*self.words("state", id))
        return json.loads(got.out)["status"] if got.status == 0 else None

    def without_terminal(self, bundle):
        path = bundle / "config.json"
        config = json.loads(path.read_text())
        config["process"]["terminal"] = False
        # The list's own, so that nothing of it is left whatever happens.
        config["linux"]["cgroupsPath"] = f"/{self.cgroup}/{self.unique()}"
        path.write_text(json.dumps(config))

    @property
    def cgroup(self):
        return f"apus-umoci-{os.getpid()}-{self.runtime.name}"

    def left(self):
        return sorted(path.name for path in self.state.iterdir()) if self.state.exists() else []

    def clean(self):
        for id in self.left():
            self.call(*self.words("delete", "--force", id))
        processes.remove_cgroup(self.cgroup)
