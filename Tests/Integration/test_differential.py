"""The probe under the runtime and under Debian's crun and runc, with the same bundles.

The column `init` has it as the container's process, `exec` in a running container (harness/through_exec.py).
"""

import pytest
from harness import compare
from harness.table import COLUMNS, LIST, NAMES, WHOLE, chosen, of_module
from harness.through_exec import NOWHERE

MINIMUM = chosen({"init": 120, "exec": 120})
CELLS = [(name, column) for name in NAMES for column in MINIMUM if column != "exec" or name not in NOWHERE]


@pytest.fixture(scope="module")
def table(subject_path, workplace, probe, listed_differences, request):
    yield from of_module(request, subject_path, workplace, probe, listed_differences, CELLS)


# Twenty ways under three runtimes, in an emulated machine.
@pytest.mark.limit(600)
@pytest.mark.parametrize("name, column", CELLS)
def test_same_observation(table, name, column):
    table.judge(column, name)


@pytest.mark.parametrize("column", MINIMUM)
def test_enough_configurations_compared(table, column):
    table.judge_whole(column, MINIMUM[column])


if WHOLE:

    def test_no_listed_difference_is_stale(table):
        table.judge_list()


def test_every_listed_difference_has_a_reason():
    for entry in compare.load(LIST):
        assert len(entry.reason) > 20, entry
        assert set(entry.reference.split()) <= {"crun", "runc"}, entry
        assert entry.judged_by(COLUMNS, COLUMNS) and not entry.judged_by((), COLUMNS), entry


def test_the_comparison_sees_a_difference():
    """The comparison itself: one changed leaf, one missing and one extra must all be reported."""
    reference = {"status:CapEff": "1", "env:A": "x", "cwd": "/"}
    subject = {"status:CapEff": "3", "cwd": "/", "fds:7:target": "/etc"}
    found = compare.compare("c", subject, {"crun": reference, "runc": dict(reference)}).differences
    assert {d.leaf for d in found} == {"status:CapEff", "env:A", "fds:7:target"}
    entry = compare.Entry("c*", "status:*", "crun runc", "why")
    assert {d.leaf for d in compare.unlisted(found, [entry])} == {"env:A", "fds:7:target"} and entry.hits == 1
    one_side = compare.compare("c", subject, {"crun": reference, "runc": subject})
    assert not one_side.differences and one_side.sided == {"runc": 3}
    # What is listed for one column is not listed for another.
    elsewhere = compare.compare("c", subject, {"crun": reference}, "exec/file").differences
    assert compare.unlisted(elsewhere, [entry]) == elsewhere
    assert not compare.unlisted(elsewhere, [compare.Entry("c", "*", "crun", "why", column="exec/*")])
