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

    def __str__(self):
        return f"{self.leaf}: {self.subject!r}, but {self.reference} has {self.expected!r}"


@dataclass
class Entry:
    """One reviewed difference: globs for the config and the leaf, the reference, the reason.

    `without` is a file of the host: only where it is missing there is a difference.
    """

    config: str
    leaf: str
    reference: str
    reason: str
    without: str = ""
    hits: int = 0

    def stale(self):
        return not self.hits and not (self.without and os.path.exists(self.without))

    def covers(self, d):
        return (any(fnmatch.fnmatchcase(d.config, c) for c in self.config.split())
                and any(fnmatch.fnmatchcase(d.leaf, leaf) for leaf in self.leaf.split())
                and set(self.reference.split()) >= set(d.reference.split("+")))


@dataclass
class Comparison:
    differences: list = field(default_factory=list)
    agreed: int = 0  # leaves on which all runtimes agree
    sided: dict = field(default_factory=dict)  # reference name -> leaves where only it agrees with us


def load(path):
    with open(path, "rb") as file:
        return [Entry(**entry) for entry in tomllib.load(file).get("difference", [])]


def compare(config, subject, references):
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
            result.differences.append(Difference(config, leaf, "+".join(sorted(theirs)), mine, next(iter(theirs.values()))))
        else:
            shown = "; ".join(f"{n}: {v!r}" for n, v in theirs.items())
            result.differences.append(Difference(config, leaf, "+".join(sorted(theirs)), mine, shown))
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
