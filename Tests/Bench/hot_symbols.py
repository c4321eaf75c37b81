"""Which functions the verbs run, in the order in which they do: Sources/apus/hot-symbols, by which the linker lays them
out side by side. Else the 500 kB of them are spread over all of the executable, and each start has to page in most of it.

What is out of date in the list costs a little time and nothing else: a name that is no longer there is passed over.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from bundles import Bundles
from runtimes import Runtime
from timer import ENVIRONMENT, Timer
from workplace import HERE, Workplace, compile_c

LIST = HERE.parent.parent / "Sources/apus/hot-symbols"


def text_of(apus):
    """Where the section of the code begins and ends."""
    lines = subprocess.run(["readelf", "--sections", "--wide", apus], capture_output=True, text=True, check=True).stdout
    begin, _, size = re.search(r" \.text +PROGBITS +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)", lines).groups()
    return range(int(begin, 16), int(begin, 16) + int(size, 16))


def read_symbols(apus):
    """The functions by address: of several names for one, the first."""
    lines = subprocess.run(["nm", "--numeric-sort", "--defined-only", apus], capture_output=True, text=True, check=True).stdout
    symbols, text = {}, text_of(apus)
    for line in lines.splitlines():
        address, kind, name = line.split(" ", 2)
        if kind in "tTwWi" and int(address, 16) in text:
            symbols.setdefault(int(address, 16), name)
    return symbols


def observe(workplace, apus, symbols):
    compile_c(workplace.dir / "timer", HERE / "timer.c")
    tracer = compile_c(workplace.dir / "executed", HERE / "executed.c")
    timer = Timer(workplace.dir / "timer", workplace.dir / "output")
    workplace.processes.append(timer.process)
    bundles, runtime = Bundles(workplace, apus), Runtime("apus", apus, workplace, timer)
    # Its controller may be bound to cgroup v1, and the list is to be the same wherever it is made.
    del bundles.configs["engine"]["linux"]["resources"]["pids"]
    bundles.write()
    entries, positions, words = (workplace.dir / name for name in ("entries", "positions", "words"))
    entries.write_text("".join(f"{address:x}\n" for address in sorted(symbols)))

    def follow(*arguments):
        command = [tracer, entries, positions, *runtime.command(*arguments)]
        # A file, for a container that goes on holds a pipe open.
        with open(words, "w+") as errors:
            done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=errors, env=ENVIRONMENT, timeout=60)
        if done.returncode:
            sys.exit(f"bench: {' '.join(map(str, arguments))} ended with {done.returncode}: {words.read_text()[-600:]}")

    follow("run", "--bundle", bundles["spec"], runtime.id())
    id = runtime.id()
    # Its process has to be ours when it has ended, so that it is one that anybody can wait for.
    follow("create", "--bundle", bundles.waiting["spec"], "--pid-file", runtime.pid_file(id), id)
    follow("start", id)
    follow("exec", id, "true")
    follow("state", id)
    follow("list")
    follow("kill", id, "KILL")
    follow("delete", "--force", id)
    # With a seccomp profile to compile.
    follow("run", "--bundle", bundles["engine"], runtime.id())
    return dict.fromkeys(symbols[int(line, 16)] for line in positions.read_text().split())


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --symbols", allow_abbrev=False)
    parser.add_argument("--apus", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    symbols = read_symbols(given.apus)
    workplace = Workplace()
    try:
        names = observe(workplace, given.apus, symbols)
    finally:
        workplace.close()
    LIST.write_text("".join(f"{name}\n" for name in names))
    owner = os.stat(HERE)
    os.chown(LIST, owner.st_uid, owner.st_gid)
    print(f"{LIST.name}: {len(names)} functions")


if __name__ == "__main__":
    main()
