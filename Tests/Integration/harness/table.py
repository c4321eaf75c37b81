"""The table of configurations, run under all runtimes: as the container's process and through exec.

A column of the table is one way to run it: `init` and `exec`, both once more by an unprivileged user
(harness/rootless.py). The environment narrows it for hosts that are slow: APUS_DIFF_SHARE=1/3 takes every
third configuration, APUS_DIFF_COLUMNS=exec one column.
"""

import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cases import TABLE, Held

from . import compare
from .bundle import Bundle
from .observe import CannotRun, observe
from .runtime import Runtime
from .through_exec import observe_exec, ways_of

LIST = Path(__file__).parent.parent / "differences.toml"
REFERENCES = os.environ.get("APUS_REFERENCES", "crun runc").split()
COLUMNS = ("init", "exec", "rootless-init", "rootless-exec")
_part, _, _parts = os.environ.get("APUS_DIFF_SHARE", "1/1").partition("/")
NAMES = list(TABLE)[int(_part) - 1 :: int(_parts)]
WHOLE = len(NAMES) == len(TABLE)


def chosen(minimum):
    """Of a module's columns, with how many configurations each has to compare, those that are wanted."""
    wanted = os.environ.get("APUS_DIFF_COLUMNS", "").split() or minimum
    return {column: least for column, least in minimum.items() if column in wanted}


class Table:
    """Runs cases under all runtimes, each once a column, and keeps what came of it."""

    def __init__(self, subject, workplace, probe, listed, cells, user=None, more=None):
        self.workplace, self.probe, self.listed, self.cells, self.user = workplace, probe, listed, set(cells), user
        self.cases = {**TABLE, **(more or {})}
        self.ways = ways_of(self.cases, user.ways_nowhere if user else ())
        self.missing = [name for name in REFERENCES if not shutil.which(name)]
        paths = {"apus": subject, **{n: shutil.which(n) for n in REFERENCES if n not in self.missing}}
        self.runtimes = [self._runtime(name, path) for name, path in paths.items()]
        self.pool = ThreadPoolExecutor(2)
        self.futures, self.compared, self.cannot = {}, {}, {}
        Held.pid()

    def _runtime(self, name, path):
        root = self.workplace / f"diff-{'user' if self.user else 'root'}-{name}"
        return self.user.runtime(name, path, root) if self.user else Runtime(name, path, root)

    def request(self, column, name):
        if (column, name) not in self.futures:
            self.futures[column, name] = self.pool.submit(self._run, column, self.cases[name])
        return self.futures[column, name]

    def _run(self, column, case):
        found = {}
        for runtime in self.runtimes:
            id = f"d{uuid.uuid4().hex[:10]}"
            bundle = Bundle(self.workplace / f"{column}-{runtime.name}-{case.name}", self.probe, id)
            try:
                case.build(bundle)
                if self.user:
                    self.user.own(bundle)
                if column.endswith("exec"):
                    found[runtime.name] = observe_exec(runtime, bundle, self.ways[case.name], Held.names())
                else:
                    found[runtime.name] = {"init": observe(runtime, bundle, Held.names())}
            except (CannotRun, AssertionError) as refusal:
                found[runtime.name] = refusal
            finally:
                bundle.close()
        return found

    def judge(self, column, name):
        """Fails with the differences that are not listed; skips where there is nothing to compare."""
        if self.missing:
            pytest.skip(f"not installed, so not compared with: {', '.join(self.missing)}")
        found = self.request(column, name).result()
        ways = sorted({way for of_one in found.values() if isinstance(of_one, dict) for way in of_one}) or ["init"]
        compared, unlisted, nowhere = 0, [], []
        for way in ways:
            of_way = {n: o if isinstance(o, Exception) else o[way] for n, o in found.items()}
            subject = of_way.pop("apus")
            references = {n: o for n, o in of_way.items() if not isinstance(o, Exception)}
            refused = {n: str(o) for n, o in of_way.items() if isinstance(o, Exception)}
            label = column if way == "init" else f"{column}/{way}"
            for reference, reason in refused.items():
                self.cannot[label, name, reference] = reason
            if isinstance(subject, AssertionError):
                pytest.fail(f"{label}: {subject}", pytrace=False)
            if isinstance(subject, Exception):
                if not references:
                    nowhere.append(f"no runtime runs this here: {label}: apus: {subject}; {refused}")
                    continue
                # A refusal may be listed, too: under the leaf `runs`.
                refusal = compare.Difference(name, "runs", "+".join(sorted(references)), str(subject), "runs", label)
                unlisted += compare.unlisted([refusal], self.listed.entries)
                continue
            if not references:
                nowhere.append(f"{label}: apus runs it, the references cannot: {refused}")
                continue
            result = compare.compare(name, subject, references, label)
            assert result.agreed > 150, f"{label}: too few leaves agree for this to be an observation"
            self.compared[label, name] = result
            compared += 1
            unlisted += compare.unlisted(result.differences, self.listed.entries)
        if unlisted:
            pytest.fail(f"{len(unlisted)} unlisted differences\n" + "\n".join(f"  {d}" for d in unlisted), pytrace=False)
        if nowhere and not compared:
            pytest.skip("; ".join(nowhere))

    def judge_whole(self, column, minimum):
        """That enough of a column could be compared; of a part of the table, the same part of the minimum."""
        wanted = {name for name, c in self.cells if c == column}
        if wanted != {name for c, name in self.futures if c == column}:
            pytest.skip("judged only when the column is run")
        if WHOLE:
            self.listed.complete.add(column)
        found = {name for label, name in self.compared if label.split("/")[0] == column}
        least = minimum * len(NAMES) // len(TABLE)
        assert len(found) >= least, f"{len(found)} of {len(wanted)} configurations were compared, at least {least} should be"

    def judge_list(self):
        if not self.listed.complete:
            pytest.skip("judged only when the whole table is run")
        stale = self.listed.stale(COLUMNS)
        assert not stale, "listed, but no longer there:\n" + "\n".join(stale)

    def report(self):
        """Says in APUS_DIFF_REPORT which reference cannot run what, and which of them is agreed with."""
        with open(os.environ.get("APUS_DIFF_REPORT", os.devnull), "a") as report:
            for (label, name, reference), reason in sorted(self.cannot.items()):
                print(f"{label}: {reference} cannot run {name}: {reason}", file=report)
            for (label, name), result in self.compared.items():
                for reference, count in result.sided.items():
                    print(f"{label}: {name}: only {reference} agrees on {count} leaves", file=report)


def of_module(request, *arguments, **more):
    """The table of one module, with all that is going to be asked for under way, two at a time."""
    table = Table(*arguments, **more)
    for item in request.session.items:
        params = getattr(item, "callspec", None) and item.callspec.params
        if item.module is request.module and params and "name" in params:
            table.request(params["column"], params["name"])
    yield table
    table.pool.shutdown(cancel_futures=True)
    table.report()
    Held.release()
