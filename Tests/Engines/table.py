"""What the lists came to, as tables in Markdown: one run's, or those of several hosts side by side.

    python3 Tests/Engines/table.py REPORT.json [...]       # as scripts/engines/all --report writes them
"""

import json
import platform
import sys
from pathlib import Path

import processes

MARKS = {"passed": "yes", "failed": "**no**", "not offered": "-", "": ""}
TITLES = {"podman": "Podman and Docker", "docker": "Podman and Docker"}


def this_host():
    cgroups = Path("/sys/fs/cgroup")
    if (cgroups / "cgroup.controllers").exists():
        kind = "cgroup v2"
    else:
        kind = "cgroup v1 and v2" if any(path.joinpath("cgroup.controllers").exists() for path in cgroups.iterdir()) else "cgroup v1"
    manager = ", systemd" if processes.with_systemd() else ""
    return f"Linux {platform.release().split('-')[0]}, {kind}{manager}"


class Column:
    """One engine with one runtime on one host."""

    def __init__(self, report, engine, runtime):
        self.engine, self.runtime, self.host = engine, runtime, report["host"]
        self.list = report["engines"][engine]["list"]
        self.verdicts = {row["entry"]: row["verdicts"][runtime] for row in report["rows"]
                         if row["engine"] == engine and runtime in row["verdicts"]}

    def kind(self, entry):
        return self.verdicts.get(entry, "").partition(":")[0]

    def count(self, kind):
        return sum(self.kind(entry) == kind for entry in self.verdicts)


def columns(reports):
    return [Column(report, engine, runtime) for report in reports for engine in report["engines"]
            for runtime in report["runtimes"] if any(row["engine"] == engine for row in report["rows"])]


def versions(reports):
    lines = []
    for report in reports:
        runs = {engine for row in report["rows"] for engine in (row["engine"],)}
        said = [*(f"{name}: {one['version']}" for name, one in report["engines"].items() if name in runs or len(reports) == 1),
                *report["runtimes"].values()]
        lines.append(f"- {report['host']}: " + "; ".join(said))
    return lines


def summary(all_columns):
    lines = ["| engine | host | runtime | passed | failed | not offered |", "|---|---|---|--:|--:|--:|"]
    for one in all_columns:
        lines.append(f"| {one.engine} | {one.host} | {one.runtime} | {one.count('passed')} | {one.count('failed')} | {one.count('not offered')} |")
    return lines


def matrix(some):
    """The entries of lists that are shown together. What stands for a host is its place in the summary."""
    hosts = list(dict.fromkeys((one.engine, one.host) for one in some))
    several = len({engine for engine, _ in hosts}) < len(hosts)
    heads = [f"{one.engine}{' on ' + one.host.split(', ', 1)[1] if several else ''}: {one.runtime}" for one in some]
    lines = [f"| entry | {' | '.join(heads)} |", f"|---|{'---|' * len(some)}"]
    for entry in dict.fromkeys(entry for one in some for entry in one.verdicts):
        lines.append(f"| {entry} | {' | '.join(MARKS[one.kind(entry)] for one in some)} |")
    return lines


def notes(all_columns):
    """Why an entry did not pass, once for all that it is true of."""
    reasons = {}
    for one in all_columns:
        for entry, verdict in one.verdicts.items():
            if verdict != "passed":
                # An error's text may have the names of a run's directories in it: its first line is enough here.
                said = verdict.splitlines()[0][:200].replace("|", "\\|")
                reasons.setdefault((one.list, entry, said), []).append(f"{one.engine} under {one.runtime}")
    return [f"- {entry}: {said} ({', '.join(dict.fromkeys(where))})" for (_, entry, said), where in reasons.items()]


def markdown(reports):
    all_columns = columns(reports)
    lines = [*versions(reports), "", *summary(all_columns)]
    themes = {}
    for one in all_columns:
        themes.setdefault(TITLES.get(one.list, one.list), []).append(one)
    for title, some in themes.items():
        lines += ["", f"{title}:", "", *matrix(some)]
    return "\n".join([*lines, "", *notes(all_columns)]) + "\n"


if __name__ == "__main__":
    print(markdown([json.loads(Path(name).read_text()) for name in sys.argv[1:]]), end="")
