"""A Debian image, as an OCI layout: mmdebstrap makes the files, umoci the image. Made once, and kept with what is built."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

KEPT = Path(__file__).resolve().parents[2] / ".build" / "engines"
# What is in the layout: as it is, and with a user in the image's configuration.
TAGS = DEBIAN, NOBODY = "debian", "nobody"
PROGRAMS = {"mmdebstrap": "mmdebstrap", "umoci": "umoci"}
# ping has a file capability, and it is libcap2-bin that gives it one. Documentation would be a third of the files.
MMDEBSTRAP = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=iputils-ping,libcap2-bin",
              *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")), "bookworm"]
CONFIG = ["--config.cmd=bash", "--config.env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


def layout():
    """The directory. Another recipe makes another one."""
    made = KEPT / f"debian-{hashlib.sha256(repr((MMDEBSTRAP, CONFIG, TAGS)).encode()).hexdigest()[:12]}"
    # Renamed when it is complete: what was broken off is not taken for an image.
    if made.exists():
        return made
    with alone():
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=KEPT) as partial:
                make(Path(partial))
                (Path(partial) / "layout").rename(made)
            give_to_owner(made)
    return made


@contextmanager
def alone():
    """One makes the image, and others wait for it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    give_to_owner(KEPT)
    with open(KEPT / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(directory):
    # mmdebstrap works as another user, too.
    directory.chmod(0o755)
    image = f"{directory}/layout:{DEBIAN}"
    for words in ([*MMDEBSTRAP, directory / "debian.tar"],
                  ["umoci", "init", "--layout", directory / "layout"],
                  ["umoci", "new", "--image", image],
                  ["umoci", "raw", "add-layer", "--image", image, directory / "debian.tar"],
                  ["umoci", "config", "--image", image, *CONFIG],
                  ["umoci", "config", "--image", image, "--tag", NOBODY, "--config.user=nobody"],
                  ["umoci", "gc", "--layout", directory / "layout"],
                  # Unprivileged users copy it, too.
                  ["chmod", "-R", "a+rX", directory / "layout"]):
        done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"cannot make the Debian image: {words[0]}: {' / '.join(done.stderr.splitlines()[-3:])}")


def give_to_owner(path):
    """Root makes it in a tree that is perhaps somebody's."""
    owner = KEPT.parents[1].stat()
    for directory, _, names in os.walk(path):
        for one in (directory, *(os.path.join(directory, name) for name in names)):
            shutil.chown(one, owner.st_uid, owner.st_gid)
