"""Pods and containers, in few words: what a test says of one is merged into what every one has."""

import itertools
import json
import re
import time
from datetime import datetime

import pytest

_numbers = itertools.count(1)
LOG_LINE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) (.*)", re.S)


def merge(base, over):
    """Nested dictionaries, the second's values first; None takes a field away."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


def until(condition, what, patience=20):
    """Waits until the condition holds and gives its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not after {patience} s")
        time.sleep(0.01)


class Pod:
    """A sandbox: `Pod(rig, hostname="h", linux={…})`; `handler` names the runtime handler."""

    def __init__(self, rig, handler="", run=True, timeout=60, **config):
        self.rig, self.client, self.handler, self.id = rig, rig.client, handler, None
        name = f"pod-{next(_numbers)}"
        self.config = merge({
            "metadata": {"name": name, "uid": f"uid-{name}", "namespace": "tests", "attempt": 0},
            "log_directory": str(rig.logs / name),
            "linux": {"cgroup_parent": rig.parent, "security_context": {"namespace_options": {"pid": "CONTAINER"}}},
        }, config)
        self.numbers = itertools.count(1)
        if run:
            self.run(timeout)

    def run(self, timeout=60):
        self.id = self.rig.client.RunPodSandbox(config=self.config, runtime_handler=self.handler,
                                                timeout=timeout).pod_sandbox_id
        return self.id

    @property
    def name(self):
        return self.config["metadata"]["name"]

    def answer(self, **fields):
        return self.rig.client.PodSandboxStatus(pod_sandbox_id=self.id, **fields)

    @property
    def status(self):
        return self.answer().status

    @property
    def ready(self):
        return self.status.state == 0

    @property
    def ip(self):
        return self.status.network.ip

    def stop(self, timeout=60):
        self.rig.client.StopPodSandbox(pod_sandbox_id=self.id, timeout=timeout)

    def remove(self, timeout=60):
        self.rig.client.RemovePodSandbox(pod_sandbox_id=self.id, timeout=timeout)

    def container(self, *command, **config):
        """Created, not started. What the pod's options say of namespaces is said to the container as well."""
        return Container(self, command, **config)

    def start(self, *command, **config):
        made = self.container(*command, **config)
        made.start()
        return made

    def shell(self, script, **config):
        return self.start("sh", "-c", script, **config)

    def result(self, script, code=0, **config):
        """What a script in a container of its own writes; the container is removed."""
        made = self.shell(script, **config)
        status = made.wait()
        text = made.output()
        made.remove()
        assert status.exit_code == code, f"exit code {status.exit_code}: {text} {made.output('stderr')}"
        return text


class Container:
    def __init__(self, pod, argv=(), image="busybox:latest", create=True, **config):
        self.pod, self.rig, self.id = pod, pod.rig, None
        name = f"c{next(pod.numbers)}"
        options = pod.config["linux"]["security_context"]["namespace_options"]
        base = {
            "metadata": {"name": name, "attempt": 0}, "log_path": f"{name}/0.log",
            # Found by it in the process table, whatever else the configuration says.
            "envs": [{"key": "RIG", "value": f"{pod.name}/{name}".encode()}],
            "linux": {"security_context": {"namespace_options": options}},
        }
        if argv:
            base["command"] = list(map(str, argv))
        config["envs"] = base["envs"] + [{"key": k, "value": v.encode()} for k, v in config.pop("env", {}).items()]
        self.config = merge(base, config)
        self.mark = f"RIG={pod.name}/{name}".encode()
        if "image" not in self.config:
            self.config["image"] = {"image": self.rig.need(image) if "/" not in image else image}
        if create:
            self.create()

    def create(self, timeout=60):
        self.id = self.rig.client.CreateContainer(pod_sandbox_id=self.pod.id, config=self.config,
                                                  sandbox_config=self.pod.config, timeout=timeout).container_id
        return self.id

    @property
    def log_path(self):
        return f"{self.pod.config['log_directory']}/{self.config['log_path']}"

    # ---- life ----

    def start(self, timeout=60):
        self.rig.client.StartContainer(container_id=self.id, timeout=timeout)

    def stop(self, grace=2, timeout=60):
        self.rig.client.StopContainer(container_id=self.id, timeout_=grace, timeout=timeout)

    def remove(self):
        self.rig.client.RemoveContainer(container_id=self.id)

    @property
    def status(self):
        return self.rig.client.ContainerStatus(container_id=self.id).status

    @property
    def state(self):
        return ("CREATED", "RUNNING", "EXITED", "UNKNOWN")[self.status.state]

    def info(self):
        """The details in JSON under `info`, as crictl inspect shows them."""
        return json.loads(self.rig.client.ContainerStatus(container_id=self.id, verbose=True).info["info"])

    def wait(self, patience=30):
        return until(lambda: (status := self.status).state == 2 and status, "the container's end", patience)

    def resources(self, **linux):
        self.rig.client.UpdateContainerResources(container_id=self.id, linux=linux)

    # ---- looking inside ----

    def exec(self, *command, limit=0, timeout=60, code=0):
        """ExecSync: what the command wrote; its exit code is checked unless that is None."""
        answer = self.exec_answer(*command, limit=limit, timeout=timeout)
        assert code is None or answer.exit_code == code, (answer.exit_code, answer.stdout, answer.stderr)
        return answer.stdout.decode()

    def exec_answer(self, *command, limit=0, timeout=60):
        return self.rig.client.ExecSync(container_id=self.id, cmd=list(map(str, command)), timeout_=limit, timeout=timeout)

    def sh(self, script, **options):
        return self.exec("sh", "-c", script, **options)

    def pids(self):
        """Its processes' ids in the place, found by the mark in their environment."""
        found = []
        for directory in (self.rig.place.root / "proc").iterdir():
            try:
                if directory.name.isdigit() and self.mark in (directory / "environ").read_bytes().split(b"\0"):
                    found.append(int(directory.name))
            except OSError:
                pass
        return sorted(found)

    def first(self):
        """Its first process; right after the start that may still be the runtime's own, without the mark."""
        return until(self.pids, "the container's process", 5)[0]

    def proc(self, name):
        """A file of its first process under /proc."""
        return self.rig.place.root / "proc" / str(self.first()) / name

    def field(self, name):
        """A line of /proc/PID/status, by its name."""
        return next(line.split(":", 1)[1].strip() for line in self.proc("status").read_text().splitlines()
                    if line.startswith(f"{name}:"))

    def cgroup(self, controller="memory"):
        """The directory of its cgroup as the test process reaches it."""
        for line in self.proc("cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if controller in names.split(",") if self.rig.place.tree.view == "v1" else not names:
                return self.rig.place.tree.group(self.within(path), controller)
        raise LookupError(controller)

    def within(self, path):
        """A path of /proc/PID/cgroup, which is read from outside, as the place's daemon names it."""
        return path.partition(self.rig.place.directory.name)[2]

    # ---- output ----

    def records(self):
        return records(self.rig.place.path(self.log_path).read_bytes())

    def output(self, stream="stdout"):
        return "".join(text + ("\n" if tag == "F" else "") for _, name, tag, text in self.records() if name == stream)


def records(data):
    """The records of a log file: (time, stream, tag, text); each must be as the format says."""
    assert not data or data.endswith(b"\n"), f"the log ends within a record: {data[-80:]!r}"
    found = []
    for line in data.split(b"\n")[:-1]:
        match = LOG_LINE.fullmatch(line)
        assert match, f"not a record of the CRI log format: {line[:200]!r}"
        moment, stream, tag, text = match.groups()
        found.append((moment.decode(), stream.decode(), tag.decode(), text.decode(errors="surrogateescape")))
    return found


def moment(text):
    """Nanoseconds since 1970 of a record's time."""
    head, fraction, zone = re.fullmatch(r"(.*)\.(\d+)(Z|[+-]\d\d:\d\d)", text).groups()
    whole = datetime.fromisoformat(head + zone.replace("Z", "+00:00"))
    return int(whole.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))
