"""Images made here, in memory: layers from lists of entries, manifests of both kinds, indexes."""

import gzip
import hashlib
import io
import json
import random
import subprocess
import tarfile
from functools import cache
from pathlib import Path

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
BUSYBOX = Path("/bin/busybox")
PASSWD = ("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n"
          "member:x:1000:1000::/home/member:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
GROUP = "root:x:0:\nwww-data:x:33:\nusers:x:100:\nmember:x:1000:\nextra:x:50000:member\nnobody:x:65534:\n"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def encode(document):
    return json.dumps(document, separators=(",", ":")).encode()


# ---- layers ----

def entry(name, data=b"", kind=tarfile.REGTYPE, mode=0o644, xattrs=None, pax=None, **fields):
    """A member of a layer. Its name is taken as it is, so that hostile ones can be made, too."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = kind, mode, len(data) if kind == tarfile.REGTYPE else 0, 1_600_000_000
    for field, value in fields.items():
        setattr(info, field, value)
    records = {f"SCHILY.xattr.{key}": value for key, value in (xattrs or {}).items()}
    info.pax_headers = {**records, **(pax or {})}
    return info, data


def directory(name, mode=0o755, **fields):
    return entry(name, kind=tarfile.DIRTYPE, mode=mode, **fields)


def symlink(name, target, **fields):
    return entry(name, kind=tarfile.SYMTYPE, mode=0o777, linkname=target, **fields)


def hardlink(name, target, **fields):
    """With mode and owner of its target, as archivers write it."""
    return entry(name, kind=tarfile.LNKTYPE, linkname=target, **fields)


def archive(entries, form=tarfile.PAX_FORMAT):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return output.getvalue()


class Layer:
    SUFFIX = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}
    DOCKER_SUFFIX = {"gzip": ".gzip", "zstd": ".zstd", "none": ""}

    def __init__(self, entries, compression="gzip", tar=None):
        tar = archive(entries) if tar is None else tar
        self.diff_id, self.compression = digest(tar), compression
        if compression == "gzip":
            self.data = gzip.compress(tar, 1, mtime=0)
        elif compression == "zstd":
            self.data = subprocess.run(["zstd", "-q", "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout
        else:
            self.data = tar
        self.digest = digest(self.data)

    def descriptor(self, docker):
        kind = (f"{DOCKER}image.rootfs.diff.tar{self.DOCKER_SUFFIX[self.compression]}" if docker
                else f"{OCI}layer.v1.tar{self.SUFFIX[self.compression]}")
        return {"mediaType": kind, "digest": self.digest, "size": len(self.data)}


# ---- images ----

class Image:
    """`config` is what goes under the configuration's `config`: `Cmd`, `User`, `Env`, `StopSignal` and so on."""

    def __init__(self, layers, config=None, docker=False, architecture="amd64", **more):
        self.layers = layers
        document = {"architecture": architecture, "os": "linux", "config": config or {},
                    "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
                    "created": "2026-01-01T00:00:00Z", **more}
        self.config = encode(document)
        self.media_type = f"{DOCKER}distribution.manifest.v2+json" if docker else f"{OCI}manifest.v1+json"
        config_type = f"{DOCKER}container.image.v1+json" if docker else f"{OCI}config.v1+json"
        self.document = {
            "schemaVersion": 2, "mediaType": self.media_type,
            "config": {"mediaType": config_type, "digest": digest(self.config), "size": len(self.config)},
            "layers": [layer.descriptor(docker) for layer in layers]}
        self.manifest = encode(self.document)

    @property
    def id(self):
        return digest(self.config)

    @property
    def digest(self):
        return digest(self.manifest)

    @property
    def manifests(self):
        return [self]

    def blobs(self):
        return {digest(self.config): self.config, **{layer.digest: layer.data for layer in self.layers}}


class Index:
    """Several images, each for a platform: `(image, {"architecture": …, "variant": …})`."""

    def __init__(self, members, docker=False):
        self.members = [image for image, _ in members]
        self.media_type = f"{DOCKER}distribution.manifest.list.v2+json" if docker else f"{OCI}index.v1+json"
        self.manifest = encode({
            "schemaVersion": 2, "mediaType": self.media_type,
            "manifests": [{"mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest),
                           "platform": {"os": "linux", **platform}} for image, platform in members]})

    @property
    def digest(self):
        return digest(self.manifest)

    @property
    def manifests(self):
        return [*self.members, self]

    def blobs(self):
        return {key: data for image in self.members for key, data in image.blobs().items()}


# ---- what most tests use ----

@cache
def busybox_layer():
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    entries = [directory(name) for name in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "var", "var/www")]
    entries += [directory("tmp", 0o1777), directory("home/member", uid=1000, gid=1000), symlink("usr/bin", "../bin"),
                symlink("sbin", "bin"), entry("etc/passwd", PASSWD.encode()), entry("etc/group", GROUP.encode()),
                entry("bin/busybox", BUSYBOX.read_bytes(), mode=0o755),
                entry("var/www/index.html", b"a page of the pod\n")]
    return Layer(entries + [symlink(f"bin/{name}", "busybox") for name in names if name != "busybox"])


PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def busybox(*layers, **config):
    """An image with a shell; more layers go on top."""
    docker = config.pop("docker", False)
    return Image([busybox_layer(), *layers], {"Cmd": ["sh"], "Env": [PATH], **config}, docker=docker)


def marked(text, **config):
    """A busybox image that is no other's: with a file that says so."""
    return busybox(Layer([entry("marker", text.encode())]), **config)


@cache
def suite():
    """The images every test may use, by their name in the registry."""
    everyday = busybox()
    users = {"uid": "1002", "name": "www-data", "uid-group": "1003:users", "name-gid": "www-data:100", "member": "1000",
             "unknown": "nobody-of-that-name"}
    found = {
        "busybox:latest": everyday,
        "busybox:docker": busybox(docker=True),
        # For daemons that keep a process in every sandbox: it must reap.
        "pause:latest": busybox(Entrypoint=["/bin/sh", "-c", "while :; do sleep 2147483647 & wait $!; done"], Cmd=None),
        "httpd:latest": busybox(Cmd=["httpd", "-f", "-v", "-p", "80", "-h", "/var/www"], ExposedPorts={"80/tcp": {}}),
        "configured:latest": busybox(
            Entrypoint=["/bin/sh", "-c", 'echo "$FROM_IMAGE $0 $@ $(pwd)"'], Cmd=["default"], WorkingDir="/var/www",
            Env=[PATH, "FROM_IMAGE=image", "BOTH=image"], StopSignal="SIGUSR1"),
        "tags:a": marked("tags"), "tags:b": marked("tags"), "tags:c": marked("tags"),
        "index:latest": Index([(marked("for arm64", Cmd=["cat", "/marker"]), {"architecture": "arm64", "variant": "v8"}),
                               (marked("for amd64", Cmd=["cat", "/marker"]), {"architecture": "amd64"})]),
        "index:docker": Index([(marked("for amd64", docker=True), {"architecture": "amd64"})], docker=True),
        "index:foreign": Index([(marked("for s390x"), {"architecture": "s390x"})]),
        "layers:latest": busybox(*odd_layers()),
        "volume:latest": Image([Layer([directory("sub"), entry("sub/file", b"of the volume\n"), entry("top", b"top\n")])]),
    }
    found |= {f"user-{name}:latest": busybox(User=user) for name, user in users.items()}
    return found


def odd_layers():
    """What layers may contain, each compressed in another way; test_image_content.py says what comes of it."""
    long_name = "long/" + "/".join(["d" * 100] * 3)
    below = Layer([
        directory("odd"), directory("odd/opaque"), entry("odd/opaque/below", b"below"), entry("odd/removed", b"removed"),
        directory("odd/gone"), entry("odd/gone/file", b"gone"), directory("odd/kept"), entry("odd/kept/a", b"a"),
        entry("odd/changed", b"before", mode=0o600), entry("odd/was-file", b"file"), directory("odd/was-directory"),
        entry("odd/was-directory/inner", b"inner")])
    middle = Layer([
        directory("odd/opaque", 0o751), entry("odd/opaque/.wh..wh..opq"), entry("odd/opaque/above", b"above"),
        entry("odd/.wh.removed"), entry("odd/.wh.gone"), entry("odd/kept/b", b"b"), entry("odd/changed", b"after", mode=0o644),
        entry("odd/.wh.was-file"), directory("odd/was-file"), entry("odd/was-file/now", b"directory"),
        entry("odd/.wh.was-directory"), symlink("odd/was-directory", "kept")], "zstd")
    above = Layer([
        entry("odd/first", b"linked", mode=0o640, uid=7, gid=8), hardlink("odd/second", "odd/first", mode=0o640, uid=7, gid=8),
        hardlink("odd/third", "/odd/first", mode=0o640, uid=7, gid=8),
        entry("odd/capable", b"", xattrs={"user.note": "said", "security.capability":
              b"\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0".decode("latin-1")}),
        entry("odd/setuid", b"", mode=0o4755), entry("odd/setgid", b"", mode=0o2755), directory("odd/sticky", 0o1777),
        entry("odd/fifo", kind=tarfile.FIFOTYPE, mode=0o622),
        entry("odd/null", kind=tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
        symlink("odd/dangling", "/nowhere/at/all"), entry(f"odd/{long_name}", b"long"),
        entry("odd/ünï-✓", b"name"), entry("odd/big-ids", b"", uid=2_000_000, gid=3_000_000)], "none")
    return below, middle, above


def incompressible(size, seed=0, name="filling"):
    """A layer of about this many bytes on the wire."""
    return Layer([entry(f"{name}-{seed}", random.Random(seed).randbytes(size))])
