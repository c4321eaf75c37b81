"""The three bundles: what `spec` writes, what Podman writes, and a large one. floor_container.c has them wired in."""

import copy
import json
import shutil
import subprocess
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent.parent / "spec-fixtures"
SHAPES = {"spec": "the bundle of `spec`", "engine": "Podman's, 40 mounts, 437 names in its seccomp profile",
          "large": "Podman's with 200 mounts, 100 kB"}
MOUNTS = {"engine": 40, "large": 200}
LARGE = 100_000


def program(config, *args):
    config = copy.deepcopy(config)
    config["process"].update(terminal=False, args=list(args))
    return config


def spec(apus, directory):
    subprocess.run([apus, "spec", "-b", directory], check=True)
    path = directory / "config.json"
    config = json.loads(path.read_text())
    path.unlink()
    return config


def engine(storage, shape):
    """Captured from Podman; more volumes, directories as they are and files read-only. Its cgroupsPath is left out, for
    many containers are made of one bundle."""
    config = json.loads((FIXTURES / "captured/podman-run.json").read_text().replace("@STORAGE@", str(storage)))
    del config["linux"]["cgroupsPath"]
    for i in range(MOUNTS[shape] - len(config["mounts"])):
        options = ["bind", "rprivate", "ro"] if i % 2 else ["rbind", "rprivate"]
        config["mounts"].append({"destination": f"/data/{i:03}", "type": "bind", "source": str(storage / f"{i:03}"), "options": options})
    if shape == "large":
        missing = LARGE - len(json.dumps(program(config, "/bin/true")))
        each = 400
        for i in range(missing // each + 1):
            config["annotations"][f"org.example.note-{i:04}"] = "x" * (each - 35)
    return config


def fill_storage(storage, count):
    (storage / "shm").mkdir(parents=True)
    for name in (".containerenv", "hostname", "hosts"):
        (storage / name).write_text(f"{name} of the container\n")
    for i in range(count):
        if i % 2:
            (storage / f"{i:03}").write_text("a secret\n")
        else:
            (storage / f"{i:03}").mkdir()


class Bundles:
    """`bundles[shape]` runs /bin/true, `bundles.waiting[shape]` a process that sleeps."""

    def __init__(self, workplace, apus):
        self.dir, self.left_out = workplace.dir, []
        self.configs = {}
        for shape in SHAPES:
            directory = self.dir / shape
            (directory / "rootfs/bin").mkdir(parents=True)
            for name in ("true", "sleep"):
                shutil.copy("/bin/busybox", directory / "rootfs/bin" / name)
            if shape == "spec":
                self.configs[shape] = spec(apus, directory)
            else:
                fill_storage(directory / "storage", MOUNTS[shape])
                self.configs[shape] = engine(directory / "storage", shape)
        self.write()

    def __getitem__(self, shape):
        return self.dir / shape

    @property
    def waiting(self):
        return {shape: self.dir / f"{shape}-waiting" for shape in SHAPES}

    def write(self):
        for shape, config in self.configs.items():
            (self[shape] / "config.json").write_text(json.dumps(program(config, "/bin/true")))
            waiting = program(config, "/bin/sleep", "100000")
            waiting["root"]["path"] = str(self[shape] / "rootfs")
            self.waiting[shape].mkdir(exist_ok=True)
            (self.waiting[shape] / "config.json").write_text(json.dumps(waiting))

    def fit(self, refused):
        """Leaves out what Debian's crun refuses: it is older than the specification that `spec` names, and cannot load
        device rules where the limit of locked memory is low. It is left out for all, and said."""
        for part in ("ociVersion", "linux.resources"):
            message = refused()
            if not message:
                return
            self.left_out.append(f"{part} (crun: {message})")
            for config in self.configs.values():
                if part == "ociVersion":
                    config["ociVersion"] = "1.0.2"
                else:
                    config["linux"].pop("resources", None)
            self.write()
