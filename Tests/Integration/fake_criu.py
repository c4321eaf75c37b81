#!/usr/bin/env python3
"""A criu that speaks the RPC of `criu swrk FD` and does nothing: for what a runtime makes of one that fails.

MODE, from the file beside it, says how: `old` is of version 2.9, `refuse` fails with a log, `die` ends in the middle,
`silent` ends at once, `babble` answers with what is no message.
"""

import os
import signal
import socket
import sys
from pathlib import Path

NOTIFY, VERSION = 6, 10


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """The fields of a message, of the kinds that the runtime sends."""
    found, position = [], 0

    def number():
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        key = number()
        value = number()
        if key & 7 == 2:
            value, position = message[position : position + value], position + value
        found.append((key >> 3, value))
    return found


def main():
    mode = (Path(__file__).parent / "mode").read_text().strip()
    assert sys.argv[1] == "swrk", sys.argv
    runtime = socket.socket(fileno=int(sys.argv[2]))
    request = dict(fields(runtime.recv(1 << 20)))
    (Path(__file__).parent / "requests").open("a").write(f"{request[1]}\n")
    if request[1] == VERSION:
        if mode == "silent":
            print("Error (fake.c:1): cannot live on this kernel")
            return 3
        if mode == "babble":
            runtime.send(b"\xff" * 12)
            return 0
        major, minor = (2, 9) if mode == "old" else (3, 17)
        runtime.send(field(1, VERSION) + field(2, 1) + field(10, field(1, major) + field(2, minor) + field(4, 1)))
        return 0
    options = dict(fields(request[2]))
    where = options.get(17, options[1])
    with open(f"/proc/{os.getppid()}/fd/{where}/{options[10].decode()}", "w") as log:
        log.write("(00.000001) fine so far\n(00.000002) Error (fake.c:2): it cannot be done\n")
    runtime.send(field(1, NOTIFY) + field(2, 1) + field(5, field(1, b"network-lock") + field(2, 0)))
    answer = dict(fields(runtime.recv(1 << 20)))
    assert answer == {1: NOTIFY, 3: 1}, answer
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    runtime.send(field(1, request[1]) + field(2, 0) + field(7, 22))
    return 1


sys.exit(main())
