"""The probe under the runtime and under Debian's crun and runc, with the same bundles."""

import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cases import TABLE, Held
from harness import compare
from harness.bundle import Bundle
from harness.observe import CannotRun, observe
from harness.runtime import Runtime

LIST = Path(__file__).parent / "differences.toml"
REFERENCES = os.environ.get("APUS_REFERENCES", "crun runc").split()
MINIMUM = 60


class Table:
    """Runs cases under all runtimes, each once, and keeps what came of it."""

    def __init__(self, subject, workplace, probe):
        self.workplace, self.probe, self.entries = workplace, probe, compare.load(LIST)
        self.runtimes = [Runtime("apus", subject, workplace / "diff-apus")]
        self.missing = [name for name in REFERENCES if not shutil.which(name)]
        self.runtimes += [Runtime(n, shutil.which(n), workplace / f"diff-{n}") for n in REFERENCES if n not in self.missing]
        self.pool = ThreadPoolExecutor(2)
        self.futures, self.compared, self.cannot, self.sided = {}, {}, {}, {}
        Held.pid()

    def request(self, name):
        if name not in self.futures:
            self.futures[name] = self.pool.submit(self._run, TABLE[name])
        return self.futures[name]

    def _run(self, case):
        found = {}
        for runtime in self.runtimes:
            bundle = Bundle(self.workplace / f"d-{runtime.name}-{case.name}", self.probe, f"d{uuid.uuid4().hex[:10]}")
            try:
                case.build(bundle)
                found[runtime.name] = observe(runtime, bundle, Held.names())
            except (CannotRun, AssertionError) as refusal:
                found[runtime.name] = refusal
            finally:
                bundle.close()
        return found


@pytest.fixture(scope="module")
def table(subject_path, workplace, probe, request):
    table = Table(subject_path, workplace, probe)
    # All that are going to be asked for, so that two run at a time.
    for item in request.session.items:
        if item.originalname == "test_same_observation" and item.module is request.module:
            table.request(item.callspec.params["name"])
    yield table
    table.pool.shutdown(cancel_futures=True)
    Held.release()


@pytest.mark.parametrize("name", list(TABLE))
def test_same_observation(table, name):
    if table.missing:
        pytest.skip(f"not installed, so not compared with: {', '.join(table.missing)}")
    found = table.request(name).result()
    subject = found.pop("apus")
    references = {n: o for n, o in found.items() if not isinstance(o, Exception)}
    refused = {n: str(o) for n, o in found.items() if isinstance(o, Exception)}
    for reference, reason in refused.items():
        table.cannot[name, reference] = reason
    if isinstance(subject, Exception):
        if not references and isinstance(subject, CannotRun):
            pytest.skip(f"no runtime runs this here: apus: {subject}; {refused}")
        # A refusal may be listed, too: under the leaf `runs`.
        refusal = compare.Difference(name, "runs", "+".join(sorted(references)), str(subject), "runs")
        if isinstance(subject, AssertionError) or compare.unlisted([refusal], table.entries):
            pytest.fail(f"apus cannot run what {', '.join(references)} can: {subject}", pytrace=False)
        return
    if not references:
        pytest.skip(f"apus runs it, the references cannot: {refused}")
    result = compare.compare(name, subject, references)
    table.compared[name] = result
    assert result.agreed > 150, "too few leaves agree for this to be an observation"
    found = compare.unlisted(result.differences, table.entries)
    if found:
        pytest.fail(f"{len(found)} unlisted differences\n" + "\n".join(f"  {d}" for d in found), pytrace=False)


def _complete(table):
    if set(table.futures) != set(TABLE):
        pytest.skip("judged only when the whole table is run")


def test_enough_configurations_compared(table, request):
    _complete(table)
    with open(os.environ.get("APUS_DIFF_REPORT", os.devnull), "w") as report:
        for (name, reference), reason in sorted(table.cannot.items()):
            print(f"{reference} cannot run {name}: {reason}", file=report)
        for name, result in table.compared.items():
            for reference, count in result.sided.items():
                print(f"{name}: only {reference} agrees on {count} leaves", file=report)
    assert len(table.compared) >= MINIMUM, f"{len(table.compared)} of {len(TABLE)} configurations were compared"


def test_no_listed_difference_is_stale(table):
    _complete(table)
    # Those of cgroup files are judged in test_cgroups_v1.py and test_cgroups_v2.py.
    entries = [e for e in table.entries if not e.config.startswith(("v1-", "v2-"))]
    stale = [f"{e.config} | {e.leaf} | {e.reference}: {e.reason}" for e in entries if e.stale()]
    assert not stale, "listed, but no longer there:\n" + "\n".join(stale)


def test_every_listed_difference_has_a_reason():
    for entry in compare.load(LIST):
        assert len(entry.reason) > 20, entry
        assert set(entry.reference.split()) <= {"crun", "runc"}, entry


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
