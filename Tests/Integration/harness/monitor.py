"""The other end of a pod monitor's socket: Sources/MonitorProtocol in Python."""

import array
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time

HELLO, PREPARE, CREATE, RUN, EXEC, CANCEL, REOPEN, KILL, WAIT, SUBSCRIBE, LIST, FORGET, SHUTDOWN, RESIZE, CLOSE_INPUT = range(1, 16)
DONE, FAILED, GREETED, PREPARED, CREATED, RAN, EXECUTED, EXITED, CONTAINERS, EVENT = *range(128, 137), 160
FAILURES = ["malformed", "invalid", "unknownContainer", "containerExists", "busy", "system", "runtime", "timedOut", "cancelled"]
KINDS = {"network": 0, "ipc": 1, "uts": 2, "user": 3, "cgroup": 4}


class Failed(Exception):
    """A request that the monitor refused."""

    def __init__(self, kind, errno, status, text):
        super().__init__(f"{kind}: {text}")
        self.kind, self.errno, self.status, self.text = kind, errno, status, text


def word(number):
    return struct.pack("<I", number & 0xFFFFFFFF)


def text(value):
    value = value.encode() if isinstance(value, str) else bytes(value)
    return word(len(value)) + value


def texts(values):
    return word(len(values)) + b"".join(text(str(v)) for v in values)


def optional(value):
    return b"\0" if value is None else b"\1" + text(str(value))


def command(arguments, environment=("PATH=/usr/bin:/bin:/usr/sbin:/sbin",), limit=0):
    return texts(arguments) + texts(environment) + word(limit)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data)
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self):
        return self.take(1)[0]

    def word(self):
        return struct.unpack("<I", self.take(4))[0]

    def signed(self):
        return struct.unpack("<i", self.take(4))[0]

    def bytes(self):
        return self.take(self.word())

    def text(self):
        return self.bytes().decode()

    def exit(self):
        found = {"id": self.text(), "pid": self.signed(), "code": self.signed(), "signal": self.signed()}
        seconds, nanoseconds = struct.unpack("<qI", self.take(12))
        return {**found, "time": seconds + nanoseconds / 1e9}


class Client:
    """A connection to a monitor."""

    def __init__(self, path, version=1, greet=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.last, self.replies, self.events = 0, {}, []
        if greet:
            self.version, self.pid = self.ask(HELLO, word(version))

    def post(self, kind, body=b"", descriptors=()):
        self.last += 1
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.socket.sendmsg([bytes([kind]) + word(self.last) + body], passed)
        return self.last

    def receive(self, seconds=30):
        self.socket.settimeout(seconds)
        packet = self.socket.recv(1 << 18)
        if not packet:
            raise ConnectionError("the monitor has closed the connection")
        reader = Reader(packet)
        kind, number = reader.byte(), reader.word()
        if kind == DONE:
            value = None
        elif kind == FAILED:
            value = Failed(FAILURES[reader.byte()], reader.signed(), reader.signed(), reader.text())
        elif kind == GREETED:
            value = (reader.word(), reader.signed())
        elif kind in (PREPARED, CREATED):
            value = reader.signed()
        elif kind == RAN:
            value = {"status": reader.signed(), "signal": reader.signed(), "timed_out": bool(reader.byte()),
                     "out": reader.bytes(), "err": reader.bytes()}
        elif kind in (EXECUTED, EXITED, EVENT):
            value = reader.exit()
        else:
            assert kind == CONTAINERS, kind
            value = {}
            for _ in range(reader.word()):
                id, pid = reader.text(), reader.signed()
                value[id] = {"pid": pid, "exit": reader.exit() if reader.byte() else None}
        assert reader.at == len(packet)
        if kind == EVENT:
            assert number == 0
            self.events.append(value)
        else:
            self.replies[number] = value

    def reply(self, number, seconds=30):
        end = time.monotonic() + seconds
        while number not in self.replies:
            self.receive(max(0.001, end - time.monotonic()))
        value = self.replies.pop(number)
        if isinstance(value, Failed):
            raise value
        return value

    def ask(self, kind, body=b"", descriptors=(), seconds=30):
        return self.reply(self.post(kind, body, descriptors), seconds)

    def event(self, seconds=10):
        end = time.monotonic() + seconds
        while not self.events:
            self.receive(max(0.001, end - time.monotonic()))
        return self.events.pop(0)

    # ---- requests ----

    def prepare(self, pins=(), uids=(), gids=(), settings=(), host=None, domain=None, pause=None, cgroups=()):
        body = word(len(pins)) + b"".join(bytes([KINDS[k]]) + text(str(p)) for k, p in pins)
        for ids in (uids, gids):
            body += word(len(ids)) + b"".join(word(n) for line in ids for n in line)
        body += word(len(settings)) + b"".join(text(n) + text(v) for n, v in settings)
        body += optional(host) + optional(domain)
        body += b"\0" if pause is None else b"\1" + text(str(pause)) + texts(cgroups)
        return self.ask(PREPARE, body)

    def post_create(self, id, arguments, pid_file, log=None, runtime_log=None, keeps_input=False, console=None, limit=30000):
        return self.post(CREATE, text(id) + command(arguments, limit=limit) + text(str(pid_file)) + optional(runtime_log)
                         + optional(log) + bytes([keeps_input]) + optional(console))

    def create(self, *args, **more):
        return self.reply(self.post_create(*args, **more))

    def run(self, *arguments, limit=30000):
        return self.ask(RUN, command(arguments, limit=limit))

    def post_exec(self, arguments, pid_file, descriptors=(), limit=0, runtime_log=None):
        return self.post(EXEC, command(arguments, limit=limit) + text(str(pid_file)) + optional(runtime_log), descriptors)

    def list(self):
        return self.ask(LIST)

    def kill(self, id, number):
        return self.ask(KILL, text(id) + struct.pack("<i", number))

    def wait(self, id, seconds=30):
        return self.ask(WAIT, text(id), seconds=seconds)

    def named(self, kind, id, more=b""):
        return self.ask(kind, text(id) + more)

    def shutdown(self, force=False):
        return self.ask(SHUTDOWN, bytes([force]))

    def close(self):
        self.socket.close()


class Monitor:
    """A pod monitor under test, in a directory of its own."""

    def __init__(self, program, directory, *arguments):
        self.dir = directory
        directory.mkdir()
        self.socket, self.state = directory / "monitor.sock", directory
        self.result = subprocess.run(
            [program, "pod-monitor", "--socket", self.socket, "--state", self.state, *arguments],
            capture_output=True, text=True, timeout=30)
        assert self.result.returncode == 0, self.result
        self.client = Client(self.socket)
        self.pid = self.client.pid

    def exit_record(self, id):
        return json.loads((self.state / "exits" / id).read_text())

    def is_alive(self):
        try:
            return open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def end(self):
        try:
            if self.is_alive():
                Client(self.socket).shutdown(force=True)
        except (OSError, Failed):
            pass
        finish = time.monotonic() + 5
        while self.is_alive() and time.monotonic() < finish:
            time.sleep(0.01)
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)


def lines(path):
    """A log of the CRI: (stream, F or P, content) of each line, whose time is looked at."""
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        moment, stream, tag, content = line.split(b" ", 3)
        assert len(moment) == 30 and moment.endswith(b"Z"), line
        found.append((stream.decode(), tag.decode(), content))
    return found


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.01)
    return found


def readable(descriptor, seconds=10):
    return bool(select.select([descriptor], [], [], seconds)[0])
