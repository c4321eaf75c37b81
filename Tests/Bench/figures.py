"""Measured values and what is said of them. Nothing here measures."""

import statistics
from dataclasses import dataclass, field

ORDER = ("floor", "apus", "crun", "runc")


@dataclass
class Series:
    """Values of one case under one runtime."""

    case: str
    bundle: str
    runtime: str
    unit: str
    values: list = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def least(self):
        return min(self.values)


class Figures:
    """All series of one run of the bench, and why what is missing is missing."""

    def __init__(self):
        self.series, self.notes = {}, []

    def add(self, case, bundle, runtime, value, unit="ms"):
        key = (case, bundle, runtime)
        self.series.setdefault(key, Series(case, bundle, runtime, unit)).values.append(value)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def get(self, case, bundle, runtime):
        return self.series.get((case, bundle, runtime))

    def ratio(self, case, bundle, runtime, base):
        ours, theirs = self.get(case, bundle, runtime), self.get(case, bundle, base)
        return ours.median / theirs.median if ours and theirs and theirs.median else None

    def groups(self):
        """The series by case and bundle, in the order in which they were measured; in each the floor, us and the others."""
        found, last = {}, len(ORDER)
        for one in self.series.values():
            found.setdefault((one.case, one.bundle), []).append(one)
        for group in found.values():
            group.sort(key=lambda one: (ORDER.index(one.runtime) if one.runtime in ORDER else last, one.runtime))
        return found

    def as_json(self):
        return {"notes": self.notes, "series": [vars(one) | {"median": one.median, "least": one.least} for one in self.series.values()]}


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}" if abs(value) < 100 else f"{value:.1f}"


HEAD = ("case", "bundle", "runtime", "median", "least", "unit", "n", "x floor", "x crun")


def rows(figures):
    for (case, bundle), group in figures.groups().items():
        for one in group:
            yield (case, bundle, one.runtime, number(one.median), number(one.least), one.unit, str(len(one.values)),
                   *(number(figures.ratio(case, bundle, one.runtime, base)) for base in ("floor", "crun")))


def table(figures):
    """Plain text, a blank line between cases."""
    lines, before = [], None
    lines_of = [HEAD, *rows(figures)]
    widths = [max(len(row[i]) for row in lines_of) for i in range(len(HEAD))]
    for row in lines_of:
        if before is not None and row[:2] != before[:2]:
            lines.append("")
        lines.append("  ".join(cell.rjust(width) if 3 <= i != 5 else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
        before = row
    return "\n".join(lines)


def markdown(figures):
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|---|--:|--:|---|--:|--:|--:|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows(figures)])
