"""The executable's other commands: pull, config, and what it says of mistakes."""

import base64
import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext

import pytest
from harness import images
from harness.client import Client
from harness.daemons import chosen
from harness.fake_registry import slow
from harness.pods import until
from harness.registry import PASSWORD, USER

pytestmark = pytest.mark.only_ours("these are commands of ours")


def run(rig, *arguments, check=False, **options):
    return rig.place.run(rig.daemon.path, *arguments, check=check, **options)


def test_the_default_configuration_is_valid_and_explains_itself(rig, tmp_path):
    text = run(rig, "config", "default", check=True).stdout
    assert "[network]" in text and text.count("#") > 50
    path = rig.directory / "default.toml"
    path.write_text(text)
    assert run(rig, "config", "check", path).returncode == 0


@pytest.mark.parametrize("text, line, says", [
    ('root = "/a"\nruun = "/b"\n', 2, "ruun"), ('[images]\ndownloads = "many"\n', 2, "downloads"),
    ('[images]\ndownloads = 0\n', 2, "downloads"), ('root = "relative"\n', 1, "root"), ("root = \n", 1, ""),
    ('[nework]\nname = ""\n', 1, "nework"), ('default_handler = "missing"\n', 1, "missing")])
def test_mistakes_are_named_with_their_line(rig, text, line, says):
    path = rig.directory / "mistake.toml"
    path.write_text(text)
    done = run(rig, "config", "check", path)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert re.search(rf"mistake\.toml:{line}\b", said), said
    assert says in said
    done = rig.place.run(rig.daemon.path, "--config", path, check=False, timeout=20)
    assert done.returncode != 0 and re.search(rf"mistake\.toml:{line}\b", done.stderr), done.stderr


def test_several_mistakes_at_once(rig):
    path = rig.directory / "mistakes.toml"
    path.write_text('root = "relative"\n[images]\ndownloads = 0\n')
    said = run(rig, "config", "check", path).stdout
    assert "mistakes.toml:1" in said and "mistakes.toml:3" in said


@contextmanager
def without_a_daemon(rig):
    """Then the command does itself what the daemon would do."""
    rig.stop()
    try:
        yield
    finally:
        rig.start()


def test_pull_by_the_daemon(rig, fake):
    reference = fake.add("x:latest", images.busybox(images.incompressible(200_000, seed="daemon")))
    done = run(rig, "pull", "--config", rig.directory / "config.toml", reference)
    assert done.returncode == 0, done.stderr
    assert "daemon" in done.stderr and "\x1b" not in done.stderr
    assert done.stdout.strip() == rig.image(reference).id


def test_pull_into_a_pipe_has_lines(rig, fake):
    layer = images.incompressible(200_000, seed="pipe")
    reference = fake.add("x:latest", images.busybox(layer))
    with without_a_daemon(rig):
        done = run(rig, "pull", "--config", rig.directory / "config.toml", reference)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert re.search(rf"^layer \d of \d, {layer.digest[7:19]}: fetching", done.stderr, re.M), done.stderr
    assert done.stdout.strip() == rig.image(reference).id


def test_pull_on_a_terminal_shows_a_bar(rig, fake):
    layer = images.incompressible(600_000, seed="terminal")
    reference = fake.add("x:latest", images.busybox(layer))
    fake.on(layer.digest, slow(600_000))
    command = [rig.daemon.path, "pull", "--config", rig.directory / "config.toml", reference]
    with without_a_daemon(rig):
        output, code = on_terminal(rig.place.entering(command))
    assert code == 0, output
    assert re.search(r"\[=+>", output) and "layers" in output
    assert rig.image(reference)


@pytest.mark.parametrize("alone", [False, True])
def test_pull_of_what_is_not_there(rig, alone):
    with without_a_daemon(rig) if alone else nullcontext():
        done = run(rig, "pull", "--config", rig.directory / "config.toml", "open.test/no-such:1")
    assert done.returncode == 1 and not done.stdout
    assert "open.test/no-such:1" in done.stderr


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("way", ["creds", "asked", "authfile", "environment"])
def test_pull_with_a_login(rig, alone, way):
    reference = "basic.test/user-uid:latest"
    auth = rig.directory / "auth.json"
    auth.write_text(json.dumps(
        {"auths": {"https://basic.test/v2/": {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}))
    options, more = {"creds": (["--creds", f"{USER}:{PASSWORD}"], {}),
                     "asked": (["--creds", USER], {"input": f"{PASSWORD}\n"}),
                     "authfile": (["--authfile", auth], {}),
                     "environment": ([], {"env": {**os.environ, "REGISTRY_AUTH_FILE": str(auth)}})}[way]
    with without_a_daemon(rig) if alone else nullcontext():
        done = run(rig, "pull", "--config", rig.directory / "config.toml", *options, reference, **more)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == rig.image(reference).id
    assert PASSWORD not in done.stderr
    rig.remove_image(reference)


@pytest.mark.parametrize("alone", [False, True])
def test_pull_with_a_wrong_login(rig, alone):
    secret = "the secret of it"
    with without_a_daemon(rig) if alone else nullcontext():
        done = run(rig, "pull", "--config", rig.directory / "config.toml", "--creds", f"{USER}:{secret}",
                   "basic.test/user-uid:latest")
    assert done.returncode == 1 and not done.stdout
    assert "not allowed" in done.stderr and secret not in done.stderr


def test_a_password_is_not_shown_as_it_is_typed(rig):
    # The terminal takes its time to become silent.
    slowly = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=ioctl", "-e", "inject=ioctl:delay_enter=300000"]
    command = [*slowly, rig.daemon.path, "pull", "--config", rig.directory / "config.toml", "--creds", USER,
               "basic.test/user-uid:latest"]
    output, code = on_terminal(rig.place.entering(command), typed=(f"Password of {USER}: ", f"{PASSWORD}\n"))
    assert code == 0, output
    assert PASSWORD not in output
    rig.remove_image("basic.test/user-uid:latest")


@pytest.mark.parametrize("options, words", [
    (["--creds", ":secret"], "names no user"), (["--authfile", "/no/such/file"], "/no/such/file"),
])
def test_a_login_that_is_none(rig, options, words):
    done = run(rig, "pull", "--config", rig.directory / "config.toml", *options, "basic.test/user-uid:latest")
    assert done.returncode != 0 and words in done.stderr


def on_terminal(command, patience=30, typed=None):
    """`typed` is what is waited for, and what is typed then."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, cwd="/")
    os.close(follower)
    output, deadline = b"", time.monotonic() + patience
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                output += os.read(leader, 65536)
            except OSError:
                break  # the other side is closed
        if typed and typed[0].encode() in output:
            os.write(leader, typed[1].encode())
            typed = None
    os.close(leader)
    return output.decode(errors="replace"), process.wait(5)


def test_version():
    done = subprocess.run([chosen().path, "--version"], capture_output=True, text=True, check=True)
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_logs_as_json(make_rig):
    rig = make_rig(registries=False, log={"format": "json", "level": "debug"})
    rig.client.Version()
    lines = rig.daemon.log.read_text().splitlines()
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)


def test_socket_activation(make_rig):
    """A listening socket that is passed, as systemd does: there from the first moment, and mode and owner are its."""
    rig = make_rig(registries=False)
    rig.stop()
    script = ("import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); os.dup2(s.fileno(), 3); os.set_inheritable(3, True);"
              "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); os.execv(sys.argv[2], sys.argv[2:])")
    passed = rig.daemon.run / "passed.sock"
    command = list(map(str, rig.daemon.command()))
    started = rig.place.spawn(sys.executable, "-c", script, passed, *command, log=rig.daemon.log)
    client = Client(rig.place.path(passed))
    try:
        assert client.Version(wait_for_ready=True, timeout=20).runtime_name == "apus"
    finally:
        client.close()
        started.stop()


def test_what_systemd_names_to_the_daemon_is_not_for_containers(make_rig):
    """Else the runtime would wait until the container says that it is ready."""
    rig = make_rig()
    rig.stop()
    path = rig.daemon.run / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(rig.place.path(path)))
        systemd.settimeout(20)
        given = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000", "LISTEN_FDS": "1", "LISTEN_PID": "1"}
        started = rig.place.spawn("env", *(f"{name}={value}" for name, value in given.items()), *rig.daemon.command(),
                                  log=rig.daemon.log)
        assert systemd.recv(100) == b"READY=1"
        rig.client.close()
        rig.client = Client(rig.place.path(rig.daemon.socket))
        container = rig.pod().shell("env; sleep 1000")
        until(lambda: "PATH=" in container.output(), "its environment")
        assert not any(name in container.output() for name in given)
        monitor = next(pid for pid, line in rig.place.processes().items() if "pod-monitor" in line)
        for pid in (monitor, container.first()):
            environment = (rig.place.root / "proc" / str(pid) / "environ").read_text()
            assert not any(name in environment for name in given)
        rig.discard_pods()
        started.stop()
        assert systemd.recv(100) == b"STOPPING=1"
