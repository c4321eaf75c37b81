"""What a user does, and what the user has to see: functions that take an engine and assert."""

from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Entry:
    name: str
    run: Callable
    # Of engines: which have the entry.
    engines: tuple


class Entries(list):
    """The entries of some engines, in the order in which they stand in the file.

        docker_like = Entries("podman", "docker")

        @docker_like("run: exit status 7")
        def seven(e): assert e.run("sh", "-c", "exit 7").status == 7
    """

    def __init__(self, *engines):
        super().__init__()
        self.engines = engines

    def __call__(self, name, *engines):
        def add(function):
            self.append(Entry(name, function, engines or self.engines))
            return function
        return add
