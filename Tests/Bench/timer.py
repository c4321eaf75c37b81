"""The other end of timer.c."""

import os
import select
import signal
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

# What the runtimes inherit: fixed, so that nothing of the caller's session counts.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
ANSWER = struct.Struct("=9q")
TIMEOUT = 120


class Failed(Exception):
    """A command that was to be measured failed."""


@dataclass
class Answer:
    nanoseconds: int
    user: int
    system: int
    peak: int
    minor_faults: int
    major_faults: int
    blocks_read: int
    failed: int
    status: int

    @property
    def milliseconds(self):
        return self.nanoseconds / 1e6


class Timer:
    def __init__(self, program, output):
        self.output = Path(output)
        self.process = subprocess.Popen([program, output], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT,
                                        bufsize=0, start_new_session=True)

    def __call__(self, *command, total=1, width=1, check=True):
        if self.output.exists() and self.output.stat().st_size:
            os.truncate(self.output, 0)
        arguments = b"".join(os.fsencode(str(a)) + b"\0" for a in command)
        self.process.stdin.write(struct.pack("=3I", len(arguments), total, width) + arguments)
        if not select.select([self.process.stdout], [], [], TIMEOUT)[0]:
            self.kill_children()
            raise Failed(f"{' '.join(map(str, command))}: no end within {TIMEOUT} s")
        answer = Answer(*ANSWER.unpack(self.process.stdout.read(ANSWER.size)))
        if check and answer.failed:
            raise Failed(f"{' '.join(map(str, command))}: {answer.failed} of {total} failed (wait status {answer.status}): {self.said()}")
        return answer

    def said(self):
        return self.output.read_text("utf-8", "replace").strip()[-600:]

    def kill_children(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
