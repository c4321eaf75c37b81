"""What does not depend on the machine's mood: system calls, page faults, the executable's size and what a cold start reads."""

import os
import subprocess

from cold import files_of, forget
from timer import ENVIRONMENT, Failed


def total_of(summary):
    """The number of calls in the last line of `strace -c`."""
    words = summary.strip().splitlines()[-1].split()
    if words[-1] != "total":
        raise Failed(f"strace: {summary[-300:]}")
    return int(words[3])


def system_calls(bench, command):
    """Of a command and all it starts; what `run` does to the end, for a created container would keep strace waiting."""
    summary, output = bench.workplace.dir / "strace", bench.workplace.dir / "strace-output"
    with open(output, "wb") as out:
        subprocess.run(["strace", "-f", "-c", "-o", summary, *map(str, command)],
                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENVIRONMENT, timeout=60)
    return total_of(summary.read_text())


def case_counts(bench):
    add = bench.figures.add
    for shape in bench.shapes:
        add("system calls of run", shape, "floor", system_calls(bench, [bench.floor.path, *bench.floor.arguments(bench.bundles[shape])]), "")
        for runtime in bench.runtimes:
            command = runtime.command("run", "--bundle", bench.bundles[shape], runtime.id())
            add("system calls of run", shape, runtime.name, system_calls(bench, command), "")
        for _ in range(5):
            for runtime in bench.runtimes:
                id = runtime.id()
                answer = runtime.create(bench.bundles[shape], id)
                add("page faults of create", shape, runtime.name, answer.minor_faults + answer.major_faults, "")
                runtime("delete", "--force", id)
    for runtime in bench.runtimes:
        add("executable", "-", runtime.name, os.path.getsize(runtime.path) / 1e6, "MB")
        forget(files_of(runtime.path))
        answer = bench.timer(runtime.path, "--version")
        add("--version, cold", "-", runtime.name, answer.milliseconds)
        add("--version, cold: read from disk", "-", runtime.name, answer.blocks_read / 2, "kB")
