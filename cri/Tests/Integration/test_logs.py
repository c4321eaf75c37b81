"""The container's log: its format, what is cut into pieces, and what happens to it when it is rotated."""

import os
import time

import pytest
from harness.client import refused
from harness.pods import moment, records, until

PIECE = 16 << 10


@pytest.fixture
def pod(rig):
    return rig.pod()


def finished(pod, script, **config):
    container = pod.shell(script, **config)
    container.wait()
    return container


def test_records_have_time_stream_tag_and_text(pod):
    begun = time.time_ns()
    container = finished(pod, "echo one; echo two >&2; sleep 0.05; echo; printf 'no end'")
    found = container.records()
    assert [r[1:] for r in found if r[1] == "stdout"] == [
        ("stdout", "F", "one"), ("stdout", "F", ""), ("stdout", found[-1][2], "no end")]
    assert [r[1:] for r in found if r[1] == "stderr"] == [("stderr", "F", "two")]
    times = [moment(r[0]) for r in found]
    assert times == sorted(times) and begun <= times[0] <= times[-1] <= time.time_ns()
    assert times[-1] - times[0] >= 40_000_000, "records carry the time of their own writing"


@pytest.mark.only_ours("it marks it as full")
def test_what_ends_without_a_newline_is_partial(pod):
    assert finished(pod, "printf 'no end'").records()[0][1:] == ("stdout", "P", "no end")


def test_long_lines_are_cut_into_pieces(pod):
    container = finished(pod, "head -c 40000 /dev/zero | tr '\\0' x; echo; echo short")
    found = container.records()
    assert found[-1][2:] == ("F", "short")
    pieces = found[:-1]
    assert [tag for _, _, tag, _ in pieces] == ["P"] * (len(pieces) - 1) + ["F"]
    assert all(0 < len(text) <= PIECE for *_, text in pieces)
    assert "".join(text for *_, text in pieces) == "x" * 40000


@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1])
def test_lines_about_as_long_as_a_piece(pod, length):
    container = finished(pod, f"head -c {length} /dev/zero | tr '\\0' y; echo; echo after")
    assert container.output() == "y" * length + "\nafter\n"


@pytest.mark.only_ours("it takes carriage returns away")
def test_bytes_are_kept_as_they_are(pod):
    container = finished(pod, "printf '\\377\\000\\033[1m\\r\\n'")
    assert b" stdout F \xff\0\x1b[1m\r\n" in container.rig.place.path(container.log_path).read_bytes()


@pytest.mark.only_ours("it loses the end of what is written fast")
def test_nothing_is_lost_of_much(pod):
    container = finished(pod, "seq 1 200000")
    expected = "".join(f"{n}\n" for n in range(1, 200001))
    # The exit may be known before the last is on disk.
    until(lambda: len(container.output()) >= len(expected), "all of it")
    assert container.output() == expected


def test_both_streams_at_once(pod):
    container = finished(pod, "(seq 1 5000 >&2) & seq 1 5000; wait")
    expected = "".join(f"{n}\n" for n in range(1, 5001))
    assert container.output() == expected and container.output("stderr") == expected


def test_a_terminal_has_one_stream(pod):
    container = pod.container("sh", "-c", "test -t 0 && test -t 1 && echo terminal; echo err >&2", tty=True)
    container.start()
    container.wait()
    lines = [(stream, text) for _, stream, _, text in container.records()]
    assert [stream for stream, _ in lines] == ["stdout", "stdout"]
    assert [text.rstrip("\r") for _, text in lines] == ["terminal", "err"]


def test_output_is_there_while_the_container_runs(pod):
    container = pod.shell("echo now; sleep 1000")
    until(lambda: container.output() == "now\n", "the line")


def test_reopen_after_a_rotation(pod):
    container = pod.shell("while :; do echo line; sleep 0.02; done")
    path = pod.rig.place.path(container.log_path)
    until(lambda: container.records(), "a line")
    os.rename(path, f"{path}.1")
    before = len(records(open(f"{path}.1", "rb").read()))
    until(lambda: len(records(open(f"{path}.1", "rb").read())) > before, "more in the old file")
    assert not path.exists()
    pod.rig.client.ReopenContainerLog(container_id=container.id)
    assert path.exists()
    until(lambda: container.records(), "a line in the new file")
    size = os.stat(f"{path}.1").st_size
    time.sleep(0.1)
    assert os.stat(f"{path}.1").st_size == size
    assert container.state == "RUNNING"


def test_reopen_loses_nothing(pod):
    container = pod.shell("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; sleep 1000")
    path = pod.rig.place.path(container.log_path)
    parts = []
    for n in range(5):
        time.sleep(0.01)
        os.rename(path, f"{path}.{n}")
        pod.rig.client.ReopenContainerLog(container_id=container.id)
        parts.append(f"{path}.{n}")
    parts.append(path)

    def numbers():
        return [text for part in parts for *_, text in records(open(part, "rb").read())]

    until(lambda: len(numbers()) >= 3000, "all lines")
    assert numbers() == [str(n) for n in range(3000)]


def test_reopen_of_what_does_not_run(pod):
    container = pod.start("true")
    container.wait()
    path = pod.rig.place.path(container.log_path)
    os.rename(path, f"{path}.1")
    with refused("FAILED_PRECONDITION", "UNKNOWN", "INVALID_ARGUMENT"):
        pod.rig.client.ReopenContainerLog(container_id=container.id)
    assert not path.exists(), "once it returns an error, no new file may be there"


def test_the_log_outlives_its_container(pod):
    container = finished(pod, "echo stays")
    path = pod.rig.place.path(container.log_path)
    container.remove()
    assert b"stays" in path.read_bytes()


def test_a_removed_log_does_not_hold_the_container_up(pod):
    container = pod.shell("seq 1 2000; sleep 0.2; seq 1 100000; exit 5")
    os.unlink(pod.rig.place.path(container.log_path))
    assert container.wait().exit_code == 5


def test_without_a_log_path_nothing_is_written(pod):
    container = pod.container("echo", "nobody hears", log_path="")
    container.start()
    assert container.wait().exit_code == 0
    assert not [p for p in pod.rig.place.path(pod.config["log_directory"]).rglob("*") if p.is_file()]


@pytest.mark.only_ours("it goes on with the rest of the log lost")
def test_a_full_disk_does_not_hold_the_container_up(rig):
    """The log is on a file system of some pages; the container writes more, ends, and its exit is told."""
    directory = rig.directory / "shared" / "full"
    rig.place.run("mkdir", directory)
    rig.place.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory)
    try:
        pod = rig.pod(log_directory=str(directory))
        container = pod.shell("seq 1 100000; exit 6")
        assert container.wait().exit_code == 6
        assert container.output().startswith("1\n2\n3\n")
        pod.remove()
    finally:
        rig.place.run("umount", directory)
