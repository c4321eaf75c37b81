"""The table again, with runtimes that an unprivileged user starts (harness/rootless.py)."""

import pytest
from cases import Case
from harness import rootless
from harness.table import NAMES, WHOLE, chosen, of_module
from harness.through_exec import NOWHERE

MINIMUM = chosen({"rootless-init": 100, "rootless-exec": 100})
MORE = {"rootless-specification": Case("rootless-specification", "runc spec --rootless", rootless.specification, "")}
CELLS = [(name, column) for name in [*MORE, *NAMES] for column in MINIMUM
         if name not in rootless.NOWHERE and (column == "rootless-init" or name not in NOWHERE)]


@pytest.fixture(scope="module")
def table(subject_path, workplace, probe, listed_differences, request):
    if reason := rootless.missing():
        pytest.skip(reason)
    user = rootless.Unprivileged(workplace)
    yield from of_module(request, subject_path, workplace, probe, listed_differences, CELLS, user=user, more=MORE)
    user.close()


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
