"""A disk of the host, for limits of block I/O."""

import re
from pathlib import Path


def disk():
    """A disk whose I/O can be throttled, as the configuration names it."""
    for device in sorted(Path("/sys/block").iterdir()):
        if not re.match(r"loop|ram|zram|nbd", device.name):
            major, minor = (device / "dev").read_text().split(":")
            return {"major": int(major), "minor": int(minor)}
    return {"major": 7, "minor": 0}
