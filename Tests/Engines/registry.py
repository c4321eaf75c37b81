"""A registry on loopback: docker-registry, with a port and a directory of its own, and images that skopeo pushes."""

import json
import re

import debian
import image

PROGRAMS = {"docker-registry": "docker-registry", "skopeo": "skopeo", **debian.PROGRAMS}
NO_SIGNATURES = {"default": [{"type": "insecureAcceptAnything"}]}


class Registry:
    """An engine's own: it ends with the engine's daemons, and what was pushed goes with the engine's directory."""

    def __init__(self, engine):
        self.engine = engine
        config = engine.dir / "registry.json"
        # YAML is what it reads, and this is that. The kernel chooses the port.
        config.write_text(json.dumps({
            "version": "0.1", "log": {"accesslog": {"disabled": True}}, "http": {"addr": "127.0.0.1:0"},
            "storage": {"filesystem": {"rootdirectory": str(engine.dir / "registry")}}}))
        log = engine.log(engine.spawn("docker-registry", "serve", config))
        engine.wait_for(lambda: "listening on" in log.read_text(), "docker-registry to listen")
        self.address = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())[1]
        self.debian = f"{self.address}/apus/debian:12"
        self.nobody = f"{self.address}/apus/debian:nobody"
        self.busybox = f"{self.address}/apus/busybox:1"
        for tag, reference in ((debian.DEBIAN, self.debian), (debian.NOBODY, self.nobody)):
            self.copy(f"oci:{debian.layout()}:{tag}", f"docker://{reference}")
        self.copy(f"docker-archive:{image.write(engine.dir / 'pushed.tar')}", f"docker://{self.busybox}")

    def copy(self, source, target, prefix=()):
        got = self.engine.call(*prefix, "skopeo", "--insecure-policy", "copy", "--quiet",
                               "--src-tls-verify=false", "--dest-tls-verify=false", source, target, timeout=300)
        assert got.status == 0, got

    def digest(self, reference):
        """What a tag stands for: its repository, and the manifest's digest."""
        got = self.engine.call("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{reference}")
        assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", got.out), got
        return f"{reference.rpartition(':')[0]}@{got.out.strip()}"
