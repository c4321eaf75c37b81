"""create, start, state, kill, delete: the states of a container and what each verb says in each."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
from harness.runtime import ENVIRONMENT, Footprint, reap


@pytest.fixture
def sleeper(bundle):
    """A bundle whose process ends on SIGTERM with status 0."""
    bundle.busybox("sleep")
    bundle.sh("trap 'exit 0' TERM; while :; do sleep 0.05; done")
    return bundle.write()


def test_all_states(runtime, sleeper):
    id = sleeper.id
    footprint = Footprint(runtime, id, sleeper.dir)
    runtime.create(sleeper.dir, id)
    pid = runtime.pid(sleeper.dir, id)
    assert runtime.state(id)["status"] == "created"
    assert runtime("start", id).code == 0
    assert runtime.state(id)["status"] == "running"
    again = runtime("start", id)
    assert again.code == 1 and "cannot start an already running container" in again.err
    refused = runtime("delete", id)
    assert refused.code == 1 and f"cannot delete container {id} that is not stopped: running" in refused.err
    time.sleep(0.1)  # the shell sets its trap
    assert runtime("kill", id).code == 0
    assert reap(pid) == 0
    assert runtime.state(id)["status"] == "stopped" and runtime.state(id)["pid"] == 0
    stopped = runtime("start", id)
    assert stopped.code == 1 and "cannot start a container that has stopped" in stopped.err
    killed = runtime("kill", id, "KILL")
    assert killed.code == 1 and "container not running" in killed.err
    assert runtime("kill", "--all", id, "KILL").code == 0
    assert runtime("delete", id).code == 0
    for verb in ("state", "start", "delete", "kill"):
        gone = runtime(verb, id)
        assert gone.code == 1 and "container does not exist" in gone.err, gone
    footprint.assert_clean()


def test_state_output_is_exact(runtime, sleeper):
    sleeper.config["annotations"] = {"b": "a/b", "a": "quote \" and \u00e9"}
    sleeper.write()
    runtime.create(sleeper.dir, sleeper.id)
    pid = runtime.pid(sleeper.dir, sleeper.id)
    out = runtime("state", sleeper.id).out
    state = json.loads(out)
    keys = list(state)
    assert keys == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(-\w+)?", state["ociVersion"])
    assert (state["id"], state["pid"], state["status"]) == (sleeper.id, pid, "created")
    assert (state["bundle"], state["rootfs"]) == (str(sleeper.dir), str(sleeper.rootfs))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", state["created"])
    assert state["annotations"] == sleeper.config["annotations"]
    # Byte for byte: two spaces, no escaped slashes, no newline at the end.
    assert out == json.dumps(state, indent=2, ensure_ascii=False)
    runtime("delete", "--force", sleeper.id)
    reap(pid)


def test_pid_is_that_of_the_container(runtime, sleeper):
    runtime.create(sleeper.dir, sleeper.id)
    pid = runtime.pid(sleeper.dir, sleeper.id)
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    assert fields["NSpid"].split()[-1] == "1"
    assert int(fields["PPid"]) == os.getpid(), "the container must become a child of whoever called create"
    runtime("delete", "--force", sleeper.id)
    assert reap(pid) == 128 + signal.SIGKILL


def test_pid_file_has_no_newline(runtime, sleeper):
    runtime.create(sleeper.dir, sleeper.id)
    text = (sleeper.dir / f"{sleeper.id}.pid").read_bytes()
    assert re.fullmatch(rb"\d+", text), text
    assert not [p for p in sleeper.dir.iterdir() if ".pid" in p.name and p.name != f"{sleeper.id}.pid"], "its temporary file is left"


def test_pid_file_replaces_another_at_once(runtime, sleeper):
    """Readers never see a partial file: the name is moved onto, not written through."""
    target = sleeper.dir / f"{sleeper.id}.pid"
    target.write_text("old content that is longer than any pid")
    inode = target.stat().st_ino
    runtime.create(sleeper.dir, sleeper.id)
    assert target.stat().st_ino != inode and target.read_text().isdigit()


def test_pid_file_path_is_that_of_the_caller(runtime, sleeper, workplace):
    directory = sleeper.host_directory("elsewhere")
    with open(sleeper.dir / "out", "wb") as out:
        subprocess.run(runtime.command("create", "--pid-file", "relative.pid", "--bundle", sleeper.dir, sleeper.id),
                       cwd=directory, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENVIRONMENT, check=True)
    assert (directory / "relative.pid").read_text().isdigit()


def test_state_directory_and_fifo(runtime, sleeper):
    runtime.create(sleeper.dir, sleeper.id)
    directory = runtime.root / sleeper.id
    assert stat.S_IMODE(directory.stat().st_mode) == 0o711
    fifo = (directory / "exec.fifo").lstat()
    assert stat.S_ISFIFO(fifo.st_mode) and stat.S_IMODE(fifo.st_mode) == 0o600
    assert "id" in json.loads((directory / "state.json").read_text())
    runtime("start", sleeper.id, check=True)
    assert not (directory / "exec.fifo").exists()


def test_existing_id_is_refused_and_kept(runtime, sleeper, make_bundle):
    runtime.create(sleeper.dir, sleeper.id)
    other = make_bundle().write()
    refused = runtime("create", "--bundle", other.dir, sleeper.id)
    assert refused.code == 1 and "container with given ID already exists" in refused.err
    assert runtime.state(sleeper.id)["bundle"] == str(sleeper.dir)


@pytest.mark.parametrize("id", ["", "..", ".", "a/b", "../x", "a b", "a\nb", "\u00e9", "a" * 1025, "a:b", "%s"])
def test_bad_ids(runtime, bundle, id):
    bundle.write()
    footprint = Footprint(runtime, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, "--", id)
    assert result.code == 1 and result.err, result
    footprint.assert_clean()


@pytest.mark.parametrize("id", ["a", "A.b_c+d-e", "0", "x" * 200])
def test_good_ids(runtime, bundle, id):
    bundle.sh("exit 0")
    bundle.write()
    assert runtime("run", "--bundle", bundle.dir, id).code == 0


def test_a_created_container_can_be_deleted(runtime, sleeper):
    footprint = Footprint(runtime, sleeper.id, sleeper.dir)
    runtime.create(sleeper.dir, sleeper.id)
    pid = runtime.pid(sleeper.dir, sleeper.id)
    assert runtime("delete", sleeper.id).code == 0
    assert reap(pid) == 128 + signal.SIGKILL
    footprint.assert_clean()


def test_a_running_container_can_be_deleted_by_force(runtime, sleeper):
    footprint = Footprint(runtime, sleeper.id, sleeper.dir)
    runtime.create(sleeper.dir, sleeper.id)
    pid = runtime.pid(sleeper.dir, sleeper.id)
    runtime("start", sleeper.id, check=True)
    assert runtime("delete", "--force", sleeper.id).code == 0
    assert reap(pid) == 128 + signal.SIGKILL
    footprint.assert_clean()


def test_delete_force_of_an_unknown_id_succeeds(runtime):
    result = runtime("delete", "--force", "no-such-container")
    assert (result.code, result.err) == (0, "")


def test_delete_of_a_half_made_container(runtime):
    directory = runtime.root / "half"
    directory.mkdir(parents=True)
    refused = runtime("delete", "half")
    assert refused.code == 1 and "container does not exist" in refused.err
    directory.mkdir(exist_ok=True)
    assert runtime("delete", "--force", "half").code == 0
    assert not directory.exists()


def test_kill_by_all_spellings(runtime, make_bundle):
    for spelling, number in (("TERM", 15), ("SIGTERM", 15), ("sigterm", 15), ("15", 15), ("usr1", 10), ("34", 34), ("KILL", 9)):
        bundle = make_bundle()
        bundle.busybox("sleep")
        bundle.sh("trap 'exit 15' TERM; trap 'exit 10' USR1; trap 'exit 34' 34; echo ready; while :; do sleep 0.02; done")
        bundle.write()
        runtime.create(bundle.dir, bundle.id)
        pid = runtime.pid(bundle.dir, bundle.id)
        runtime("start", bundle.id, check=True)
        end = time.monotonic() + 10
        while "ready" not in (bundle.dir / "stdout").read_text() and time.monotonic() < end:
            time.sleep(0.01)
        runtime("kill", bundle.id, spelling, check=True)
        assert reap(pid) == (137 if number == 9 else number), spelling
        runtime("delete", bundle.id, check=True)


def test_kill_with_an_unknown_signal(runtime, sleeper):
    runtime.create(sleeper.dir, sleeper.id)
    for name in ("NOSUCH", "RTMIN+1", "0x9", "-1", "1000"):
        result = runtime("kill", sleeper.id, name)
        assert result.code == 1 and result.err, (name, result)
    assert "unknown signal" in runtime("kill", sleeper.id, "NOSUCH").err
    assert runtime.state(sleeper.id)["status"] == "created"


def test_kill_without_a_pid_namespace_reaches_all(runtime, bundle):
    bundle.without("pid")
    bundle.busybox("sleep")
    bundle.sh("sleep 1000 & sleep 1000 & wait")
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    time.sleep(0.2)
    runtime("kill", bundle.id, "KILL", check=True)
    assert reap(pid) == 137
    runtime("delete", bundle.id, check=True)
    footprint.assert_clean()


def test_container_outlives_a_killed_caller(runtime, sleeper):
    """The caller of create gets SIGKILL with its whole process group right afterwards, as engines do."""
    pid_file = sleeper.dir / "pid"
    script = 'set -e; "$@" </dev/null >/dev/null 2>&1; echo done; exec sleep 1000'
    caller = subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *runtime.command("create", "--bundle", sleeper.dir, "--pid-file", pid_file, sleeper.id)],
        stdout=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True)
    assert caller.stdout.readline() == b"done\n"
    os.killpg(caller.pid, signal.SIGKILL)
    caller.wait()
    pid = int(pid_file.read_text())
    assert runtime.state(sleeper.id)["status"] == "created"
    runtime("start", sleeper.id, check=True)
    assert runtime.state(sleeper.id)["status"] == "running"
    time.sleep(0.2)
    runtime("kill", sleeper.id, "TERM", check=True)
    assert reap(pid) == 0
    runtime("delete", sleeper.id, check=True)


def test_parent_death_signal_of_the_caller_is_not_inherited(runtime, sleeper):
    """containerd sets PDEATHSIG on the runtime; its end must not end the container."""
    pid_file = sleeper.dir / "pid"
    command = runtime.command("create", "--bundle", sleeper.dir, "--pid-file", pid_file, sleeper.id)
    result = subprocess.run(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, timeout=30)
    assert result.returncode == 0
    time.sleep(0.1)
    assert runtime.state(sleeper.id)["status"] == "created"


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.01, 0.02])
def test_create_killed_midway_can_be_cleaned(runtime, sleeper, delay):
    footprint = Footprint(runtime, sleeper.id, sleeper.dir)
    process = subprocess.Popen(runtime.command("create", "--bundle", sleeper.dir, sleeper.id), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    time.sleep(delay)
    process.kill()
    process.wait()
    assert runtime("delete", "--force", sleeper.id).code == 0
    assert not (runtime.root / sleeper.id).exists()
    footprint.assert_clean()


def test_pid_reuse_is_seen(runtime, sleeper):
    """The state says which process by its start time too: another with the same pid is not the container."""
    runtime.create(sleeper.dir, sleeper.id)
    pid = runtime.pid(sleeper.dir, sleeper.id)
    path = runtime.root / sleeper.id / "state.json"
    state = json.loads(path.read_text())
    state["init_process_pid"] = os.getpid()
    path.write_text(json.dumps(state))
    assert runtime.state(sleeper.id)["status"] == "stopped"
    assert runtime("kill", sleeper.id, "KILL").code == 1
    os.kill(pid, signal.SIGKILL)
    reap(pid)
    runtime("delete", "--force", sleeper.id, check=True)


def test_console_socket(runtime, bundle):
    """One connection, one message, one descriptor: the master of the container's terminal."""
    bundle.process["terminal"] = True
    bundle.sh("test -t 0 && echo terminal; tty")
    bundle.busybox("tty")
    bundle.write()
    path = bundle.dir / "console.sock"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(1)
    server.settimeout(20)
    runtime.create(bundle.dir, bundle.id, "--console-socket", path)
    connection, _ = server.accept()
    name, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
    assert len(descriptors) == 1 and 0 < len(name) < 4096
    assert os.isatty(descriptors[0])
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    assert reap(pid) == 0
    output = os.read(descriptors[0], 4096).decode()
    assert "terminal" in output and "/dev/pts/0" in output
    os.close(descriptors[0])
    server.close()


def test_terminal_needs_a_console_socket(runtime, bundle):
    bundle.process["terminal"] = True
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "cannot allocate tty if runc will detach without setting console socket" in result.err
    footprint.assert_clean()


def test_console_socket_needs_a_terminal(runtime, bundle):
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    assert runtime("create", "--console-socket", bundle.dir / "s", "--bundle", bundle.dir, bundle.id).code == 1
    footprint.assert_clean()
