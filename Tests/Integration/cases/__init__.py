"""The table of configurations for the differential test.

Each case edits the base bundle (harness/bundle.py) by one feature of the runtime specification. A
case is run under every runtime with a bundle of its own, so it must not depend on the id or the path.
"""

import atexit
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable


@dataclass
class Case:
    name: str
    section: str
    build: Callable
    note: str


TABLE: dict[str, Case] = {}


def case(section, name=None):
    """Adds a function that edits a bundle to the table, under its own name."""

    def add(function):
        label = name or function.__name__.strip("_").replace("_", "-")
        assert label not in TABLE, label
        TABLE[label] = Case(label, section, function, (function.__doc__ or "").strip())
        return function

    return add


class Held:
    """Namespaces kept by a sleeping process, to be joined by path."""

    _process = None

    @classmethod
    def pid(cls):
        if cls._process is None:
            cls._process = subprocess.Popen(
                ["unshare", "--net", "--ipc", "--uts", "--cgroup", "--time", "--pid", "--fork", "--kill-child",
                 "sh", "-c", "hostname held; exec sleep 3600"], stdin=subprocess.DEVNULL)
            atexit.register(cls.release)
            children = Path(f"/proc/{cls._process.pid}/task/{cls._process.pid}/children")
            while not children.read_text().split():
                time.sleep(0.01)
            cls._child = int(children.read_text().split()[0])
            while Path(f"/proc/{cls._child}/comm").read_text().strip() != "sleep":
                time.sleep(0.01)
        return cls._child

    @classmethod
    def path(cls, kind):
        return f"/proc/{cls.pid()}/ns/{kind}"

    @classmethod
    def names(cls):
        if cls._process is None:
            return {}
        return {Path(cls.path(kind)).stat().st_ino: f"joined {kind}" for kind in ("net", "ipc", "uts", "cgroup", "pid", "time")}

    @classmethod
    def release(cls):
        if cls._process is not None:
            cls._process.kill()
            cls._process.wait()
            cls._process = None


from . import captured, devices, engines, hooks, mount_extensions, mounts, namespaces, process, security  # noqa: E402,F401
