"""A dated report: Markdown for people, JSON for programs, SVG for the distributions."""

import json
import os
import platform
import time
from pathlib import Path

import plot
import targets
from figures import markdown


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    return {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "cpu": f"{os.cpu_count()} x {cpu}", "memory": f"{memory} MB",
            "kernel": platform.release(), "load": " ".join(f"{load:.2f}" for load in os.getloadavg())}


def verdicts(figures):
    return [targets.verdict(*judged) for judged in targets.judge(figures)]


def write(directory, figures, facts):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    name = time.strftime("%Y-%m-%d-%H%M", time.gmtime())
    paths = [directory / f"{name}.{kind}" for kind in ("md", "json", "svg")]
    paths[0].write_text("\n".join([
        f"# Bench of {facts['date']}", "", *(f"- {key}: {value}" for key, value in facts.items()), "",
        f"![distributions]({name}.svg)", "", "## Targets", "", "```", *verdicts(figures), "```", "",
        *(["## Notes", "", *(f"- {note}" for note in figures.notes), ""] if figures.notes else []),
        "## Figures", "", markdown(figures), ""]))
    paths[1].write_text(as_json(figures, facts))
    paths[2].write_text(plot.svg(figures, f"apus, {facts['date']}"))
    return paths


def as_json(figures, facts):
    rounded = figures.as_json()
    for one in rounded["series"]:
        one["values"] = [round(value, 4) for value in one["values"]]
    return json.dumps({"machine": facts, **rounded, "targets": verdicts(figures)}, separators=(",", ":")) + "\n"
