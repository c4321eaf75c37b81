"""An image of busybox, as `docker save` writes them: every engine reads that, and no registry is needed."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile

BUSYBOX = "/bin/busybox"
NAME = "localhost/apus/busybox:1"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def layer():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        def directory(name, mode=0o755):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)

        def file(name, content, mode=0o644):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))

        for name in ("bin", "dev", "etc", "home", "proc", "root", "run", "sys", "usr", "var"):
            directory(name)
        directory("tmp", 0o1777)
        with open(BUSYBOX, "rb") as program:
            file("bin/busybox", program.read(), 0o755)
        for applet in subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if applet != "busybox":
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
        file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home:/bin/sh\n")
        file("etc/group", b"root:x:0:\nguest:x:1000:\nstaff:x:50:guest\n")
        file("bin/not-a-program", b"no program\n")
    return packed.getvalue()


def write(path, name=NAME):
    """Writes the archive."""
    content = layer()
    config = json.dumps({
        "architecture": ARCHITECTURE, "os": "linux", "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
        # Podman's builds count the layers here.
        "history": [{"created_by": "busybox"}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]}}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in ((config_name, config), ("layer.tar", content), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path
