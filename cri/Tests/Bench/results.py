"""What was measured, and what is aimed at."""

import os
import platform
import statistics
import time

OURS, THEIRS = "apus-cri", "containerd"

# The most that ours may be: of theirs, or in itself.
RATIOS = {
    "run+create+start, host network": 0.3, "run+create+start, 8 at once": 0.3,
    "stop+remove of both, host network": 0.3, "ExecSync": 0.3,
    "pull of 100 MB: wall": 1.0, "pull of 100 MB: processor": 0.8,
}
LIMITS = {
    "helpers of an idle pod": 350, "daemon with pods": 25 * 1024,
    "daemon with pods, asked by kubelet": 25 * 1024, "daemon's idle processor time": 0.1,
    "start to ready with pods": 60,
}


class Results:
    def __init__(self):
        self.values, self.units, self.notes = {}, {}, []

    def add(self, case, daemon, value, unit="ms"):
        self.units[case] = unit
        self.values.setdefault(case, {}).setdefault(daemon, []).append(value)

    def median(self, case, daemon):
        values = self.values.get(case, {}).get(daemon)
        return statistics.median(values) if values else None

    def verdict(self, case):
        """(what it is judged by, whether it is kept), or None where nothing is aimed at or ours was not measured."""
        ours, theirs = self.median(case, OURS), self.median(case, THEIRS)
        if case in LIMITS and ours is not None:
            return f"<= {LIMITS[case]} {self.units[case]}", ours <= LIMITS[case]
        if case in RATIOS and ours is not None and theirs:
            return f"<= {RATIOS[case]} x", ours <= RATIOS[case] * theirs
        return None

    def missed(self):
        return [case for case in self.values if (verdict := self.verdict(case)) and not verdict[1]]

    def table(self):
        rows = [("case", "unit", OURS, "p90", THEIRS, "p90", "ratio", "aim", "")]
        for case in self.values:
            ours, theirs, verdict = self.median(case, OURS), self.median(case, THEIRS), self.verdict(case)
            rows.append((case, self.units[case], number(ours), number(self.high(case, OURS)), number(theirs),
                         number(self.high(case, THEIRS)), f"{ours / theirs:.2f}" if ours is not None and theirs else "",
                         verdict[0] if verdict else "", ("kept" if verdict[1] else "MISSED") if verdict else ""))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(w) if i < 2 or i > 6 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                 for row in rows]
        return "\n".join(lines + [f"note: {note}" for note in self.notes])

    def high(self, case, daemon):
        values = sorted(self.values.get(case, {}).get(daemon, []))
        return values[int(len(values) * 0.9)] if len(values) >= 10 else None

    def document(self):
        return {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "kernel": platform.release(),
                "processors": os.cpu_count(), "load": os.getloadavg(), "notes": self.notes,
                "cases": [{"case": case, "unit": self.units[case], "values": by, "aim": (self.verdict(case) or (None,))[0],
                           "median": {daemon: self.median(case, daemon) for daemon in by}}
                          for case, by in self.values.items()]}


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
