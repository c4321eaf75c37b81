"""Images that try to get out of their directory, or to fill the disk, or that are simply wrong.

Each is a list of layers; a name says what it tries. `TARGET` is a file outside that none of them may make.
"""

import gzip
import io
import random
import tarfile

from . import images
from .images import Layer, directory, entry, hardlink, symlink

TARGET = "escaped-from-image"
OUT = "../" * 40


def outside(rig):
    """Where hostile images try to write: below the root and in the rig's own directory."""
    return [rig.place.path(f"/{TARGET}"), rig.place.path(f"/tmp/{TARGET}"), rig.place.path(rig.directory / TARGET)]


def escapes(victim):
    """Layers of each kind; `victim` is a directory of the host's."""
    return {
        "dots": [[entry(f"{OUT}tmp/{TARGET}", b"x")]],
        "dots-inside": [[directory("a"), entry(f"a/{OUT}tmp/{TARGET}", b"x")]],
        "symlink-then-file": [[symlink("out", str(victim)), entry(f"out/{TARGET}", b"x")]],
        "relative-symlink-then-file": [[symlink("out", f"{OUT}{str(victim)[1:]}"), entry(f"out/{TARGET}", b"x")]],
        "symlink-of-a-lower-layer": [[symlink("out", str(victim))], [entry(f"out/{TARGET}", b"x")]],
        "chain-of-symlinks": [[symlink("a", "b"), symlink("b", "c"), symlink("c", str(victim)), entry(f"a/{TARGET}", b"x")]],
        "symlink-as-the-last-part": [[symlink("file", str(victim / TARGET)), entry("file", b"x")]],
        "hardlink-out": [[hardlink("passwd", f"{OUT}etc/hostname"), entry("passwd", b"overwritten")]],
        "hardlink-through-a-symlink": [[symlink("out", str(victim)), hardlink("secret", "out/secret")]],
        "whiteout-out": [[entry(f"{OUT}{str(victim)[1:]}/.wh.secret")]],
        "whiteout-through-a-symlink": [[symlink("out", str(victim)), entry("out/.wh.secret")]],
        "opaque-through-a-symlink": [[symlink("out", str(victim)), entry("out/.wh..wh..opq")]],
        "whiteout-of-dots": [[directory("a"), entry("a/.wh..."), entry("a/.wh...")]],
        "directory-through-a-symlink": [[symlink("out", str(victim)), directory(f"out/{TARGET}")]],
        "mode-through-a-symlink": [[symlink("out", str(victim / "secret")), directory("out", 0o777)]],
        "device-through-a-symlink": [[symlink("out", str(victim)),
                                      entry(f"out/{TARGET}", kind=tarfile.CHRTYPE, devmajor=1, devminor=3)]],
        # libarchive ends the name there.
        "name-with-nul": [[entry("x", b"", pax={"path": f"kept\0/{OUT}tmp/{TARGET}"})]],
    }


# Whatever becomes of these, nothing outside may change: some are harmless where links are resolved within the root.
REFUSED = {"dots", "dots-inside", "hardlink-out", "whiteout-of-dots"}


def malformed():
    """Blobs that are no layers, as (data, diff id or None for its own)."""
    good = images.archive([entry("file", b"x" * 5000)])
    return {
        "no-archive": b"this is not a tar archive" * 100,
        "cut-archive": good[:1500],
        "bad-checksum": good[:100] + b"9999999" + good[107:],
        "negative-size": with_size(good, b"-0000000001\0"),
        "size-of-exabytes": with_size(good, b"\x80\0\0\0\x0f" + b"\xff" * 7),
        "empty-name": images.archive([entry("", b"x")]),
        "pax-of-gigabytes": pax_bomb(),
    }


def with_size(tar, size):
    """The first member's header with another size, and the check sum for it."""
    header = bytearray(tar[:512])
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


def pax_bomb():
    """An extended header that says it has two gigabytes."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 2 << 30
    return header.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 4096


def bombs():
    """Small on the wire, large on disk; with the blob made by pieces, so that it is not large here, either."""
    return {"deep": deep, "wide": wide, "large": large, "compressed": compressed}


def deep(levels=5000):
    name = "d/" * levels
    return Layer([entry(f"{name}file", b"x")])


def wide(files=200_000):
    """More members than are allowed."""
    block = b"".join(tarfile.TarInfo(f"f{n:07}").tobuf(tarfile.USTAR_FORMAT) for n in range(1000))
    return Repeated(block, files // 1000)


def large(files=40):
    """Files of 16 MiB, which pack well, but not suspiciously so."""
    block = random.Random(3).randbytes(1 << 12).hex().encode() * 2048
    tar = b"".join(member(f"f{n}", block) for n in range(2))
    return Repeated(tar, files // 2)


def member(name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data


def compressed(size=8 << 30):
    """One file of zeros, a thousand times larger than its blob."""
    return Zeros(size)


class Repeated(Layer):
    """The same members over and over: compressed in pieces."""

    def __init__(self, block, times):
        self.compression, self.diff_id = "gzip", images.digest(b"never looked at")
        piece = gzip.compress(block, 6, mtime=0)
        self.data = piece * times
        self.digest = images.digest(self.data)


class Zeros(Layer):
    def __init__(self, size):
        self.compression, self.diff_id = "gzip", images.digest(b"never looked at")
        header = tarfile.TarInfo("zeros")
        header.size = size
        output = io.BytesIO(gzip.compress(header.tobuf(tarfile.GNU_FORMAT), mtime=0))
        output.seek(0, 2)
        piece = gzip.compress(bytes(64 << 20), 9, mtime=0)
        output.write(piece * (size // (64 << 20)))
        self.data = output.getvalue()
        self.digest = images.digest(self.data)
