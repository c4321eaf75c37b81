"""The runtimes that are compared, the floor among them."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from timer import ENVIRONMENT, Failed


class Runtime:
    def __init__(self, name, path, workplace, timer):
        self.name, self.path, self.timer, self.prefix = name, os.path.realpath(path), timer, workplace.prefix
        self.root = workplace.state / name
        self.root.mkdir(mode=0o700)
        self.serial = 0
        workplace.runtimes.append(self)

    def id(self):
        self.serial += 1
        return f"{self.prefix}{self.name}-{self.serial}"

    def command(self, *arguments):
        return [self.path, "--root", self.root, *arguments]

    def __call__(self, *arguments, **options):
        return self.timer(*self.command(*arguments), **options)

    def run(self, bundle, id=None):
        return self("run", "--bundle", bundle, id or self.id())

    def create(self, bundle, id, check=True):
        return self("create", "--bundle", bundle, "--pid-file", self.pid_file(id), id, check=check)

    def pid_file(self, id):
        return self.root.parent / f"{id}.pid"

    def pid(self, id):
        return int(self.pid_file(id).read_text())

    def up(self, bundle):
        """A running container."""
        id = self.id()
        self.create(bundle, id)
        self("start", id)
        return id

    def down(self, id):
        """Ends and removes a running container; gives what `kill` and `delete` took."""
        pid = self.pid(id)
        killed = self("kill", id, "KILL")
        await_end(pid)
        deleted = self("delete", id)
        self.pid_file(id).unlink()
        return killed, deleted

    def version(self):
        return subprocess.run([self.path, "--version"], capture_output=True, text=True).stdout.splitlines()[0]

    def discard_all(self):
        for directory in list(self.root.glob("*")):
            try:
                subprocess.run(self.command("delete", "--force", directory.name), capture_output=True, env=ENVIRONMENT, timeout=20)
            except subprocess.TimeoutExpired:
                pass
        shutil.rmtree(self.root, ignore_errors=True)


class Floor:
    name = "floor"

    def __init__(self, workplace, bundles, timer):
        self.path, self.bundles, self.timer, self.prefix = str(workplace.floor), bundles, timer, workplace.prefix
        self.filter = workplace.dir / "filter"

    def _filter(self, shape):
        return "-" if shape == "spec" else self.filter

    def arguments(self, bundle):
        shape = Path(bundle).name
        return ["run", shape, bundle, f"{self.prefix}floor", self._filter(shape)]

    def run(self, bundle):
        return self.timer(self.path, *self.arguments(bundle))

    def exec(self, shape, pid, id):
        return self.timer(self.path, "exec", pid, id, self._filter(shape))

    def nothing(self):
        return self.timer(self.path, "nothing")


def await_end(pid, seconds=20):
    end = time.monotonic() + seconds
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > end:
            raise Failed(f"process {pid} did not end within {seconds} s")
        time.sleep(0.0005)
