"""What callers parse: output formats, options' spellings, usage errors, logs."""

import json
import re
import stat

import pytest
from harness.runtime import Footprint


def test_version(runtime):
    lines = runtime("--version").out.splitlines()
    assert re.match(r"^\S+ version \d+\.\d+", lines[0])
    assert any(line.startswith("spec: 1.") for line in lines)
    assert any(line.startswith("commit: ") for line in lines)
    assert runtime("-v").out.splitlines()[0] == lines[0]


@pytest.mark.parametrize("verb", ["create", "start", "run", "state", "kill", "delete", "list", "spec", "features", "plan"])
def test_help_of_each_verb(runtime, verb):
    result = runtime(verb, "--help")
    assert result.code == 0 and verb in result.out and result.err == ""


def test_help_names_all_verbs(runtime):
    text = runtime("--help").out
    for verb in ("create", "start", "run", "state", "kill", "delete", "list", "spec", "features", "plan"):
        assert re.search(rf"\b{verb}\b", text), verb


@pytest.mark.parametrize("arguments,text", [
    (["state"], 'requires exactly 1 argument'), (["start"], "requires"),
    (["state", "a", "b"], 'requires exactly 1 argument'), (["kill"], "requires a minimum of 1 argument"),
    (["create"], "requires exactly 1 argument"), (["list", "x"], "requires exactly 0 argument")])
def test_wrong_number_of_operands(runtime, arguments, text):
    result = runtime(*arguments)
    assert result.code == 1 and result.out.startswith("Incorrect Usage.") and text in result.err, result


def test_unknown_verb_and_option(runtime):
    assert runtime("frobnicate").code != 0
    assert runtime("state", "--frobnicate", "x").code != 0


def test_log_format_is_checked(runtime):
    result = runtime("list", flags=["--log-format", "xml"])
    assert result.code == 1 and "invalid log-format: xml" in result.err


@pytest.mark.parametrize("flags", [["--root", "/"], ["--root=/"]])
def test_root_directory_is_not_the_root(runtime, flags):
    assert runtime("list", flags=flags).code == 1


def test_spellings_of_options(runtime, bundle):
    """One dash or two, with `=` or a blank, booleans with a value, before or after the operand."""
    bundle.sh("exit 4")
    bundle.write()
    for number, arguments in enumerate([
            ["run", "-bundle", bundle.dir, "{id}"], ["run", f"--bundle={bundle.dir}", "{id}"], ["run", "-b", bundle.dir, "{id}"],
            ["run", "{id}", "--bundle", bundle.dir], ["run", f"-b={bundle.dir}", "--detach=false", "{id}"],
            ["run", "-no-subreaper", "--bundle", bundle.dir, "{id}"], ["run", "--bundle", bundle.dir, "--", "{id}"]]):
        full = [str(a).format(id=f"{bundle.id}-{number}") for a in arguments]
        assert runtime(*full).code == 4, full


def test_list_formats(runtime, bundle):
    assert runtime("list", "--format", "json").code == 1 or runtime("list", "-f", "json").out.strip() in ("null", "[]")
    bundle.config["annotations"] = {"k": "v"}
    bundle.sh("exit 0")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    pid = runtime.pid(bundle.dir, bundle.id)
    for arguments in (["--format", "json"], ["-f", "json"], ["--format=json"]):
        out = runtime("list", *arguments).out
        assert out.count("\n") <= 1
        entry, = json.loads(out)
        assert (entry["id"], entry["pid"], entry["status"], entry["owner"]) == (bundle.id, pid, "created", "root")
        assert entry["annotations"] == {"k": "v"} and entry["ociVersion"] and entry["bundle"] and entry["rootfs"] and entry["created"]
    assert runtime("list", "-q").out == f"{bundle.id}\n"
    header, row = runtime("list").out.splitlines()
    assert header.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert row.split()[:4] == [bundle.id, str(pid), "created", str(bundle.dir)] and row.split()[-1] == "root"
    assert [header.index(c) for c in ("PID", "STATUS", "BUNDLE")] == \
        [row.index(str(pid)), row.index("created"), row.index(str(bundle.dir))]
    # tabwriter: columns at least 12 wide with 3 blanks between them
    assert header.index("STATUS") - header.index("PID") == 12
    assert runtime("list", "--format", "yaml").code == 1


def test_list_skips_what_it_cannot_read(runtime, bundle):
    bundle.sh("exit 0")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    (runtime.root / "broken").mkdir()
    (runtime.root / "broken/state.json").write_text("{")
    result = runtime("list", "-q")
    assert result.code == 0 and result.out.split() == [bundle.id] and "broken" in result.err


def test_list_of_a_missing_root(runtime):
    missing = runtime("list")
    assert missing.code == 1 and "no such file or directory" in missing.err


def test_spec_is_runcs_default(runtime, bundle):
    result = runtime("spec", "-b", bundle.host_directory("new"))
    assert (result.code, result.out) == (0, "")
    path = bundle.dir / "new/config.json"
    text = path.read_text()
    assert text.startswith('{\n\t"ociVersion": "1.') and stat.S_IMODE(path.stat().st_mode) in (0o666, 0o644)
    config = json.loads(text)
    assert config["process"]["terminal"] is True and config["process"]["args"] == ["sh"]
    assert config["root"] == {"path": "rootfs", "readonly": True}
    assert [m["destination"] for m in config["mounts"]] == \
        ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"]
    assert set(config["linux"]["maskedPaths"]) == {
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"}
    assert config["linux"]["readonlyPaths"] == ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
    assert config["linux"]["resources"]["devices"] == [{"allow": False, "access": "rwm"}]
    assert {n["type"] for n in config["linux"]["namespaces"]} == {"pid", "network", "ipc", "uts", "mount", "cgroup"}
    again = runtime("spec", "-b", bundle.dir / "new")
    assert again.code == 1 and "File config.json exists. Remove it first" in again.err
    assert path.read_text() == text


def test_spec_runs(runtime, bundle):
    """Only what nobody can run as it is gets changed: the terminal and the command."""
    (bundle.dir / "config.json").unlink(missing_ok=True)
    runtime("spec", cwd=bundle.dir, check=True)
    config = json.loads((bundle.dir / "config.json").read_text())
    config["process"].update(terminal=False, args=["/probe", "--brief"])
    (bundle.dir / "config.json").write_text(json.dumps(config))
    result = runtime("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 0, result
    seen = json.loads(result.out)
    assert seen["status"]["CapEff"] == "0000000020000420" and seen["status"]["NoNewPrivs"] == "1"
    assert seen["uts"]["hostname"] == "runc" or seen["uts"]["hostname"]


def test_spec_rootless(runtime, bundle):
    runtime("spec", "--rootless", "-b", bundle.host_directory("new"), check=True)
    config = json.loads((bundle.dir / "new/config.json").read_text())
    kinds = [n["type"] for n in config["linux"]["namespaces"]]
    assert "user" in kinds and "network" not in kinds
    assert config["linux"]["uidMappings"][0]["size"] == 1 and "resources" not in config["linux"]


def test_features(runtime):
    result = runtime("features")
    assert result.code == 0 and result.err == "", "CRI-O parses stdout and stderr together"
    document = json.loads(result.out)
    assert document["ociVersionMin"] == "1.0.0" and document["ociVersionMax"].startswith("1.")
    assert set(document["hooks"]) == {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
    assert {"ro", "rro", "rbind", "nosymfollow", "rslave", "noatime"} <= set(document["mountOptions"])
    linux = document["linux"]
    assert {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"} <= set(linux["namespaces"])
    assert "CAP_SYS_ADMIN" in linux["capabilities"] and "CAP_CHECKPOINT_RESTORE" in linux["capabilities"]
    assert linux["seccomp"]["enabled"] is True and "SCMP_ACT_ERRNO" in linux["seccomp"]["actions"]
    assert "SCMP_ACT_NOTIFY" in linux["seccomp"]["actions"]
    assert {"idmap"} <= set(linux["mountExtensions"])
    assert result.out.startswith('{\n    "ociVersionMin"')


def test_plan_needs_no_root_and_runs_nothing(runtime, bundle):
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("plan", "--bundle", bundle.dir) if "--bundle" in runtime("plan", "--help").out else runtime("plan", bundle.dir)
    assert result.code == 0 and "/mounts/0" in result.out, result
    footprint.assert_clean()


def test_log_text(runtime, bundle):
    log = bundle.dir / "log"
    result = runtime("state", "nothing", flags=["--log", str(log)])
    assert re.fullmatch(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d+)?(Z|[+-]\d\d:\d\d)" level=error msg="?.*container does not exist.*"?\n', log.read_text())
    assert "container does not exist" in result.err
    runtime("state", "nothing", flags=["--log", str(log)])
    assert log.read_text().count("\n") == 2, "appended, not truncated"
    assert stat.S_IMODE(log.stat().st_mode) == 0o644


def test_log_json_is_one_object_a_line(runtime, bundle):
    log = bundle.dir / "log"
    runtime("state", 'no"thing\\', flags=["--log", str(log), "--log-format=json"])
    lines = log.read_text().splitlines()
    assert len(lines) == 1 and set(json.loads(lines[0])) == {"level", "msg", "time"} and json.loads(lines[0])["level"] == "error"
    assert list(json.loads(lines[0])) == ["level", "msg", "time"]


def test_success_logs_nothing(runtime, bundle):
    """Podman parses the whole file as one object: a container that works must not write to it."""
    bundle.sh("exit 0")
    bundle.write()
    log = bundle.dir / "log"
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--log", str(log), "--log-format", "json"])
    assert (result.code, result.err, log.read_text()) == (0, "", "")


def test_debug_does_not_disturb(runtime, bundle):
    bundle.sh("echo only this")
    bundle.write()
    log = bundle.dir / "log"
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--debug", "--log", str(log)])
    assert (result.code, result.out) == (0, "only this\n")


def test_errors_name_the_verb(runtime, bundle):
    bundle.process["args"] = ["/nothing"]
    bundle.write()
    for verb in ("create", "run"):
        assert re.search(rf"{verb} failed: ", runtime(verb, "--bundle", bundle.dir, bundle.id).err)


@pytest.mark.parametrize("with_log", [False, True], ids=["no-log", "log"])
def test_closed_standard_descriptors(runtime, bundle, with_log):
    """A caller without stdin, stdout or stderr: nothing of the runtime's may take their numbers."""
    bundle.process["args"] = ["/probe", "--brief", "--out=/report.json"]
    bundle.write()
    log = bundle.dir / "log"
    result = runtime("run", "--bundle", bundle.dir, bundle.id, flags=["--log", str(log)] if with_log else [],
                     prefix=["/bin/sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh"])
    assert result.code == 0, log.read_text() if with_log else result
    fds = json.loads((bundle.rootfs / "report.json").read_text())["fds"]
    for number, fd in fds.items():
        assert int(number) <= 2 and fd["target"] in ("/dev/null",) or fd["type"] == "fifo", fds
