"""Configurations that engines wrote: spec-fixtures/captured.

Taken on Debian 12 with a recording runtime from `podman run` 4.3, `docker run` 20.10 and containerd 1.6's
`ctr run`. Changed in the files are the paths of the engine's storage (@STORAGE@) and 64-digit IDs, and
Docker's prestart hook is left out, which names the daemon's own executable. Changed here are the command,
the root and the cgroup, which are the bundle's, the limits, which this view of the host has no controllers
for, and the devices, of which there are those that this host has.
"""

import json
from pathlib import Path

from . import case

CAPTURED = Path(__file__).resolve().parents[3] / "spec-fixtures" / "captured"


def take(b, path):
    config = json.loads(path.read_text())
    config["root"]["path"] = b.config["root"]["path"]
    config["process"]["args"] = b.process["args"]
    config["linux"]["cgroupsPath"] = b.linux["cgroupsPath"]
    config["linux"].pop("resources", None)
    # With --privileged, an engine lists those that the host has.
    config["linux"]["devices"] = [d for d in config["linux"].get("devices", []) if Path(d["path"]).exists()]
    if "hostname" in config:
        config["hostname"] = "probe"
    storage = b.host_directory("storage")
    for mount in config["mounts"]:
        if mount["source"].startswith("@STORAGE@/"):
            name = mount["source"].removeprefix("@STORAGE@/")
            if name == "shm":
                b.host_directory("storage/shm", 0o1777)
            else:
                (storage / name).write_text("root:x:0:0:root:/root:/bin/sh\n" if name == "passwd" else f"{name}\n")
            mount["source"] = str(storage / name)
    b.config.clear()
    b.config.update(config)


for file in sorted(CAPTURED.glob("*.json")):
    case("config.md (captured)", f"captured-{file.stem}")(lambda b, file=file: take(b, file))
