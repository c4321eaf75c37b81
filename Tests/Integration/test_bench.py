"""The bench (Tests/Bench): what it says of figures, and that it leaves nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree
from pathlib import Path
from types import SimpleNamespace

import pytest
from harness.runtime import Footprint

BENCH = Path(__file__).resolve().parent.parent / "Bench"
# At the end: no module of this directory is to be hidden by one of those.
sys.path.append(str(BENCH))

import counts  # noqa: E402
import figures  # noqa: E402
import hot_symbols  # noqa: E402
import instructions  # noqa: E402
import plot  # noqa: E402
import targets  # noqa: E402


@pytest.fixture
def measured():
    """apus takes half of what crun takes, and twice the floor."""
    made = figures.Figures()
    for name, value in (("crun", 8), ("apus", 4), ("floor", 2), ("another", 16)):
        for wobble in (-1, 0, 0.5):
            made.add("run", "spec", name, value + wobble)
    return made


def test_ratios_are_of_medians(measured):
    assert measured.ratio("run", "spec", "apus", "crun") == 0.5
    assert measured.ratio("run", "spec", "apus", "floor") == 2
    assert measured.ratio("run", "spec", "apus", "runc") is None
    assert measured.get("run", "spec", "apus").least == 3


def test_the_table_has_the_floor_first_and_strangers_last(measured):
    names = [row[2] for row in figures.rows(measured)]
    assert names == ["floor", "apus", "crun", "another"]
    assert "4.00   3.00  ms" in figures.table(measured)


@pytest.mark.parametrize("most, holds", [(0.5, True), (0.49, False)])
def test_a_target_is_a_ratio_in_one_run(measured, most, holds):
    target = targets.Target("run", "spec", most, "crun")
    assert [judged[1:] for judged in targets.judge(measured, [target])] == [(0.5, holds)]
    assert targets.verdict(target, 0.5, holds).startswith("holds" if holds else "MISSED")


def test_a_target_without_a_base_is_a_value(measured):
    judged = dict((target.most, holds) for target, _, holds in targets.judge(
        measured, [targets.Target("run", "spec", 4), targets.Target("run", "spec", 3.9)]))
    assert judged == {4: True, 3.9: False}


def test_what_is_not_measured_is_no_miss_but_is_said(measured):
    (target, value, holds), = targets.judge(measured, [targets.Target("exec", "spec", 0.4, "crun")])
    assert value is None and holds
    assert targets.verdict(target, value, holds).startswith("not measured")


def test_the_plot_is_an_image_with_a_strip_for_each_runtime(measured):
    strips = tree.fromstring(plot.svg(measured, "a < b")).findall("{http://www.w3.org/2000/svg}path")
    assert [strip.get("d").count("h0") for strip in strips] == [2] * 4  # the slowest of each sets no scale


def test_more_instructions_than_the_tolerance_are_told_from_noise():
    assert not instructions.compare({"state": 1040}, {"state": 1000})[1]
    assert instructions.compare({"state": 1060}, {"state": 1000})[1]
    lines, worse = instructions.compare({"state": 900}, {"state": 1000})
    assert not worse and "can be lowered" in lines[0]


@pytest.mark.parametrize("now, before", [({}, {"state": 1}), ({"state": 1}, {})])
def test_a_count_without_its_like_fails(now, before):
    assert instructions.compare(now, before)[1]


def test_straces_total_is_found_with_and_without_errors():
    assert counts.total_of("100.00    0.000000           0       119         7 total\n") == 119
    assert counts.total_of("100.00    0.000000           0       119           total\n") == 119


# What the process sees, in place of the `true` that the floor runs.
LOOK = """#!/bin/busybox sh
cd /proc/self
/bin/busybox cut -d' ' -f4- mountinfo
/bin/busybox cat limits cgroup /proc/sys/kernel/hostname /proc/sys/net/ipv4/ping_group_range
/bin/busybox grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Umask)' status
/bin/busybox ls -l /dev
"""


def test_the_floors_containers_are_those_of_the_runtime(subject_path, reference):
    """A floor that left something out would be no floor."""
    import main

    for name in ("crun", "runc"):
        reference(name)
    given = SimpleNamespace(apus=subject_path, runtime=[], bundles=list(main.SHAPES), rounds=1)
    place = main.Workplace()
    try:
        bench = main.prepare(place, given, figures.Figures())
        for shape in given.bundles:
            root = bench.bundles[shape] / "rootfs"
            shutil.copy("/bin/busybox", root / "bin/busybox")
            (root / "bin/true").write_text(LOOK)
            seen = []
            for one in (bench.floor, bench.runtimes[0]):
                one.run(bench.bundles[shape])
                # Only the names of cgroups differ, the size of what has no files in it, and the time.
                text = re.sub(r"apus-bench-[\w-]+|size=\dk(,nr_inodes=1)?|\w+ +\d+ \d\d:\d\d", "", bench.timer.output.read_text())
                seen.append(sorted(text.splitlines()))
            assert seen[0] == seen[1]
    finally:
        place.close()


@pytest.mark.slow
def test_a_short_bench_measures_and_leaves_nothing(runtime, subject_path, reference, tmp_path):
    for name in ("crun", "runc"):
        reference(name)
    # crun makes it the first time that it is called, wherever its state is to be.
    os.makedirs("/run/crun", exist_ok=True)
    footprint, found = Footprint(runtime, "apus-bench"), tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, BENCH / "main.py", "--apus", subject_path, "--only", "run,exec", "--bundles", "spec", "--rounds", "2", "--json", found],
        capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=100)
    assert done.returncode == 0, done.stderr
    series = {(one["case"], one["runtime"]): one for one in json.loads(found.read_text())["series"]}
    assert {name for case, name in series if case == "run"} == {"floor", "apus", "crun", "runc"}
    assert all(len(one["values"]) == 2 and one["least"] > 0 for one in series.values())
    footprint.assert_clean()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="executed.c is for x86-64")
def test_what_a_program_executes(tmp_path):
    """In the order of the first use, and by its child as long as that shares the memory."""
    source = tmp_path / "some.c"
    source.write_text("#include <sys/wait.h>\n#include <unistd.h>\n"
                      "#define FUNCTION __attribute__((noinline))\n"
                      "FUNCTION int second(int x) { return x + 1; }\n"
                      "FUNCTION int first(int x) { return x + 2; }\n"
                      "FUNCTION int never(int x) { return x + 3; }\n"
                      "FUNCTION int third(int x) { return x + 4; }\n"
                      "int main(int count, char **words) {\n"
                      "    int sum = second(first(count)) + first(0);\n"
                      "    if (vfork() == 0) { if (third(sum)) execl(\"/bin/busybox\", \"true\", (char *)0); _exit(never(1)); }\n"
                      "    int status; wait(&status);\n"
                      "    return status || !words ? 1 : sum + 1;\n"
                      "}\n")
    flags = ["-O1", "-static", "-fno-inline", "-fno-ipa-cp", "-fno-ipa-pure-const", "-falign-functions=64"]
    subprocess.run(["cc", *flags, "-o", tmp_path / "some", source], check=True)
    subprocess.run(["cc", "-O2", "-o", tmp_path / "executed", Path(hot_symbols.HERE) / "executed.c"], check=True)
    symbols = hot_symbols.read_symbols(tmp_path / "some")
    entries, positions = tmp_path / "entries", tmp_path / "positions"
    entries.write_text("".join(f"{address:x}\n" for address in sorted(symbols)))
    done = subprocess.run([tmp_path / "executed", entries, positions, tmp_path / "some"], timeout=60)
    assert done.returncode == 7
    names = [symbols[int(line, 16)] for line in positions.read_text().split()]
    ours = ["main", "first", "second", "third"]
    assert [name for name in names if name in ours + ["never"]] == ours
