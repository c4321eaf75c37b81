"""What the project promises of its speed and size, as ratios within one run of the bench."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """The median of apus, or its ratio to another's, may be at most this."""

    case: str
    bundle: str
    most: float
    base: str = ""

    def __str__(self):
        return f"{self.case}, {self.bundle}: at most {self.most:g}" + (f" x {self.base}" if self.base else "")


TARGETS = (
    Target("run", "spec", 0.55, "crun"),
    Target("run", "spec", 0.15, "runc"),
    Target("run", "spec", 1.25, "floor"),
    Target("run", "engine", 0.50, "crun"),
    Target("exec", "spec", 0.40, "crun"),
    Target("exec", "spec", 0.12, "runc"),
    Target("state", "spec", 0.30, "crun"),
    Target("delete", "spec", 0.60, "crun"),
    Target("memory: peak of create", "spec", 1.0, "crun"),
    Target("memory: peak of create", "engine", 1.0, "crun"),
    Target("memory: private, waiting", "spec", 150),
    Target("memory: private, waiting", "engine", 150),
    Target("memory: smallest memory.max", "spec", 1.0, "crun"),
    Target("crowd: cost of the last / of the first", "spec", 1.1),
)


def judge(figures, targets=TARGETS):
    """For each target: what was measured (None if it was not), and whether it holds."""
    for target in targets:
        if target.base:
            value = figures.ratio(target.case, target.bundle, "apus", target.base)
        else:
            series = figures.get(target.case, target.bundle, "apus")
            value = series.median if series else None
        yield target, value, value is None or value <= target.most


def verdict(target, value, holds):
    if value is None:
        return f"not measured  {target}"
    return f"{'holds ' if holds else 'MISSED'}  {value:8.2f}  {target}"
