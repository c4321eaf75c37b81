"""Runs the engines' lists, under apus and under the runtimes that the engines come with, and prints the table."""

import argparse
import json
import shutil
import sys
import time
import traceback

import engines
import table
from engine import NotOffered, Runtime


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/engines/all", allow_abbrev=False, description=__doc__)
    parser.add_argument("--apus", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--engines", metavar="NAME[,NAME...]", help=f"of {', '.join(engines.ALL)}; otherwise all that can run here")
    parser.add_argument("--runtimes", default="apus,runc", metavar="NAME[,NAME...]", help="apus, runc, crun")
    parser.add_argument("-k", dest="some", action="append", metavar="TEXT", help="entries whose names have this in them, or another one's")
    parser.add_argument("--report", metavar="FILE", help="writes what table.py puts beside the reports of other hosts")
    given = parser.parse_args()
    given.all = given.engines is None
    given.engines = list(engines.ALL) if given.all else given.engines.split(",")
    for name in given.engines:
        if name not in engines.ALL:
            parser.error(f"there is no engine {name}, only {', '.join(engines.ALL)}")
    given.runtimes = [Runtime(name, given.apus if name == "apus" else shutil.which(name)) for name in given.runtimes.split(",")]
    for runtime in given.runtimes:
        if not runtime.path:
            parser.error(f"there is no {runtime.name} in PATH")
    return given


def verdict(entry, engine):
    """"passed", "failed: why", or "not offered: why"."""
    begun = time.monotonic()
    try:
        entry.run(engine)
        said = "passed"
    except NotOffered as missing:
        said = f"not offered: {missing}"
    except Exception as failure:
        last = traceback.extract_tb(failure.__traceback__)[-1]
        said = f"failed: {type(failure).__name__} {failure} ({last.name}:{last.lineno} {last.line})"
    print(f"{engine.name:15} {engine.runtime.name:5} {time.monotonic() - begun:6.1f} s  {entry.name}: {said}", file=sys.stderr)
    return said


def main():
    given = arguments()
    report = {"host": table.this_host(), "engines": {}, "runtimes": {one.name: one.version() for one in given.runtimes}, "rows": []}
    broken = False
    for name in given.engines:
        kind = engines.ALL[name]
        report["engines"][name] = about = {"list": kind.list or name, "version": "did not start"}
        if missing := kind.missing():
            if not given.all:
                sys.exit(f"engines: {name} {missing}")
            about["version"] = f"not here, for it {missing}"
            continue
        rows = [{"engine": name, "entry": entry.name, "verdicts": {}, "run": entry} for entry in engines.ENTRIES
                if about["list"] in entry.engines and any(text in entry.name for text in given.some or [""])]
        for runtime in given.runtimes if rows else ():
            try:
                with kind(runtime) as engine:
                    about["version"] = engine.version()
                    for row in rows:
                        row["verdicts"][runtime.name] = verdict(row["run"], engine)
            except Exception as failure:
                traceback.print_exc()
                print(f"engines: {name} under {runtime.name} did not come through: {failure}", file=sys.stderr)
                broken = True
        report["rows"] += [{key: value for key, value in row.items() if key != "run"} for row in rows]
    if not report["rows"]:
        sys.exit(f"engines: no entry has {' or '.join(map(repr, given.some))} in its name")
    print(table.markdown([report]))
    if given.report:
        with open(given.report, "w") as file:
            json.dump(report, file, indent=1)
    ours = [f"{row['engine']}: {row['entry']}: {row['verdicts']['apus']}" for row in report["rows"] if is_worse(row["verdicts"])]
    if ours:
        print("\n".join(["entries that another runtime passes and apus does not:", *ours]))
    elif not broken:
        print("apus: none worse than another")
    sys.exit(1 if ours or broken else 0)


def is_worse(row):
    """What is not offered under apus alone is worse, too; where there is nothing to compare with, only what fails."""
    if "apus" not in row:
        return False
    return row["apus"].startswith("failed") if len(row) == 1 else row["apus"] != "passed" and "passed" in row.values()


if __name__ == "__main__":
    main()
