"""Many containers: what `list` takes, whether the thousandth costs more than the first, and how many a second."""

FEW = 100


def sample(bench, runtime, rounds):
    """What create and start of one more container take, which is removed again."""
    took = []
    for _ in range(rounds):
        id = runtime.id()
        created = runtime.create(bench.bundles.waiting["spec"], id)
        started = runtime("start", id)
        runtime.down(id)
        took.append(created.milliseconds + started.milliseconds)
    return took


def beside(bench, runtime, level, rounds):
    """How much of the growth is the kernel's: pivot_root(2) looks at all processes there are, a sysfs at all others."""
    for _ in range(rounds):
        for one in (bench.floor, runtime):
            took = one.run(bench.bundles["spec"]).milliseconds
            bench.figures.add(f"crowd: run beside {level}", "spec", one.name, took)


def case_crowd(bench, many):
    """The runtimes come one after the other here: three crowds at once would be three times the crowd."""
    figures, rounds = bench.figures, max(bench.rounds // 4, 10)
    figures.note(f"crowd: one runtime after the other, not in turns; {many} containers alive at the most")
    levels = sorted({1, min(FEW, many), many})
    for runtime in bench.runtimes:
        alive, first = [], None
        try:
            for level in levels:
                while len(alive) < level:
                    alive.append(runtime.up(bench.bundles.waiting["spec"]))
                sample(bench, runtime, 2)
                for value in sample(bench, runtime, rounds):
                    figures.add(f"crowd: create and start beside {level}", "spec", runtime.name, value)
                for _ in range(rounds):
                    figures.add(f"list of {level}", "spec", runtime.name, runtime("list").milliseconds)
                    figures.add(f"state beside {level}", "spec", runtime.name, runtime("state", alive[0]).milliseconds)
                if runtime.name == "apus":
                    beside(bench, runtime, level, rounds)
                first = first or figures.get(f"crowd: create and start beside {level}", "spec", runtime.name).median
            last = figures.get(f"crowd: create and start beside {many}", "spec", runtime.name).median
            figures.add("crowd: cost of the last / of the first", "spec", runtime.name, last / first, "ratio")
        finally:
            for id in alive:
                runtime.down(id)


def case_throughput(bench, total):
    for width in (1, 2, 8):
        for _ in range(3):
            for runtime in bench.random.sample(bench.runtimes, len(bench.runtimes)):
                id = f"{runtime.id()}-@"
                answer = runtime("run", "--bundle", bench.bundles["spec"], id, total=total, width=width)
                bench.figures.add(f"throughput, {width} at a time", "spec", runtime.name, total / (answer.nanoseconds / 1e9), "per s")
