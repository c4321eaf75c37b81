"""NOTIFY_SOCKET: how a container tells whoever started the runtime that it is ready, as sd_notify(3) has it.

Side by side with runc, except where that does not come back.
"""

import array
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import compile_c
from harness.runtime import ENVIRONMENT, Footprint, reap


class Manager:
    """Who listens at NOTIFY_SOCKET: remembers what is said, and that it came before a command ended."""

    def __init__(self, path, abstract=False):
        self.name = f"@{path}" if abstract else str(path)
        self.said, self.descriptors, self.answers = [], [], True
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + str(path) if abstract else str(path))
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            data, control, *_ = self.socket.recvmsg(4096, 1024)
            if data == b"the end":
                return
            self.said.append(data.decode())
            for _, _, content in control:
                descriptors = array.array("i", content)
                self.descriptors += descriptors
                if self.answers:
                    for descriptor in descriptors:
                        os.close(descriptor)

    @property
    def env(self):
        return {"NOTIFY_SOCKET": self.name}

    def wait_for(self, count, seconds=10):
        end = time.monotonic() + seconds
        while len(self.said) < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.said

    def close(self):
        self.socket.connect(self.socket.getsockname())
        self.socket.send(b"the end")
        self.thread.join()
        self.socket.close()


@pytest.fixture(scope="session")
def say(workplace):
    return compile_c("say.c", workplace)


@pytest.fixture
def manager(bundle):
    bundle.dir.mkdir(exist_ok=True)
    manager = Manager(bundle.dir / "manager")
    yield manager
    manager.close()


@pytest.fixture(params=["apus", "runc"])
def either(request, runtime, reference):
    return runtime if request.param == "apus" else reference(request.param)


def speaks(bundle, say, *words, after="sleep 1000"):
    shutil.copy(say, bundle.rootfs / "say")
    bundle.busybox("sleep", "grep", "ls", "stat")
    quoted = " ".join(f"'{word}'" for word in words)
    bundle.sh(f"[ -z \"{quoted}\" ] || /say {quoted}; {after}")
    bundle.write()


def expected(pid, runtime=None):
    """Debian's runc is older than the barrier."""
    return ["READY=1\n", f"MAINPID={pid}\n", "BARRIER=1"][: 2 if runtime and runtime.name == "runc" else 3]


def begun(runtime, *args, env):
    return subprocess.Popen(runtime.command(*args), env={**ENVIRONMENT, **env}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("user_namespace", [False, True], ids=["", "in a user namespace"])
def test_start_waits_for_ready(either, bundle, say, manager, user_namespace):
    if user_namespace:
        bundle.user_namespace()
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    speaks(bundle, say, after="sleep 1; /say READY=1; sleep 1000")
    either.create(bundle.dir, bundle.id, env=manager.env)
    pid = either.pid(bundle.dir, bundle.id)
    assert manager.said == []
    begin = time.monotonic()
    either("start", bundle.id, env=manager.env, check=True)
    assert time.monotonic() - begin > 0.9
    wanted = expected(pid, either)
    assert manager.wait_for(len(wanted)) == wanted
    either("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_what_the_container_sees(either, bundle, say, manager):
    bundle.mount("/run", "tmpfs", "tmpfs", ["mode=755"])
    speaks(bundle, say, after="echo $NOTIFY_SOCKET; stat -c %a:%F /run/notify/notify.sock; "
                              "grep -o ' /run/notify [^ ]*' /proc/self/mountinfo; /say READY=1; sleep 1000")
    either.create(bundle.dir, bundle.id, env=manager.env)
    either("start", bundle.id, env=manager.env, check=True)
    either("delete", "--force", bundle.id, check=True)
    reap(either.pid(bundle.dir, bundle.id))
    name, file, mount = (bundle.dir / "stdout").read_text().splitlines()
    assert (name, file) == ("/run/notify/notify.sock", "777:socket")
    assert set(mount.split()[1].split(",")) >= {"ro", "nosuid", "nodev", "noexec"}


def test_detached_run_waits_for_ready(either, bundle, say, manager):
    speaks(bundle, say, "READY=1")
    result = bundle.dir / "output"
    with open(result, "wb") as output:
        code = subprocess.run(
            either.command("run", "--detach", "--pid-file", bundle.dir / "pid", "--bundle", bundle.dir, bundle.id),
            env={**ENVIRONMENT, **manager.env}, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=20)
    assert code.returncode == 0, result.read_text()
    pid = int((bundle.dir / "pid").read_text())
    wanted = expected(pid, either)
    assert manager.wait_for(len(wanted)) == wanted
    either("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_run_in_the_foreground_goes_on(either, bundle, say, manager):
    """The process that stays is the runtime itself."""
    speaks(bundle, say, "READY=1", after="trap 'exit 7' TERM; while :; do sleep 0.1; done")
    process = begun(either, "run", "--bundle", bundle.dir, bundle.id, env=manager.env)
    wanted = expected(process.pid, either)
    assert manager.wait_for(len(wanted)) == wanted
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 7 and either.state(bundle.id) is None


def test_only_ready_goes_on(runtime, bundle, say, manager):
    """It may come with other news, and after them."""
    speaks(bundle, say, "STATUS=READY=1", "READY=0", "XREADY=1", "MAINPID=1", "X" * 5000, "STATUS=x\nREADY=1\nMAINPID=7")
    runtime.create(bundle.dir, bundle.id, env=manager.env)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, env=manager.env, check=True)
    assert manager.wait_for(3) == expected(pid)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


@pytest.mark.parametrize("way", ["start", "run --detach", "run"])
def test_container_that_ends_without_a_word(runtime, bundle, say, manager, way):
    speaks(bundle, say, "STATUS=x", after="exit 3")
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    if way == "start":
        runtime.create(bundle.dir, bundle.id, env=manager.env)
        runtime("start", bundle.id, env=manager.env, check=True)
        reap(runtime.pid(bundle.dir, bundle.id))
    else:
        code = runtime(*way.split(), "--pid-file", bundle.dir / "pid", "--bundle", bundle.dir, bundle.id,
                       env=manager.env).code
        assert code == (3 if way == "run" else 0)
        if way != "run":
            reap(int((bundle.dir / "pid").read_text()))
    assert manager.said == []
    if way != "run":
        runtime("delete", bundle.id, check=True)
    footprint.assert_clean()


def test_last_words_count(runtime, bundle, say, manager):
    speaks(bundle, say, "READY=1", after="exit 0")
    runtime.create(bundle.dir, bundle.id, env=manager.env)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, env=manager.env, check=True)
    assert manager.wait_for(3) == expected(pid)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)


def test_start_waits_until_it_is_understood(runtime, bundle, say, manager):
    manager.answers = False
    speaks(bundle, say, "READY=1")
    runtime.create(bundle.dir, bundle.id, env=manager.env)
    process = begun(runtime, "start", bundle.id, env=manager.env)
    assert len(manager.wait_for(3)) == 3
    time.sleep(0.5)
    assert process.poll() is None
    for descriptor in manager.descriptors:
        os.close(descriptor)
    process.communicate(timeout=10)
    assert process.returncode == 0
    runtime("delete", "--force", bundle.id, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))


def test_abstract_name(runtime, bundle, say):
    manager = Manager(f"apus-{bundle.id}", abstract=True)
    speaks(bundle, say, "READY=1")
    runtime.create(bundle.dir, bundle.id, env=manager.env)
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, env=manager.env, check=True)
    assert manager.wait_for(3) == expected(pid)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)
    manager.close()


def test_nobody_listens(runtime, bundle, say):
    """The container runs, and a warning says so."""
    env = {"NOTIFY_SOCKET": str(bundle.dir / "nobody")}
    speaks(bundle, say, "READY=1")
    runtime.create(bundle.dir, bundle.id, env=env)
    result = runtime("start", bundle.id, env=env, check=True)
    assert "NOTIFY_SOCKET" in result.err and "ENOENT" in result.err, result
    assert runtime.state(bundle.id)["status"] == "running"
    runtime("delete", "--force", bundle.id, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))


def test_created_by_somebody_who_did_not_ask(runtime, bundle, say, manager):
    bundle.busybox("sleep")
    bundle.sh("sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    runtime("start", bundle.id, env=manager.env, check=True)
    runtime("delete", "--force", bundle.id, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))
    assert manager.said == []


@pytest.mark.parametrize("way", ["create", "run"])
def test_nothing_is_left_of_a_refused_container(runtime, bundle, say, manager, way):
    speaks(bundle, say)
    bundle.process["args"] = ["/nosuch"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime(way, "--bundle", bundle.dir, bundle.id, env=manager.env)
    assert result.code != 0 and "/process/args/0" in result.err, result
    footprint.assert_clean()


def test_run_directory_that_leads_out(runtime, bundle, say, manager):
    """/run/notify is meant in the container's root, wherever links there lead."""
    outside = bundle.host_directory("outside")
    (bundle.rootfs / "run").rmdir()
    (bundle.rootfs / "run").symlink_to(outside)
    speaks(bundle, say, "READY=1", after="exit 0")
    runtime.create(bundle.dir, bundle.id, env=manager.env)
    assert list(outside.iterdir()) == []
    runtime("start", bundle.id, env=manager.env, check=True)
    assert len(manager.wait_for(3)) == 3
    runtime("delete", "--force", bundle.id, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))


def test_foreground_with_a_terminal(runtime, bundle, say, manager):
    bundle.process["terminal"] = True
    speaks(bundle, say, "READY=1", after="sleep 0.5; echo done")
    process = begun(runtime, "run", "--bundle", bundle.dir, bundle.id, env=manager.env)
    assert manager.wait_for(3) == expected(process.pid)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and b"done" in out, (out, err)
