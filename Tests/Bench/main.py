"""The bench: see scripts/bench, which makes the place for it."""

import argparse
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import cold
import counts
import crowd
import filters
import memory
import report
from bundles import SHAPES, Bundles
from commands import Bench, case_create, case_exec, case_kill, case_run, case_version
from figures import Figures, table
from runtimes import Floor, Runtime
from timer import Failed, Timer
from workplace import Workplace

CASES = ("run", "version", "create", "exec", "kill", "memory", "counts", "throughput", "cold", "crowd")
# What `--check` needs and no more.
CHECKED = ("run", "create", "exec", "memory", "crowd")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", allow_abbrev=False, description="How long a container takes, beside crun, runc and a floor.")
    parser.add_argument("--apus", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", metavar="CASE[,CASE...]", help=f"of {', '.join(CASES)}")
    parser.add_argument("--bundles", default=",".join(SHAPES), metavar="NAME[,NAME...]", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--runtime", action="append", default=[], metavar="NAME=PATH", help="another runtime to measure beside these")
    parser.add_argument("--rounds", type=int, help="turns of each runtime (default: 200, with --quick 20)")
    parser.add_argument("--many", type=int, help="containers alive at once (default: 1000, with --quick 100)")
    parser.add_argument("--cold", choices=("drop", "fadvise"), default="drop", help="how caches are emptied")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true", help="ends with 1 when a target is missed")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--report", metavar="DIR", help="writes DIR/DATE-TIME.md, .json and .svg")
    given = parser.parse_args()
    given.only = given.only.split(",") if given.only else list(CHECKED if given.check else CASES)
    given.bundles = given.bundles.split(",")
    for name, known in ((given.only, CASES), (given.bundles, SHAPES)):
        for one in name:
            if one not in known:
                parser.error(f"there is no {one}, only {', '.join(known)}")
    for one in given.runtime:
        if "=" not in one or not shutil.which(one.split("=", 1)[1]):
            parser.error(f"--runtime {one}: NAME=PATH of an executable")
    given.rounds = given.rounds or (20 if given.quick else 200)
    given.many = given.many or (100 if given.quick else 1000)
    return given


def prepare(workplace, given, figures):
    workplace.compile()
    timer = Timer(workplace.timer, workplace.dir / "output")
    workplace.processes.append(timer.process)
    apus = workplace.installed(given.apus)
    bundles = Bundles(workplace, apus)
    named = [("apus", apus), ("crun", "crun"), ("runc", "runc"), *(one.split("=", 1) for one in given.runtime)]
    runtimes = [Runtime(name, shutil.which(path), workplace, timer) for name, path in named]

    def refused():
        for shape in ("spec", "engine"):
            try:
                runtimes[1].run(bundles[shape])
            except Failed:
                return timer.said()

    bundles.fit(refused)
    for part in bundles.left_out:
        figures.note(f"left out of the bundles for crun's sake: {part}")
    floor = Floor(workplace, bundles, timer)
    if set(given.bundles) != {"spec"}:
        runtimes[0].run(bundles["engine"])
        id = runtimes[0].up(bundles.waiting["engine"])
        program = filters.program_of(runtimes[0].pid(id))
        runtimes[0].down(id)
        floor.filter.write_bytes(program)
        figures.note(f"the floor loads the filter that apus made: {len(program) // filters.INSTRUCTION} instructions")
    # The floor last: it makes no mount points in the root file system.
    for one in [*runtimes, floor]:
        for shape in given.bundles:
            one.run(bundles[shape])
    return Bench(workplace, timer, bundles, runtimes, floor, figures, given.rounds, given.bundles)


def measure(bench, given):
    cases = {
        "run": case_run, "version": case_version, "create": case_create, "exec": case_exec, "kill": case_kill, "memory": memory.case_memory,
        "counts": counts.case_counts, "throughput": partial(crowd.case_throughput, total=given.rounds),
        "cold": partial(cold.case_cold, way=given.cold), "crowd": partial(crowd.case_crowd, many=given.many)}
    for name in CASES:
        if name in given.only:
            print(f"bench: {name}", file=sys.stderr)
            cases[name](bench)


def main():
    given = arguments()
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    figures, workplace = Figures(), Workplace()
    facts = report.machine()
    try:
        bench = prepare(workplace, given, figures)
        facts.update({one.name: one.version() for one in bench.runtimes})
        measure(bench, given)
    except KeyboardInterrupt:
        sys.exit(130)
    except Failed as failed:
        sys.exit(f"bench: {failed}")
    finally:
        workplace.close()
    for key, value in facts.items():
        print(f"{key}: {value}")
    for note in figures.notes:
        print(f"note: {note}")
    print(f"\n{table(figures)}\n")
    misses = [line for line in report.verdicts(figures) if line.startswith("MISSED")]
    print("\n".join(report.verdicts(figures) if given.check or set(CHECKED) <= set(given.only) else misses))
    if given.json:
        Path(given.json).write_text(report.as_json(figures, facts))
    if given.report:
        print(*report.write(given.report, figures, facts), sep="\n")
    sys.exit(1 if given.check and misses else 0)


if __name__ == "__main__":
    main()
