"""Compares observations and checks the differences against the reviewed list."""

import fnmatch
import os
import tomllib
from dataclasses import dataclass, field

ABSENT = "(absent)"


@dataclass
class Difference:
    config: str
    leaf: str
    reference: str
    subject: object
    expected: object
    column: str = "init"

    def __str__(self):
        return f"{self.column}: {self.leaf}: {self.subject!r}, but {self.reference} has {self.expected!r}"


@dataclass
class Entry:
    """One reviewed difference: globs for the config, the leaf and the column, the reference, the reason.

    `without` is a file of the host: only where it is missing there is a difference. `sometimes` is of what a
    reference does otherwise from one run to the next.
    """

    config: str
    leaf: str
    reference: str
    reason: str
    without: str = ""
    sometimes: bool = False
    column: str = "init"
    hits: int = 0

    def stale(self):
        return not self.hits and not self.sometimes and not (self.without and os.path.exists(self.without))

    def judged_by(self, columns, all_columns):
        """Whether those columns are all that the entry could be needed for."""
        mine = {c for c in all_columns if any(fnmatch.fnmatchcase(c, g.split("/")[0]) for g in self.column.split())}
        return mine <= set(columns)

    def covers(self, d):
        return (_matches(d.config, self.config) and _matches(d.leaf, self.leaf) and _matches(d.column, self.column)
                and set(self.reference.split()) >= set(d.reference.split("+")))


def _matches(name, globs):
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs.split())


@dataclass
class Comparison:
    differences: list = field(default_factory=list)
    agreed: int = 0  # leaves on which all runtimes agree
    sided: dict = field(default_factory=dict)  # reference name -> leaves where only it agrees with us


class Listed:
    """The list of differences as one session uses it: an entry may be needed by any of the columns that it names."""

    def __init__(self, path):
        self.entries, self.complete = load(path), set()

    def stale(self, all_columns):
        """Entries that nothing needed, of those whose columns have all been run completely."""
        return [f"{e.config} | {e.leaf} | {e.column} | {e.reference}: {e.reason}" for e in self.entries
                if e.stale() and e.judged_by(self.complete, all_columns)
                # Those of cgroup files are judged in test_cgroups_v1.py and test_cgroups_v2.py.
                and not e.config.startswith(("v1-", "v2-"))]


def load(path):
    with open(path, "rb") as file:
        return [Entry(**entry) for entry in tomllib.load(file).get("difference", [])]


def compare(config, subject, references, column="init"):
    """Where the references disagree with each other, agreeing with one of them is enough."""
    result = Comparison()
    for leaf in sorted({*subject, *(key for r in references.values() for key in r)}):
        mine = subject.get(leaf, ABSENT)
        theirs = {name: r.get(leaf, ABSENT) for name, r in references.items()}
        same = [name for name, value in theirs.items() if value == mine]
        if len(same) == len(theirs):
            result.agreed += 1
        elif same:
            for name in same:
                result.sided[name] = result.sided.get(name, 0) + 1
        elif len(set(map(str, theirs.values()))) == 1:
            result.differences.append(Difference(config, leaf, "+".join(sorted(theirs)), mine, next(iter(theirs.values())), column))
        else:
            shown = "; ".join(f"{n}: {v!r}" for n, v in theirs.items())
            result.differences.append(Difference(config, leaf, "+".join(sorted(theirs)), mine, shown, column))
    return result


def unlisted(differences, entries):
    found = []
    for difference in differences:
        covering = [e for e in entries if e.covers(difference)]
        for entry in covering:
            entry.hits += 1
        if not covering:
            found.append(difference)
    return found
