"""What one command takes: the cases whose runtimes take turns, run by run."""

import random

from bundles import SHAPES


class Bench:
    """What the cases share."""

    def __init__(self, workplace, timer, bundles, runtimes, floor, figures, rounds, shapes=tuple(SHAPES)):
        self.workplace, self.timer, self.bundles = workplace, timer, bundles
        self.runtimes, self.floor, self.figures, self.rounds = runtimes, floor, figures, rounds
        self.shapes = shapes
        self.random = random.Random(1)

    def turns(self, measures, rounds=None, warm_up=2):
        """Calls each of them in each round, in an order of its own: whoever comes after the slowest finds the
        processor cleaning up after it, and that should not always be the same one."""
        measures = list(measures)
        for round in range((rounds or self.rounds) + warm_up):
            self.random.shuffle(measures)
            for measure in measures:
                measure(round >= warm_up)

    def recorder(self, case, shape, name, action):
        def measure(counts):
            answer = action()
            if counts:
                self.figures.add(case, shape, name, answer.milliseconds)
                # Of the runtime and what it has waited for: less than the clock says of a busy machine.
                self.figures.add(f"{case}: processor time", shape, name, (answer.user + answer.system) / 1e3)
        return measure


def case_run(bench):
    for shape in bench.shapes:
        bundle = bench.bundles[shape]
        bench.turns([bench.recorder("run", shape, one.name, lambda one=one: one.run(bundle)) for one in [bench.floor, *bench.runtimes]])


def case_version(bench):
    """The start of the executable, which every other case has in it."""
    bench.turns([bench.recorder("--version", "-", "floor", bench.floor.nothing),
                 *(bench.recorder("--version", "-", one.name, lambda one=one: bench.timer(one.path, "--version")) for one in bench.runtimes)])


def case_create(bench):
    """create, start and delete of a container whose process is /bin/true."""
    from runtimes import await_end

    for shape in bench.shapes:
        def cycle(runtime, counts):
            id = runtime.id()
            took = {"create": runtime.create(bench.bundles[shape], id)}
            pid = runtime.pid(id)
            took["start"] = runtime("start", id)
            await_end(pid)
            took["delete"] = runtime("delete", id)
            runtime.pid_file(id).unlink()
            for case, answer in took.items():
                if counts:
                    bench.figures.add(case, shape, runtime.name, answer.milliseconds)
        bench.turns([lambda counts, one=one: cycle(one, counts) for one in bench.runtimes])


def case_exec(bench):
    """exec of /bin/true into a running container, and beside it `state` of that."""
    for shape in bench.shapes:
        up = {one: one.up(bench.bundles.waiting[shape]) for one in bench.runtimes}
        ours = bench.runtimes[0]
        pid = ours.pid(up[ours])
        bench.turns([bench.recorder("exec", shape, "floor", lambda: bench.floor.exec(shape, pid, up[ours])),
                     *(bench.recorder("exec", shape, one.name, lambda one=one, id=id: one("exec", id, "/bin/true")) for one, id in up.items())])
        bench.turns([bench.recorder("state", shape, "floor", bench.floor.nothing),
                     *(bench.recorder("state", shape, one.name, lambda one=one, id=id: one("state", id)) for one, id in up.items())])
        for one, id in up.items():
            one.down(id)


def case_kill(bench):
    """kill and then delete; the wait between them for the process's end does not count."""
    for shape in bench.shapes:
        def cycle(runtime, counts):
            killed, deleted = runtime.down(runtime.up(bench.bundles.waiting[shape]))
            if counts:
                bench.figures.add("kill", shape, runtime.name, killed.milliseconds)
                bench.figures.add("kill and delete", shape, runtime.name, killed.milliseconds + deleted.milliseconds)
        bench.turns([lambda counts, one=one: cycle(one, counts) for one in bench.runtimes], rounds=max(bench.rounds // 2, 5))
