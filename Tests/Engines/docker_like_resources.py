"""Podman and Docker: limits of memory, processes and CPU, and what a container uses of them."""

import os
import resource
import time

from docker_like import UNLIMITED, WAIT, DockerLike, may_raise_limits, unified
from engine import NotOffered
from entries import Entries
from image import NAME

docker_like = Entries("podman", "docker")
MB = 1 << 20
# Of v1 as they are; as weights of v2 in runc since 1.3.2 and crun since 1.23, where 1024 is the default of both; and in
# those before, which took shares from 2 to 262144 for weights from 1 to 10000 in a line.
SHARES = {512: ("512", "59", "20"), 1024: ("1024", "100", "39")}


@docker_like("--memory: the cgroup's limit")
def memory(e: DockerLike):
    name = e.detached(options=("--memory", "64m"))
    assert e.limit(name, "memory/memory.limit_in_bytes", "memory.max") == str(64 * MB)
    assert e.inspect(name, "{{.HostConfig.Memory}}") == str(64 * MB)
    e.remove(name)


@docker_like("--memory: a process that takes more is killed, and that is reported as OOM")
def oom(e: DockerLike):
    name = e.detached("tail", "/dev/zero", options=("--memory", "16m", "--memory-swap", "16m"))
    assert e.ended(name) == 137
    said = e.inspect(name, "{{.State.OOMKilled}} {{.State.ExitCode}}")
    e.remove(name)
    if e.list == "podman" and said == "false 137":
        raise NotOffered("conmon 2.1.6 tells of it where Podman 4.3.1 does not look; the status is 137")
    assert said == "true 137", said
    name = e.detached("sh", "-c", "exit 1", options=("--memory", "16m"))
    assert e.ended(name) == 1
    assert e.inspect(name, "{{.State.OOMKilled}}") == "false"
    e.remove(name)


@docker_like("--pids-limit: fork fails at the limit")
def pids(e: DockerLike):
    name = e.detached(options=("--pids-limit", "12"))
    assert e.limit(name, "pids/pids.max", "pids.max") == "12"
    result = e.exec(name, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 3 & done; wait")
    assert "can't fork" in result.err and "Resource temporarily unavailable" in result.err, result
    e.remove(name)


@docker_like("--cpus, --cpu-shares, --cpuset-cpus: the cgroup's files")
def cpu(e: DockerLike):
    name = e.detached(options=("--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0"))
    assert e.limit(name, "cpu/cpu.cfs_quota_us", "cpu.max") in ("50000", "50000 100000")
    assert e.limit(name, "cpu/cpu.shares", "cpu.weight") in SHARES[512]
    assert e.limit(name, "cpuset/cpuset.cpus", "cpuset.cpus") == "0"
    assert e.told(name, "nproc") == "1"
    e.remove(name)


@docker_like("update: new limits for a running container")
def update(e: DockerLike):
    name = e.detached(options=("--memory", "128m", "--memory-swap", "256m", "--pids-limit", "100", "--cpu-shares", "512"))
    e.done("update", "--memory", "64m", "--memory-swap", "128m", name)
    assert e.limit(name, "memory/memory.limit_in_bytes", "memory.max") == str(64 * MB)
    e.done("update", "--cpu-shares", "1024", name)
    assert e.limit(name, "cpu/cpu.shares", "cpu.weight") in SHARES[1024]
    e.done("update", "--cpuset-cpus", "0", name)
    assert e.limit(name, "cpuset/cpuset.cpus", "cpuset.cpus") == "0"
    assert e.limit(name, "memory/memory.limit_in_bytes", "memory.max") == str(64 * MB)
    assert e.inspect(name, "{{.State.Status}}") == "running"
    e.remove(name)


@docker_like("update --pids-limit", "docker")
def update_pids(e: DockerLike):
    name = e.detached(options=("--pids-limit", "100"))
    e.done("update", "--pids-limit", "50", name)
    assert e.limit(name, "pids/pids.max", "pids.max") == "50"
    e.remove(name)


@docker_like("stats: memory, processes and CPU time that are used")
def stats(e: DockerLike):
    script = "sleep 1000 & x=$(head -c 8000000 /dev/zero | tr '\\0' x); while :; do :; done"
    name = e.detached("sh", "-c", script, options=("--memory", "256m"))
    shown = lambda: e.done("stats", "--no-stream", "--format", "{{.PIDs}};{{.MemUsage}};{{.CPUPerc}}", name).split(";")
    # Until then the substitution's processes are there.
    e.wait_for(lambda: shown()[0] == "2", "the shell and sleep alone to be left")
    time.sleep(1)
    _, used, cpu = shown()
    amount, limit = used.split(" / ")
    number = float(amount.rstrip("kKMGiB"))
    assert ("MB" in amount or "MiB" in amount) and 7 < number < 200, used
    assert limit in ("256MiB", "268.4MB"), limit
    assert float(cpu.rstrip("%")) > 5, cpu
    e.remove(name)


@docker_like("--ulimit: soft and hard limit")
def ulimit(e: DockerLike):
    options = ("--ulimit", "nofile=512:768", *e.ulimits)
    assert e.shell("ulimit -Sn; ulimit -Hn", options=options) == "512\n768"


@docker_like("--ulimit: one that the caller may not set is named")
def ulimit_refused(e: DockerLike):
    if may_raise_limits():
        raise NotOffered("the caller has CAP_SYS_RESOURCE, and may set all")
    beyond = resource.getrlimit(resource.RLIMIT_NOFILE)[1] + 1
    result = e.run("true", options=("--ulimit", f"nofile={beyond}:{beyond}", *e.ulimits))
    assert result.status in (125, 126) and "operation not permitted" in result.err.lower(), result
    assert "nofile" in result.err.lower() or "rlimit" in result.err.lower(), result.err


@docker_like("--oom-score-adj: the process's value")
def oom_score(e: DockerLike):
    assert e.shown("cat", "/proc/self/oom_score_adj", options=("--oom-score-adj", "123")) == "123"


@docker_like("--shm-size: the size of /dev/shm")
def shm(e: DockerLike):
    assert e.shell("df -k /dev/shm | tail -1 | awk '{print $2}'", options=("--shm-size", "2m")) == "2048"


@docker_like("--blkio-weight: the cgroup's weight")
def blkio(e: DockerLike):
    name = e.unique()
    result = e.do("run", "--detach", "--name", name, *e.options(("--blkio-weight", "300")), NAME, *WAIT)
    try:
        if result.status or e.inspect(name, "{{.HostConfig.BlkioWeight}}") != "300":
            raise NotOffered(f"the engine takes no weight on this host: {result.err.strip()[-200:]}")
        try:
            weight = e.limit(name, "blkio/blkio.bfq.weight", "io.bfq.weight")
        except FileNotFoundError as missing:
            raise NotOffered(f"no scheduler of this host has weights: no {os.path.basename(missing.filename)}") from None
        assert weight.split()[-1] == "300", weight
    finally:
        e.do("rm", "--force", name)


@docker_like("without limits: none is set")
def unlimited(e: DockerLike):
    name = e.detached()
    value = e.limit(name, "memory/memory.limit_in_bytes", "memory.max")
    assert value == "max" if unified() else int(value) >= UNLIMITED, value
    e.remove(name)
