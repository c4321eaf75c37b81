"""Instruction counts of what has no system calls to hide in, against those that are written down.

A count does not depend on how busy the machine is: two runs differ by less than one in a hundred. It does depend on the
compiler, so a new toolchain is a reason for --update; a slower change is one only if it is worth it.
"""

import argparse
import json
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

BASELINE = HERE / "instructions.json"
TOLERANCE = 0.05
# `mov edi, SYS_seccomp` and `mov edi, SYS_clock_gettime` of x86-64, before a call of syscall(3).
ASK, INSTEAD = b"\xbf\x3d\x01\x00\x00", b"\xbf\xe4\x00\x00\x00"


def fit_for_valgrind(apus, copy):
    """Debian 12's valgrind does not know seccomp(2), so under it no profile would be compiled. In a copy the runtime's
    questions, which all have no program, go to a call that answers EFAULT as well: there are filters."""
    code = Path(apus).read_bytes()
    if ASK not in code:
        sys.exit("bench: this executable does not ask for seccomp as instructions.py expects it")
    copy.write_bytes(code.replace(ASK, INSTEAD))
    copy.chmod(0o755)
    return copy


def instructions(command):
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, command)]
    done = subprocess.run(valgrind, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=60)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"bench: {' '.join(valgrind)} ended with {done.returncode}: {done.stderr[-600:]}")
    return int(found[1])


def measure(workplace, apus):
    """`plan` decodes, checks and compiles, filter and all; `state` is what engines call most."""
    compile_c(workplace.dir / "timer", HERE / "timer.c")
    timer = Timer(workplace.dir / "timer", workplace.dir / "output")
    workplace.processes.append(timer.process)
    bundles, runtime = Bundles(workplace, apus), Runtime("apus", apus, workplace, timer)
    id = runtime.id()
    patient = fit_for_valgrind(apus, workplace.dir / "apus")
    runtime.create(bundles.waiting["spec"], id)
    return {
        "version": instructions([apus, "--version"]),
        "state": instructions(runtime.command("state", id)),
        "plan spec": instructions([patient, "plan", "--bundle", bundles["spec"]]),
        "plan engine": instructions([patient, "plan", "--bundle", bundles["engine"]]),
        "plan large": instructions([patient, "plan", "--bundle", bundles["large"]]),
    }


def compare(counts, baseline, tolerance=TOLERANCE):
    """Lines to print, and whether one of them says that more is done than is written down."""
    lines, worse = [], False
    for name in sorted(counts | baseline):
        now, before = counts.get(name), baseline.get(name)
        if now is None or before is None:
            lines.append(f"{name}: {'is not measured any more' if now is None else f'{now} and nothing written down'}; --update writes it")
            worse = True
            continue
        change = now / before - 1
        word = f"more than {tolerance:.0%} above" if change > tolerance else "so much below that it can be lowered" if change < -tolerance else "within"
        lines.append(f"{name}: {now} instructions, {change:+.2%}, {word}")
        worse = worse or change > tolerance
    return lines, worse


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --instructions", allow_abbrev=False)
    parser.add_argument("--apus", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--update", action="store_true", help=f"writes {BASELINE.name}")
    given = parser.parse_args()
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    workplace = Workplace()
    try:
        counts = measure(workplace, given.apus)
    finally:
        workplace.close()
    if given.update:
        BASELINE.write_text(json.dumps(counts, indent=1) + "\n")
        # Root measures, but the tree is its owner's.
        owner = os.stat(HERE)
        os.chown(BASELINE, owner.st_uid, owner.st_gid)
    lines, worse = compare(counts, json.loads(Path(BASELINE).read_text()) if BASELINE.exists() else {})
    print("\n".join(lines))
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
