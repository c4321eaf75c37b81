"""A daemon in a place, with registries and images: what a test drives, and what is looked at after it."""

import itertools
import os
import signal
import time
from pathlib import Path

import grpc

from . import images
from .cgroups import usual_view
from .client import Client
from .daemons import chosen
from .fake_registry import FakeRegistry
from .place import Place
from .pods import Pod
from .registry import Registries

_numbers = itertools.count(1)


class Rig:
    def __init__(self, directory, view=None, registries=True, kind=None, **configuration):
        self.directory, self.configuration = Path(directory), configuration
        self.place = Place(self.directory, view or usual_view())
        self.fakes, self.started, self.client = [], None, None
        try:
            self.daemon = (kind or chosen())(self.directory)
            self.registries = Registries(self.place, self.daemon.hosts) if registries else None
            if registries:
                for reference, image in images.suite().items():
                    self.registries.push(reference, image)
            self.logs = self.directory / "pods"
            self.logs.mkdir()
            # As kubelet does: the parent is there before the pod.
            self.parent = "/pods"
            self.start()
        except BaseException:
            self.close()
            raise

    # ---- the daemon ----

    def start(self):
        self.started = self.place.spawn(*self.daemon.command(**self.configuration), log=self.daemon.log)
        if self.client:
            self.client.close()
        # Through the place's own root: what a test mounts there is not seen from outside.
        self.client = Client(self.place.path(self.daemon.socket))
        deadline = time.monotonic() + self.daemon.ready_after
        while True:
            try:
                return self.client.Status(timeout=2)
            except grpc.RpcError as error:
                if time.monotonic() > deadline or not self.started.alive():
                    tail = self.daemon.log.read_text(errors="replace")[-3000:]
                    raise AssertionError(f"{self.daemon.name} does not answer: {error.details()}\n{tail}") from None
                time.sleep(0.01)

    def kill(self):
        self.started.stop(signal.SIGKILL)
        self.place.spawned.remove(self.started)

    def stop(self):
        code = self.started.stop(signal.SIGTERM)
        self.place.spawned.remove(self.started)
        return code

    def restart(self):
        self.kill()
        return self.start()

    def close(self):
        for fake in self.fakes:
            fake.close()
        if self.client:
            self.client.close()
        if getattr(self, "registries", None):
            self.registries.close()
        self.place.close()

    # ---- images ----

    def pull(self, reference, timeout=60, **fields):
        return self.client.PullImage(image={"image": reference}, timeout=timeout, **fields).image_ref

    def need(self, name):
        """One of the images of the suite, pulled if it is not there: gives its reference."""
        reference = f"open.test/{name}"
        if not self.image(reference):
            self.pull(reference)
        return reference

    def image(self, reference):
        """The image's status, or None."""
        answer = self.client.ImageStatus(image={"image": reference})
        return answer.image if answer.HasField("image") else None

    def images(self):
        return list(self.client.ListImages().images)

    def remove_image(self, reference):
        self.client.RemoveImage(image={"image": reference})

    def fake(self, **options):
        self.fakes.append(FakeRegistry(self.place, self.daemon.hosts, f"fake-{next(_numbers)}.test", **options))
        return self.fakes[-1]

    def used(self):
        """Bytes of the daemon's files, beside its data base, whose log grows and shrinks."""
        total, seen = 0, set()
        for directory, _, files in os.walk(self.place.path(self.daemon.root)):
            for path in [directory, *(f"{directory}/{name}" for name in files)]:
                try:
                    found = os.lstat(path)
                except OSError:
                    continue  # removed meanwhile
                if found.st_ino not in seen and not os.path.basename(path).startswith(("state.db", "meta.db", "metadata.db")):
                    seen.add(found.st_ino)
                    total += found.st_blocks * 512
        return total

    # ---- pods ----

    def pod(self, **config):
        return Pod(self, **config)

    def pods(self, **filter):
        return list(self.client.ListPodSandbox(filter=filter).items)

    def containers(self, **filter):
        return list(self.client.ListContainers(filter=filter).containers)

    def discard_pods(self):
        for pod in self.pods():
            self.client.StopPodSandbox(pod_sandbox_id=pod.id)
            self.client.RemovePodSandbox(pod_sandbox_id=pod.id)

    def monitor(self, pod):
        """The pid in the place of the pod's monitor."""
        # PID 1 of its containers is a clone of it, under another name.
        found = [pid for pid, line in self.place.processes().items() if "pod-monitor" in line and pod.id in line
                 and self.place.path(f"/proc/{pid}/comm").read_text() != "pause\n"]
        assert len(found) == 1, found
        return found[0]

    # ---- what is left ----

    def snapshot(self):
        """What must be the same before and after a pod."""
        return {
            "processes": sorted(line for line in self.place.processes().values() if not line.startswith("[Z]")),
            "mounts": self.place.mounts(),
            "cgroups": [group for group in self.place.tree.groups() if group not in (self.parent, self.daemon.parent)],
            "namespaces": sorted(path.name for path in self.place.path("/run/netns").glob("*")),
            "interfaces": [name for name in self.place.interfaces() if not name.startswith("cni-")],
            "leases": sorted(path.name for path in (self.directory / "leases").glob("*/*[.:]*")
                             if not path.name.startswith(("last_reserved", "lock"))),
            "files": sorted(self.daemon.leftovers()),
        }

    def settle(self, before, patience=10):
        """Waits until everything is as in `before`: gives what is not, by kind, after that time."""
        deadline = time.monotonic() + patience
        while True:
            now = self.snapshot()
            changed = {kind: (missing(now[kind], before[kind]), missing(before[kind], now[kind]))
                       for kind in now if now[kind] != before[kind]}
            if not changed or time.monotonic() > deadline:
                return {kind: {"left": left, "gone": gone} for kind, (left, gone) in changed.items()}
            time.sleep(0.05)


def missing(these, those):
    """What `these` have more often than `those`."""
    rest = list(those)
    return [item for item in these if not (item in rest and (rest.remove(item) or True))]
