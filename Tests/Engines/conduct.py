"""Runs the engines' lists, under apus and under the runtimes that the engines come with, and prints the table."""

import argparse
import shutil
import sys
import time
import traceback

import engines
from engine import NotOffered, Runtime


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/engines/all", allow_abbrev=False, description=__doc__)
    parser.add_argument("--apus", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--engines", default=",".join(engines.ALL), metavar="NAME[,NAME...]", help=f"of {', '.join(engines.ALL)}")
    parser.add_argument("--runtimes", default="apus,runc", metavar="NAME[,NAME...]", help="apus, runc, crun")
    parser.add_argument("-k", dest="some", default="", metavar="TEXT", help="entries whose names have this in them")
    parser.add_argument("--markdown", metavar="FILE", help="writes the table there, too")
    given = parser.parse_args()
    given.engines = given.engines.split(",")
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
    print(f"{engine.name:11} {engine.runtime.name:5} {time.monotonic() - begun:6.1f} s  {entry.name}: {said}", file=sys.stderr)
    return said


def main():
    given = arguments()
    # (engine, entry) -> runtime -> verdict
    table, versions, broken = {}, {}, False
    for name in given.engines:
        kind = engines.ALL[name]
        missing = [f"{program} ({package})" for program, package in kind.programs.items() if not shutil.which(program)]
        if missing:
            sys.exit(f"engines: {name} needs {', '.join(missing)}")
        for runtime in given.runtimes:
            try:
                with kind(runtime) as engine:
                    versions[name] = engine.version()
                    for entry in engines.ENTRIES:
                        if name in entry.engines and given.some in entry.name:
                            table.setdefault((name, entry.name), {})[runtime.name] = verdict(entry, engine)
            except Exception as failure:
                traceback.print_exc()
                print(f"engines: {name} under {runtime.name} did not come through: {failure}", file=sys.stderr)
                broken = True
    if not table and not broken:
        sys.exit(f"engines: no entry has {given.some!r} in its name")
    text = markdown(table, versions, given.runtimes)
    print(text)
    if given.markdown:
        with open(given.markdown, "w") as file:
            file.write(text)
    ours = [f"{key[0]}: {key[1]}: {row['apus']}" for key, row in table.items() if is_worse(row)]
    print("\n".join(["entries that another runtime passes and apus does not:", *ours] if ours else ["apus: none worse than another"]))
    sys.exit(1 if ours or broken else 0)


def is_worse(row):
    """What is not offered under apus alone is worse, too; where there is nothing to compare with, only what fails."""
    if "apus" not in row:
        return False
    return row["apus"].startswith("failed") if len(row) == 1 else row["apus"] != "passed" and "passed" in row.values()


def markdown(table, versions, runtimes):
    names = [runtime.name for runtime in runtimes]
    lines = [*(f"- {name}: {version}" for name, version in versions.items()), *(f"- {one.name}: {one.version()}" for one in runtimes), "",
             f"| engine | entry | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    notes = []
    for (engine, entry), row in table.items():
        cells = [row.get(name, "-") for name in names]
        lines.append(f"| {engine} | {entry} | {' | '.join(cell.partition(':')[0] for cell in cells)} |")
        notes += [f"- {engine}: {entry}: {name}: {cell}" for name, cell in zip(names, cells) if ":" in cell]
    return "\n".join([*lines, "", *notes]) + "\n"


if __name__ == "__main__":
    main()
