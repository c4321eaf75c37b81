"""`run` when nothing of it is in memory."""

import os
import re
import subprocess
from pathlib import Path

DROP = Path("/proc/sys/vm/drop_caches")


def files_of(program):
    """An executable and its shared libraries."""
    found = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return [program, *re.findall(r"(/\S+) \(0x", found)]


def forget(paths):
    """Asks the kernel to forget files. It keeps what others have mapped, the C library for one."""
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def drop():
    os.sync()
    DROP.write_text("3")


def may_drop():
    try:
        # To open it drops nothing yet.
        with open(DROP, "w"):
            return True
    except OSError:
        return False


def case_cold(bench, way):
    if way == "drop" and not may_drop():
        bench.figures.note("cold: this host does not let its caches be dropped; files are forgotten one by one instead (posix_fadvise)")
        way = "fadvise"
    elif way == "fadvise":
        bench.figures.note("cold: by posix_fadvise, which leaves what other processes have mapped")
    for shape in bench.shapes:
        bundle = bench.bundles[shape]
        own = [bundle / "config.json", bundle / "rootfs/bin/true"]

        def cold(one, counts):
            drop() if way == "drop" else forget([*files_of(one.path), *own])
            answer = one.run(bundle)
            if counts:
                bench.figures.add("run, cold", shape, one.name, answer.milliseconds)
                bench.figures.add("run, cold: read from disk", shape, one.name, answer.blocks_read / 2, "kB")
        bench.turns([lambda counts, one=one: cold(one, counts) for one in [bench.floor, *bench.runtimes]],
                    rounds=max(bench.rounds // 10, 3), warm_up=1)
