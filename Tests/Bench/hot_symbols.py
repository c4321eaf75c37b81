"""Which functions the verbs run, in the order in which they do: Sources/apus/hot-symbols, by which the linker lays them
out side by side. Else the 700 kB of them are spread over all of the executable, and each start has to page in most of it.

What is out of date in the list costs a little time and nothing else: a name that is no longer there is passed over.
"""

import argparse
import bisect
import os
import signal
import subprocess
import sys
from pathlib import Path

from bundles import Bundles
from runtimes import Runtime
from timer import ENVIRONMENT, Timer
from workplace import HERE, Workplace, compile_c

LIST = HERE.parent.parent / "Sources/apus/hot-symbols"


def read_symbols(apus):
    """The functions by address: of several names for one, the first."""
    lines = subprocess.run(["nm", "--numeric-sort", "--defined-only", apus], capture_output=True, text=True, check=True).stdout
    symbols = {}
    for line in lines.splitlines():
        address, kind, name = line.split(" ", 2)
        if kind in "tTwWiV":
            symbols.setdefault(int(address, 16), name)
    return symbols


def in_order(positions, symbols):
    addresses = sorted(symbols)
    names = (symbols[addresses[bisect.bisect_right(addresses, position) - 1]] for position in positions)
    return list(dict.fromkeys(names))


def observe(workplace, apus, symbols):
    compile_c(workplace.dir / "timer", HERE / "timer.c")
    tracer = compile_c(workplace.dir / "executed", HERE / "executed.c")
    timer = Timer(workplace.dir / "timer", workplace.dir / "output")
    workplace.processes.append(timer.process)
    bundles, runtime = Bundles(workplace, apus), Runtime("apus", apus, workplace, timer)
    bounds = min(symbols), max(symbols)
    positions, words = workplace.dir / "positions", workplace.dir / "words"

    def follow(*arguments):
        command = [tracer, *(f"{bound:x}" for bound in bounds), positions, *runtime.command(*arguments)]
        # A file, for a container that goes on holds a pipe open.
        with open(words, "w+") as errors:
            done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=errors, env=ENVIRONMENT, timeout=300)
        if done.returncode:
            sys.exit(f"bench: {' '.join(map(str, arguments))} ended with {done.returncode}: {words.read_text()[-600:]}")

    follow("run", "--bundle", bundles["spec"], runtime.id())
    id = runtime.id()
    # Its process has to be ours when it has ended, so that it is one that anybody can wait for.
    follow("create", "--bundle", bundles.waiting["spec"], "--pid-file", runtime.pid_file(id), id)
    follow("start", id)
    follow("exec", id, "/bin/true")
    follow("state", id)
    follow("list")
    follow("kill", id, "KILL")
    follow("delete", "--force", id)
    return [int(line, 16) for line in positions.read_text().split()]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --symbols", allow_abbrev=False)
    parser.add_argument("--apus", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    symbols = read_symbols(given.apus)
    workplace = Workplace()
    try:
        names = in_order(observe(workplace, given.apus, symbols), symbols)
    finally:
        workplace.close()
    LIST.write_text("".join(f"{name}\n" for name in names))
    owner = os.stat(HERE)
    os.chown(LIST, owner.st_uid, owner.st_gid)
    print(f"{LIST.name}: {len(names)} functions")


if __name__ == "__main__":
    main()
