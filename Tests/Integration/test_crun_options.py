"""Options of crun's that runc lacks: as crun has them, side by side where Debian's has them too."""

import json
import os
import re
import socket

import pytest
from harness.runtime import Footprint, reap

OURS_AND_CRUN = pytest.mark.parametrize("which", ["apus", "crun"])


@pytest.fixture
def choose(runtime, reference):
    return lambda name: runtime if name == "apus" else reference(name)


@pytest.fixture
def several(make_bundle):
    """Starts sleeping containers with these IDs under a runtime."""
    started = []

    def start(which, *ids):
        for id in ids:
            bundle = make_bundle(id)
            bundle.busybox("sleep")
            bundle.process["args"] = ["/bin/sleep", "100"]
            bundle.linux["cgroupsPath"] = f"/apus-test/{id}-{which.name}"
            bundle.write()
            which.create(bundle.dir, id)
            started.append((which, id, which.pid(bundle.dir, id)))
            which("start", id, check=True)
        return [pid for _, _, pid in started]

    yield start
    for which, id, pid in started:
        which.discard(id)
        reap(pid)


def said(result):
    """Standard error, without what a log line does to quotation marks."""
    return result.err.replace('\\"', '"')


def ids(which):
    return sorted(which("list", "-q").out.split())


# ---- --regex ----


@OURS_AND_CRUN
def test_kill_by_expression(choose, several, which):
    which = choose(which)
    pids = several(which, "web-1", "web-2", "db-1", "a.b")
    assert which("kill", "--regex", "^web-[0-9]+$", "KILL").code == 0
    assert [reap(pid) for pid in pids[:2]] == [137, 137]
    assert which.state("db-1")["status"] == which.state("a.b")["status"] == "running"
    # Found anywhere; an ended one among them is a warning, and keeps nobody from their turn.
    result = which("kill", "-r", "b|web", "9")
    assert result.code == 0, result
    assert which.name != "apus" or "level=warning" in result.err and "web-1: container not running" in result.err
    assert [reap(pid) for pid in pids[2:]] == [137, 137]


@OURS_AND_CRUN
def test_delete_by_expression(choose, several, which):
    which = choose(which)
    pids = several(which, "web-1", "web-2", "db-1")
    assert which("delete", "-r", "nothing-of-the-kind").code == 0
    assert ids(which) == ["db-1", "web-1", "web-2"]
    # Running ones are left, with a warning.
    assert which("delete", "-r", "^web").code == 0
    assert ids(which) == ["db-1", "web-1", "web-2"]
    assert which("delete", "--force", "--regex", "^(web-(1|2)|x{2,})$").code == 0
    assert ids(which) == ["db-1"]
    assert [reap(pid) for pid in pids[:2]] == [137, 137]


@pytest.mark.parametrize("verb", ["kill", "delete"])
@pytest.mark.parametrize("expression", ["(", "[", "a{2,1}", "*a("])
def test_expression_that_is_none(runtime, several, verb, expression):
    several(runtime, "web-1")
    result = runtime(verb, "-r", expression)
    assert result.code == 1 and f'--regex: invalid regular expression "{expression}": ' in said(result), result
    assert runtime.state("web-1")["status"] == "running"


def test_expressions_without_containers(runtime):
    runtime.root.mkdir()
    assert runtime("delete", "--regex", ".*").code == 0


# ---- --config, spec --file ----


@OURS_AND_CRUN
@pytest.mark.parametrize("option", ["-f", "--config"])
def test_other_configuration(choose, bundle, which, option):
    which = choose(which)
    bundle.sh("echo other")
    (bundle.dir / "elsewhere").mkdir()
    (bundle.dir / "elsewhere/other.json").write_text(json.dumps(bundle.config))
    bundle.sh("echo own")
    bundle.write()
    for path, cwd in [(bundle.dir / "elsewhere/other.json", "/"), ("other.json", bundle.dir / "elsewhere")]:
        result = which("run", "--bundle", bundle.dir, option, path, bundle.id, cwd=cwd)
        assert (result.code, result.out) == (0, "other\n"), result
    assert which("run", "--bundle", bundle.dir, bundle.id).out == "own\n"


def test_other_configuration_is_remembered(runtime, bundle):
    """exec takes its process from there; and the bundle needs no config.json at all."""
    bundle.sh("sleep 100")
    bundle.busybox("sleep", "env")
    bundle.process["env"].append("FROM=other")
    (bundle.dir / "other.json").write_text(json.dumps(bundle.config))
    runtime.create(bundle.dir, bundle.id, "--config", bundle.dir / "other.json")
    pid = runtime.pid(bundle.dir, bundle.id)
    assert "FROM=other" in runtime("exec", bundle.id, "env").out.splitlines()
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)
    result = runtime("plan", "--bundle", bundle.dir, "--config", bundle.dir / "other.json")
    assert result.code == 0 and "/mounts/0" in result.out
    result = runtime("run", "--bundle", bundle.dir, "--config", "absent.json", bundle.id, cwd=bundle.dir)
    assert result.code == 1 and "--config: " in result.err and "absent.json: no such file" in result.err, result


def test_spec_to_another_file(runtime, bundle):
    directory = bundle.host_directory("new")
    runtime("spec", "-b", directory, "-f", "mine.json", check=True)
    assert "process" in json.loads((directory / "mine.json").read_text())
    runtime("spec", "-b", directory, "--file", directory / "absolute.json", check=True)
    assert sorted(os.listdir(directory)) == ["absolute.json", "mine.json"]
    result = runtime("spec", "-b", directory, "-f", "mine.json")
    assert result.code == 1 and "File mine.json exists. Remove it first" in result.err


# ---- --cgroup-manager ----


@pytest.mark.parametrize("which", ["apus", "crun"])
def test_without_cgroups(choose, bundle, which):
    """The container stays where its creator is, in every hierarchy."""
    which = choose(which)
    bundle.linux.pop("cgroupsPath")
    bundle.without("cgroup")
    bundle.busybox("sleep", "cat", "true")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    before = Footprint(which, bundle.id)
    flags = ["--cgroup-manager", "disabled"]
    which.create(bundle.dir, bundle.id, flags=flags)
    pid = which.pid(bundle.dir, bundle.id)

    def places(of):
        with open(f"/proc/{of}/cgroup") as file:
            return file.read()

    assert places(pid) == places("self")
    assert not [path for path in before._take()["cgroups"] if bundle.id in path]
    which("start", bundle.id, check=True)
    # Whatever the commands that follow are told.
    assert which("exec", bundle.id, "cat", "/proc/self/cgroup").out == places("self")
    assert which.state(bundle.id)["status"] == "running"
    assert which("kill", bundle.id, "KILL").code == 0
    assert reap(pid) == 137
    which("delete", bundle.id, check=True)
    before.assert_clean()


def test_what_takes_a_cgroup(runtime, bundle):
    bundle.linux.pop("cgroupsPath")
    bundle.busybox("sleep")
    bundle.process["args"] = ["/bin/sleep", "100"]
    bundle.write()
    runtime.create(bundle.dir, bundle.id, flags=["--cgroup-manager=disabled"])
    pid = runtime.pid(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    for verb, words in [
            (["pause", bundle.id], "the container has no cgroup, and only a cgroup can be paused"),
            (["update", "--pids-limit", "5", bundle.id], "cgroup"), (["exec", "--cgroup", "x", bundle.id, "true"], "no cgroup")]:
        result = runtime(*verb)
        assert result.code != 0 and words in result.err, result
    result = runtime("kill", "--all", bundle.id, "KILL")
    assert result.code == 0, result
    assert reap(pid) == 137
    runtime("delete", bundle.id, check=True)


@pytest.mark.parametrize("resources, field", [
    ({"pids": {"limit": 7}}, "/linux/resources/pids/limit"),
    ({"memory": {"limit": 1 << 30}}, "/linux/resources/memory/limit"),
    ({"cpu": {"shares": 512}}, "/linux/resources/cpu/shares"),
    ({"unified": {"memory.high": "1G"}}, "/linux/resources/unified/memory.high"),
])
def test_limits_without_cgroups(runtime, bundle, resources, field):
    bundle.linux["resources"] = resources
    bundle.write()
    before = Footprint(runtime, bundle.id)
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--cgroup-manager", "disabled"])
    assert result.code == 1 and f"{field}: a limit needs a cgroup, and --cgroup-manager disabled" in result.err, result
    before.assert_clean()


def test_device_rules_without_cgroups(runtime, bundle):
    bundle.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    bundle.sh("true")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--cgroup-manager", "disabled"])
    assert result.code == 0 and "/linux/resources/devices" in result.err and "no guard of its devices" in result.err, result


def test_choice_of_the_manager(runtime, bundle):
    bundle.sh("true")
    bundle.write()
    for flags in ([], ["--cgroup-manager", "cgroupfs"], ["--systemd-cgroup", "--cgroup-manager=cgroupfs"],
                  ["--cgroup-manager", "systemd", "--systemd-cgroup=false"]):
        assert runtime("run", "--bundle", bundle.dir, bundle.id, flags=flags).code == 0
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--cgroup-manager", "runc"])
    assert result.code == 1 and '--cgroup-manager: invalid value "runc"' in said(result), result
    if not os.path.isdir("/run/systemd/system"):
        result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--cgroup-manager", "systemd"])
        assert result.code == 1 and "systemd" in result.err, result


# ---- --log, --log-level ----


@pytest.fixture
def warned(bundle):
    """A bundle whose container comes up with a warning."""
    bundle.process["capabilities"]["bounding"] = ["CAP_NOT_THERE"]
    bundle.sh("true")
    bundle.write()
    return bundle


@pytest.mark.parametrize("level, words", [
    (None, {"warning"}), ("error", set()), ("warning", {"warning"}), ("debug", {"warning", "debug"})])
def test_log_level(runtime, warned, level, words):
    flags = ["--log", warned.dir / "log", "--log-format", "json"] + (["--log-level", level] if level else [])
    assert runtime("run", "--bundle", warned.dir, warned.id, flags=flags).code == 0
    log = (warned.dir / "log").read_text().splitlines() if (warned.dir / "log").exists() else []
    assert {json.loads(line)["level"] for line in log} == words
    assert runtime("state", "absent", flags=flags).code == 1
    assert json.loads((warned.dir / "log").read_text().splitlines()[-1])["level"] == "error"


def test_unknown_log_level(runtime):
    result = runtime("list", flags=["--log-level", "info"])
    assert result.code == 1 and '--log-level: invalid value "info": not error, warning or debug' in said(result)


@OURS_AND_CRUN
def test_log_to_a_file_by_its_prefix(choose, bundle, which):
    log = bundle.dir / "log"
    assert choose(which)("state", "absent", flags=["--log", f"file:{log}"]).code == 1
    assert "does not exist" in log.read_text() or "absent" in log.read_text()


@pytest.fixture
def daemon(bundle):
    """Called with a path: gives a socket that takes what is sent there by commands with the prefix that it gives too."""
    sockets = []

    def listen(path):
        taker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        taker.bind(str(bundle.dir / "taker"))
        taker.settimeout(5)
        sockets.append(taker)
        # In a mount namespace of their own, with nothing else above it.
        script = ('mount -t tmpfs none "/${2%%/*}" && mkdir -p "$(dirname "/$2")" && touch "/$2" && '
                  'mount --bind "$1" "/$2" && shift 2 && exec "$@"')
        return ["unshare", "-m", "sh", "-c", script, "sh", str(bundle.dir / "taker"), path.lstrip("/")], taker

    yield listen
    for taker in sockets:
        taker.close()


def test_log_to_the_journal(runtime, daemon):
    prefix, taker = daemon("/run/systemd/journal/socket")
    for written, identifier in [("journald:mine", "mine"), ("journald:", "absent")]:
        result = runtime("state", "absent", flags=["--log", written], prefix=prefix)
        assert result.code == 1 and "does not exist" in result.err, result
        entry = dict(line.split("=", 1) for line in taker.recv(1 << 16).decode().splitlines())
        assert entry["PRIORITY"] == "3" and "does not exist" in entry["MESSAGE"]
        assert entry["ID"] == entry["SYSLOG_IDENTIFIER"] == identifier


def test_log_to_syslog(runtime, daemon):
    prefix, taker = daemon("/dev/log")
    result = runtime("state", "absent", flags=["--log", "syslog:mine"], prefix=prefix)
    assert result.code == 1, result
    assert re.fullmatch(r"<11>mine: .*does not exist.*", taker.recv(1 << 16).decode())


@pytest.mark.parametrize("written, path", [("journald:x", "/run/systemd/journal/socket"), ("syslog:x", "/dev/log")])
def test_no_daemon(runtime, bundle, written, path):
    if os.path.exists(path):
        pytest.skip(f"somebody listens at {path}")
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--log", written])
    assert result.code == 1 and f"--log: {written}: " in result.err, result
    assert f"{path}: no such file or directory (ENOENT)" in result.err and "log to a file" in result.err
