"""Malformed and impossible configurations: exit status 1, a message that says where, nothing left behind.

spec-fixtures/bad has those that can be told from the text alone (NAME.json with NAME.expect: lines that
the message must contain); the table below has those that only the host can refuse.
"""

import json
import os
import socket
from pathlib import Path

import pytest
from cases import Held
from harness.runtime import Footprint

FIXTURES = Path(__file__).resolve().parents[2] / "spec-fixtures/bad"


def refused(runtime, bundle, *fragments, verb="create", arguments=()):
    """Runs the bundle as it is on disk and checks all that a refusal promises."""
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    log = bundle.dir / "log.json"
    result = runtime(verb, "--bundle", bundle.dir, *arguments, bundle.id, timeout=20,
                     flags=["--log", str(log), "--log-format", "json"])
    assert result.code == 1, result
    # The log has the message as it is; on standard error quotes may be escaped.
    message, = [m["msg"] for m in map(json.loads, log.read_text().splitlines()) if m["level"] == "error"]
    assert result.err, "nothing on standard error"
    missing = [f for f in fragments if f.lower() not in message.lower()]
    assert not missing, f"not in the message: {missing}\n{message}"
    assert "Fatal error" not in result.err and "crash" not in result.err.lower(), result
    assert not (runtime.root / bundle.id).exists()
    footprint.assert_clean()
    return result


def fixtures():
    return sorted(FIXTURES.glob("*.json")) if FIXTURES.is_dir() else []


def test_there_are_forty_malformed_configurations():
    assert len(fixtures()) >= 40


@pytest.mark.parametrize("path", fixtures(), ids=lambda p: p.stem)
def test_malformed(runtime, bundle, path):
    (bundle.dir / "config.json").write_bytes(path.read_bytes())
    expected = [line for line in path.with_suffix(".expect").read_text().splitlines() if line and not line.startswith("#")]
    assert expected, f"{path.stem}.expect says nothing"
    refused(runtime, bundle, *expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["array", "string", "nesting", "whitespace"])
def test_a_hundred_megabytes(runtime, bundle, kind):
    size = 100 << 20
    text = {
        "array": lambda: b'{"ociVersion":"1.0.2","mounts":[' + b"0," * (size // 2) + b"0]}",
        "string": lambda: b'{"ociVersion":"' + b"1" * size + b'"}',
        "nesting": lambda: b"[" * size,
        "whitespace": lambda: b" " * size,
    }[kind]()
    (bundle.dir / "config.json").write_bytes(text)
    refused(runtime, bundle)


# ---- what only the host can refuse ---------------------------------------------------------------

TABLE = {}


def impossible(*fragments, **more):
    def add(function):
        TABLE[function.__name__.replace("_", "-")] = (function, fragments, more)
        return function

    return add


@impossible("config.json")
def no_configuration(b):
    (b.dir / "config.json").unlink()


@impossible("config.json")
def configuration_is_a_directory(b):
    (b.dir / "config.json").unlink()
    (b.dir / "config.json").mkdir()


@impossible("/root/path", "no such file or directory")
def root_missing(b):
    b.config["root"]["path"] = "nowhere"


@impossible("/root/path", "not a directory")
def root_is_a_file(b):
    b.config["root"]["path"] = "config.json"


@impossible("/mounts/7", "no such file or directory")
def bind_source_absent(b):
    b.mount("/mnt", "bind", "/no/such/source", ["bind"])


@impossible("/mounts/7", "no/such")
def bind_source_relative_and_absent(b):
    b.mount("/mnt", "bind", "no/such/source", ["rbind", "ro"])


@impossible("/mounts/7", "sise")
def unknown_option_of_a_file_system(b):
    b.mount("/mnt", "tmpfs", "tmpfs", ["sise=64k"])


@impossible("/mounts/7")
def bad_value_of_an_option(b):
    b.mount("/mnt", "tmpfs", "tmpfs", ["size=many"])


@impossible("/mounts/7", "nosuchfs")
def unknown_file_system(b):
    b.mount("/mnt", "nosuchfs", "none", [])


@impossible("/mounts/7")
def data_options_on_a_bind(b):
    b.mount("/mnt", "bind", "/tmp", ["bind", "size=1m"])


@impossible("/mounts/7")
def directory_onto_a_file(b):
    b.mount("/etc/passwd", "bind", "/tmp", ["bind"])


@impossible("/mounts/7")
def file_onto_a_directory(b):
    b.mount("/mnt", "bind", "/etc/passwd", ["bind"])


@impossible("/mounts/7")
def target_below_a_file(b):
    b.mount("/etc/passwd/below", "tmpfs", "tmpfs", [])


@impossible("/mounts/7")
def mount_on_the_root(b):
    b.mount("/", "tmpfs", "tmpfs", [])


@impossible("/mounts/7", "/proc")
def mount_below_proc(b):
    b.mount("/proc/sys", "tmpfs", "tmpfs", [])


@impossible("/mounts/7", "symbolic links")
def target_in_a_loop_of_links(b):
    (b.rootfs / "loop").symlink_to("loop")
    b.mount("/loop/x", "tmpfs", "tmpfs", [])


@impossible("/linux/namespaces/1/path", "no such file or directory")
def namespace_path_absent(b):
    b.linux["namespaces"][1]["path"] = "/proc/self/ns/nothing"


@impossible("/linux/namespaces/1/path")
def namespace_path_is_no_namespace(b):
    b.linux["namespaces"][1]["path"] = "/etc/passwd"


@impossible("/linux/namespaces/1/path")
def namespace_path_of_another_type(b):
    b.linux["namespaces"][1]["path"] = Held.path("uts")


@impossible("executable file not found in $PATH", "nothing-here")
def command_not_found(b):
    b.process["args"] = ["nothing-here"]


@impossible("no such file or directory", "/nothing/here")
def command_path_absent(b):
    b.process["args"] = ["/nothing/here"]


@impossible("permission denied", "/etc/passwd")
def command_not_executable(b):
    b.process["args"] = ["/etc/passwd"]


@impossible("permission denied", "/data")
def command_is_a_directory(b):
    b.process["args"] = ["/data"]


@impossible("not a directory")
def command_below_a_file(b):
    b.process["args"] = ["/etc/passwd/x"]


@impossible("/process/cwd", "not a directory")
def cwd_is_a_file(b):
    b.process["cwd"] = "/etc/passwd"


@impossible("/linux/sysctl", "kernel.panic")
def sysctl_not_namespaced(b):
    b.linux["sysctl"] = {"kernel.panic": "1"}


@impossible("/linux/sysctl", "net.ipv4.ip_forward")
def sysctl_of_a_namespace_that_is_the_hosts(b):
    b.without("network")
    b.unmount("/sys", "/sys/fs/cgroup")
    b.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}


@impossible("/linux/sysctl", "no_such_name")
def sysctl_unknown(b):
    b.linux["sysctl"] = {"net.ipv4.no_such_name": "1"}


@impossible("/linux/sysctl", "net.ipv4.ip_unprivileged_port_start")
def sysctl_value_out_of_range(b):
    b.linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "99999999"}


@impossible("/hostname")
def hostname_without_namespace(b):
    b.without("uts")


@impossible("/hostname")
def hostname_too_long(b):
    b.config["hostname"] = "x" * 65


@impossible("apparmor")
def apparmor_absent_or_without_the_profile(b):
    b.process["apparmorProfile"] = "apus-no-such-profile"


@impossible("selinux")
def selinux_absent_or_without_the_type(b):
    b.process["selinuxLabel"] = "system_u:system_r:apus_no_such_type_t:s0"


@impossible("/process/rlimits/0", "RLIMIT_NOFILE")
def rlimit_above_the_highest(b):
    """Above fs.nr_open nobody may go, not even with CAP_SYS_RESOURCE."""
    highest = int(Path("/proc/sys/fs/nr_open").read_text())
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": highest + 1}]


@impossible("hook", "no such file or directory")
def hook_absent(b):
    b.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}


@impossible("/linux/devices/0")
def device_path_in_the_way(b):
    b.linux["devices"] = [{"path": "/etc", "type": "c", "major": 1, "minor": 3}]


@impossible("/linux/devices/0")
def device_below_a_file(b):
    b.linux["devices"] = [{"path": "/etc/passwd/null", "type": "c", "major": 1, "minor": 3}]


@impossible("/linux/uidMappings")
def mapping_without_user_namespace(b):
    b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@impossible("/linux/uidMappings")
def overlapping_mappings(b):
    b.user_namespace()
    b.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 5, "hostID": 200000, "size": 10}]


@pytest.mark.parametrize("name", list(TABLE))
def test_impossible(runtime, bundle, name):
    edit, fragments, _ = TABLE[name]
    bundle.write()
    edit(bundle)
    if (bundle.dir / "config.json").is_file():
        bundle.write()
    refused(runtime, bundle, *fragments)


@pytest.mark.parametrize("name", ["command-not-found", "bind-source-absent", "hook-absent", "sysctl-unknown", "cwd-is-a-file"])
def test_impossible_in_the_foreground(runtime, bundle, name):
    edit, fragments, _ = TABLE[name]
    edit(bundle)
    bundle.write()
    refused(runtime, bundle, *fragments, verb="run")


# ---- the command line's own ----------------------------------------------------------------------


def test_pid_file_in_a_missing_directory(runtime, bundle):
    bundle.write()
    refused(runtime, bundle, "no such file or directory", arguments=["--pid-file", bundle.dir / "no/such/pid"])


def test_pid_file_that_is_a_directory(runtime, bundle):
    bundle.write()
    refused(runtime, bundle, arguments=["--pid-file", bundle.host_directory("pid")])


def test_bundle_missing(runtime, bundle):
    bundle.write()
    result = runtime("create", "--bundle", bundle.dir / "nowhere", bundle.id)
    assert result.code == 1 and "no such file or directory" in result.err


def test_preserved_descriptor_missing(runtime, bundle):
    bundle.write()
    refused(runtime, bundle, "preserved-fd", arguments=["--preserve-fds", "5"])


def test_console_socket_that_nobody_listens_on(runtime, bundle):
    bundle.process["terminal"] = True
    bundle.write()
    path = bundle.dir / "sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    refused(runtime, bundle, arguments=["--console-socket", path])


def test_full_state_directory(runtime, bundle, tmp_path):
    """A state directory that cannot be written is an error before anything is started."""
    bundle.write()
    runtime.root.parent.mkdir(exist_ok=True)
    runtime.root.write_text("a file where the directory should be")
    try:
        result = runtime("create", "--bundle", bundle.dir, bundle.id)
        assert result.code == 1 and "not a directory" in result.err
    finally:
        os.unlink(runtime.root)


def test_refusal_in_the_log(runtime, bundle):
    """What engines read: one JSON object a line, level error, a time, the message; the same on stderr."""
    TABLE["command-not-found"][0](bundle)
    bundle.write()
    log = bundle.dir / "log.json"
    result = runtime("create", "--bundle", bundle.dir, bundle.id, flags=["--log", str(log), "--log-format", "json"])
    records = [json.loads(line) for line in log.read_text().splitlines()]
    errors = [r for r in records if r["level"] == "error"]
    assert len(errors) == 1 and "executable file not found in $PATH" in errors[0]["msg"]
    assert set(errors[0]) == {"level", "msg", "time"}
    from datetime import datetime
    datetime.fromisoformat(errors[0]["time"])
    assert "executable file not found in $PATH" in result.err
