"""Memory: of the runtime while it creates, of what stays, and the least limit under which a container comes up."""

import json
import subprocess
import time
from pathlib import Path

from timer import ENVIRONMENT

STEP = 64 << 10


def fields(path):
    """`Name:  123 kB` lines of a file in /proc."""
    found = {}
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB":
            found[name] = int(words[0])
    return found


def held(pid):
    """Of a process, in kB: its share, what no other has, and what of that is in no file either. Of a runtime's
    executable, pages count as its own where no second one runs."""
    found = fields(f"/proc/{pid}/smaps_rollup")
    return {"PSS": found["Pss"], "private": found["Private_Clean"] + found["Private_Dirty"], "private dirty": found["Private_Dirty"]}


def descendants(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(pid), *(d for child in children for d in descendants(child))]


def case_memory(bench):
    for shape in bench.shapes:
        for _ in range(5):
            for runtime in bench.runtimes:
                waiting(bench, runtime, shape)
                foreground(bench, runtime, shape)
    smallest(bench)


def waiting(bench, runtime, shape):
    id = runtime.id()
    answer = runtime.create(bench.bundles.waiting[shape], id)
    pid = runtime.pid(id)
    # The timer's figure has the runtime and every child it has waited for; the container's process is none of them.
    add = lambda what, value: bench.figures.add(f"memory: {what}", shape, runtime.name, value, "kB")
    add("peak of create", max(answer.peak, fields(f"/proc/{pid}/status")["VmHWM"]))
    for what, value in held(pid).items():
        add(f"{what}, waiting", value)
    runtime("delete", "--force", id)


def foreground(bench, runtime, shape):
    id = runtime.id()
    output = bench.workplace.dir / "foreground"
    with open(output, "wb") as out:
        process = subprocess.Popen(runtime.command("run", "--bundle", bench.bundles.waiting[shape], "--pid-file", runtime.pid_file(id), id),
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENVIRONMENT)
    try:
        end = time.monotonic() + 20
        while runtime("state", id, check=False).failed or json.loads(runtime.timer.output.read_text())["status"] != "running":
            if time.monotonic() > end or process.poll() is not None:
                raise SystemExit(f"bench: {runtime.name} run: {output.read_text('utf-8', 'replace')}")
            time.sleep(0.02)
        container = runtime.pid(id)
        own = [held(pid) for pid in descendants(process.pid) if pid != container]
        for what in own[0]:
            bench.figures.add(f"memory: {what}, foreground run", shape, runtime.name, sum(one[what] for one in own), "kB")
        runtime("kill", id, "KILL")
        process.wait(20)
    finally:
        process.kill()
        process.wait()


def smallest(bench):
    """The least limit under which /bin/true runs to its end, by halving, to 64 KiB."""
    if "memory" not in Path("/sys/fs/cgroup/cgroup.controllers").read_text().split():
        bench.figures.note("memory: the smallest memory.max is not measured: this host's memory controller is bound to cgroup v1, "
                           "and Debian's crun runs on cgroup v2 only; `scripts/vm -- scripts/bench --only memory` measures it")
        return
    directory = bench.bundles["spec"]
    path = directory / "config.json"
    before = path.read_text()
    try:
        for runtime in bench.runtimes:
            low, high = 0, 256
            while high - low > 1:
                middle = (low + high) // 2
                config = json.loads(before)
                config["linux"]["resources"] = {"memory": {"limit": middle * STEP, "swap": middle * STEP}}
                path.write_text(json.dumps(config))
                id = runtime.id()
                if runtime("run", "--bundle", directory, id, check=False).failed:
                    low = middle
                    runtime("delete", "--force", id, check=False)
                else:
                    high = middle
            bench.figures.add("memory: smallest memory.max", "spec", runtime.name, high * STEP >> 10, "KiB")
    finally:
        path.write_text(before)
