"""A directory for bundles, state and the compiled helpers, which goes at the end, whatever the end."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent.parent / "Sources"
CGROUPS = Path("/sys/fs/cgroup")
FREESTANDING = ["-std=gnu17", "-ffreestanding", "-fno-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
                f"-I{SOURCES}/CKernel/include", "-nostdlib", "-Wl,--gc-sections", "-Wl,--build-id=none",
                "-Wl,-z,max-page-size=4096", "-Wl,-z,noexecstack"]

_libc = ctypes.CDLL(None, use_errno=True)


def compile_c(target, *sources, flags=()):
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", *flags, "-o", target, *sources], check=True)
    return target


class Workplace:
    """Bundles lie on the disk, so that caches can be cold; the runtimes' state on a tmpfs, as in /run."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="apus-bench-"))
        self.dir.chmod(0o755)
        self.prefix = f"apus-bench-{os.getpid()}-"
        self.runtimes, self.processes = [], []
        self.state = self.dir / "state"
        self.state.mkdir()
        if _libc.mount(b"tmpfs", os.fsencode(self.state), b"tmpfs", 0, b"mode=755"):
            raise SystemExit(f"bench: tmpfs on {self.state}: {os.strerror(ctypes.get_errno())}")

    def compile(self):
        self.timer = compile_c(self.dir / "timer", HERE / "timer.c")
        self.floor = compile_c(self.dir / "floor", HERE / "floor.c", HERE / "floor_container.c", HERE / "floor_devices.c",
                               SOURCES / "Stage/start.S", SOURCES / "Stage/memory.c", flags=FREESTANDING)

    def installed(self, executable):
        """A copy, as an installation makes it: what a linker wrote lies in the page cache in small pieces, which cost each
        start a tenth of a millisecond and more."""
        copy = shutil.copy(executable, self.dir / "apus")
        # What is not on the disk yet would count as memory that its processes have written.
        with open(copy, "rb") as file:
            os.fsync(file)
        return copy

    def close(self):
        former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        # What is being measured first, so that nothing is made any more, then what it has made.
        for process in self.processes:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            for child in children.read_text().split() if children.exists() else ():
                os.kill(int(child), signal.SIGKILL)
            process.kill()
            process.wait()
        for runtime in self.runtimes:
            runtime.discard_all()
        for cgroup in sorted(CGROUPS.glob(f"{self.prefix}*/**/"), reverse=True):
            try:
                (cgroup / "cgroup.kill").write_text("1")
                cgroup.rmdir()
            except OSError:
                pass
        _libc.umount2(os.fsencode(self.state), 2)
        shutil.rmtree(self.dir, ignore_errors=True)
        for number, action in former.items():
            signal.signal(number, action)
