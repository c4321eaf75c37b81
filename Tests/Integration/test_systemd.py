"""The systemd cgroup driver: units, their properties beside runc's, and what is left of them.

For a host whose pid 1 is systemd, on cgroup v2: scripts/vm --systemd runs one.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from harness.runtime import Runtime, reap

TREE = Path("/sys/fs/cgroup")

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif(
        not (TREE / "cgroup.controllers").exists(), reason="this host's cgroups are not v2"),
]

PROPERTIES = """Description Slice Delegate MemoryAccounting CPUAccounting IOAccounting TasksAccounting DefaultDependencies
    MemoryMax MemoryHigh MemoryLow MemoryMin MemorySwapMax CPUWeight CPUQuotaPerSecUSec CPUQuotaPeriodUSec AllowedCPUs
    AllowedMemoryNodes TasksMax DevicePolicy DeviceAllow OOMPolicy KillSignal TimeoutStopUSec CollectMode Transient
    After""".split()


@pytest.fixture(scope="module")
def probe():
    """No compiler in the guest: a static program that there is."""
    return shutil.which("busybox")


@pytest.fixture(autouse=True)
def no_runaway():
    """Emulated processors are slow: the commands and the guest have limits of their own."""


@pytest.fixture
def bundle(make_bundle):
    bundle = make_bundle()
    bundle.busybox("sleep")
    bundle.process["args"] = ["/bin/sleep", "1000"]
    del bundle.linux["cgroupsPath"]
    return bundle


@pytest.fixture
def systemd(runtime):
    runtime.flags = ["--systemd-cgroup"]
    return runtime


@pytest.fixture
def references(workplace):
    found = {name: shutil.which(name) for name in ("runc", "crun")}
    yield {name: Runtime(name, path, workplace / f"root-{name}", ["--systemd-cgroup"]) for name, path in found.items() if path}
    for name in found:
        shutil.rmtree(workplace / f"root-{name}", ignore_errors=True)


def show(unit, *names):
    command = ["systemctl", "show", unit, *(f"--property={name}" for name in names or ["LoadState", "ActiveState"])]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    values = {}
    for line in lines:
        key, _, value = line.partition("=")
        # DeviceAllow has a line for each entry.
        values[key] = f"{values[key]},{value}" if key in values else value
    return values


def is_loaded(unit):
    return show(unit)["LoadState"] != "not-found"


def control_group(unit):
    return show(unit, "ControlGroup")["ControlGroup"]


def assert_gone(unit, directory):
    end = time.monotonic() + 10
    while is_loaded(unit) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_loaded(unit), show(unit)
    assert not directory.exists()


def test_life(systemd, bundle):
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    directory = TREE / "system.slice" / unit
    systemd.create(bundle.dir, bundle.id)
    pid = systemd.pid(bundle.dir, bundle.id)
    assert show(unit)["ActiveState"] == "active"
    assert control_group(unit) == f"/system.slice/{unit}"
    assert (directory / "cgroup.procs").read_text().split() == [str(pid)]
    assert Path(f"/proc/{pid}/cgroup").read_text() == f"0::/system.slice/{unit}\n"
    assert systemd.state(bundle.id)["status"] == "created"
    systemd("start", bundle.id, check=True)
    # What was made with the driver is known: the later commands need not be told.
    systemd.flags = []
    assert systemd.state(bundle.id)["status"] == "running"
    systemd("kill", bundle.id, "KILL", check=True)
    reap(pid)
    systemd.wait_for_status(bundle.id, "stopped")
    systemd("delete", bundle.id, check=True)
    assert_gone(unit, directory)


@pytest.mark.parametrize("shared", [False, True])
def test_run_and_forced_delete(systemd, bundle, shared):
    unit = f"apus-{bundle.id}.scope"
    directory = TREE / "system.slice" / unit
    bundle.sh("cat /proc/self/cgroup; exit 7")
    bundle.busybox("cat")
    if shared:
        bundle.without("pid", "cgroup")
    bundle.write()
    result = systemd("run", "--bundle", bundle.dir, bundle.id)
    assert result.code == 7 and result.out == ("0::/\n" if not shared else f"0::/system.slice/{unit}\n"), result
    assert_gone(unit, directory)
    bundle.sh("sleep 1000 & sleep 1000 & wait")
    bundle.write()
    systemd.create(bundle.dir, bundle.id)
    systemd("start", bundle.id, check=True)
    pid = systemd.pid(bundle.dir, bundle.id)
    start = time.monotonic()
    systemd("delete", "--force", bundle.id, check=True)
    assert time.monotonic() - start < 15, "systemd waited for processes that ignore SIGTERM"
    reap(pid)
    assert_gone(unit, directory)


RESOURCES = {
    "nothing": {},
    "memory": {"memory": {"limit": 64 << 20, "reservation": 32 << 20}},
    "memory and swap": {"memory": {"limit": 64 << 20, "swap": 96 << 20}},
    "memory without limit": {"memory": {"limit": -1}},
    "least shares": {"cpu": {"shares": 2}},
    "most shares": {"cpu": {"shares": 262144}},
    "quota": {"cpu": {"quota": 20000}},
    "quota and period": {"cpu": {"quota": 30000, "period": 50000}},
    "period": {"cpu": {"period": 50000}},
    "no quota": {"cpu": {"quota": -1, "period": 50000}},
    "cpuset": {"cpu": {"cpus": "0", "mems": "0"}},
    "pids": {"pids": {"limit": 99}},
    "pids without limit": {"pids": {"limit": -1}},
    "all devices": {"devices": [{"allow": True, "access": "rwm"}]},
    "no devices": {"devices": [{"allow": False, "access": "rwm"}]},
    "some devices": {"devices": [
        {"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        {"allow": True, "type": "b", "major": 259, "access": "r"}]},
    "unified": {"unified": {
        "memory.high": "50000000", "memory.min": "1048576", "memory.max": "max", "pids.max": "77",
        "cpu.weight": "33", "cpu.max": "10000 20000", "cpuset.cpus": "0", "memory.swap.max": "0"}},
    "unified last": {"pids": {"limit": 5}, "unified": {"pids.max": "6"}},
    "huge pages": {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]},
    "io": {"blockIO": {"weight": 100}},
}
FILES = """memory.max memory.low memory.high memory.min memory.swap.max cpu.weight cpu.max cpuset.cpus cpuset.mems pids.max
    hugetlb.2MB.max cgroup.controllers""".split()


UNLIMITED = ("max", "0", "", "100", "max 100000")


def read_files(directory):
    return {name: (directory / name).read_text().strip() for name in FILES if (directory / name).exists()}


def observe(runtime, bundle, unit):
    """What systemd and the kernel have been told, and the container removed again."""
    runtime.create(bundle.dir, bundle.id)
    try:
        directory = TREE / control_group(unit).lstrip("/")
        values = show(unit, *PROPERTIES)
        values["DeviceAllow"] = sorted(values.get("DeviceAllow", "").split(","))
        files = read_files(directory)
        pid = runtime.pid(bundle.dir, bundle.id)
        own = TREE / Path(f"/proc/{pid}/cgroup").read_text().strip()[4:]
        if own != directory:
            # Debian's crun puts the process, and most limits, into a cgroup below the unit's.
            files |= {name: value for name, value in read_files(own).items() if value not in UNLIMITED}
    finally:
        pid = runtime.pid(bundle.dir, bundle.id)
        runtime("delete", "--force", bundle.id, check=True)
        reap(pid)
    assert_gone(unit, directory)
    return values, files


def devices(entries):
    """The entries in the words of runc's newer releases, without what Debian's does not have."""
    majors, kind = {}, None
    for line in Path("/proc/devices").read_text().splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdigit():
            majors[f"{kind}-{words[1]}"] = f"{kind}-{words[0]}"
        elif words:
            kind = "char" if words[0] == "Character" else "block"
    named = {f"{majors.get(path, path)} {access}" for path, access in (entry.split() for entry in entries if entry)}
    return sorted(named - {"/dev/char/10:200 rwm"})


@pytest.mark.parametrize("name", RESOURCES)
def test_like_the_others(systemd, references, bundle, name):
    """The unit is as runc makes it (which sets the properties a little later), and the files as from both."""
    if not references:
        pytest.skip("neither runc nor crun is installed")
    bundle.linux["resources"] = RESOURCES[name]
    bundle.linux["cgroupsPath"] = f"apus-test.slice:cmp:{bundle.id}"
    bundle.write()
    unit = f"cmp-{bundle.id}.scope"
    ours, our_files = observe(systemd, bundle, unit)
    if "runc" in references:
        theirs, their_files = observe(references["runc"], bundle, unit)
        # No period is 100 ms: systemd's default, the kernel's and ours.
        for values in (ours, theirs):
            values["CPUQuotaPeriodUSec"] = values["CPUQuotaPeriodUSec"].replace("infinity", "100ms")
            values["DeviceAllow"] = devices(values["DeviceAllow"])
        assert ours == theirs
        # Controllers that systemd does not know are passed on too: cgroup.controllers is among the files.
        assert our_files == their_files
    if "crun" in references and name not in CRUN_CANNOT:
        _, their_files = observe(references["crun"], bundle, unit)
        # It leaves those controllers out that systemd does not know.
        for files in (our_files, their_files):
            for file in ("cgroup.controllers", "hugetlb.2MB.max"):
                files.pop(file, None)
        assert our_files == their_files


# Debian's release knows io.bfq.weight only, forgets `cpus` and `mems` with systemd, leaves systemd's TasksMax where no
# limit is wanted, and writes `unified` where it has not got the controllers.
CRUN_CANNOT = ("cpuset", "io", "pids without limit", "unified", "unified last")


def test_values_where_old_releases_differ(systemd, bundle):
    """The formula for shares is newer than Debian's releases; and what systemd rounds, the kernel gets too."""
    bundle.linux["resources"] = {
        "cpu": {"shares": 1024, "quota": 12345, "period": 100000}, "memory": {"limit": 64 << 20, "swap": 64 << 20},
        "pids": {"limit": 0}}
    bundle.write()
    values, files = observe(systemd, bundle, f"apus-{bundle.id}.scope")
    assert (values["CPUWeight"], files["cpu.weight"]) == ("100", "100")
    assert (values["CPUQuotaPerSecUSec"], files["cpu.max"]) == ("130ms", "13000 100000")
    assert (values["MemorySwapMax"], files.get("memory.swap.max", "0")) == ("0", "0")
    assert (values["TasksMax"], files["pids.max"]) == ("1", "1")


def test_idle(systemd, bundle):
    bundle.linux["resources"] = {"cpu": {"idle": 1}}
    bundle.write()
    values, _ = observe(systemd, bundle, f"apus-{bundle.id}.scope")
    assert values["CPUWeight"] in ("idle", "0")


def test_limits_outlive_a_reload(systemd, bundle):
    bundle.linux["resources"] = {
        "memory": {"limit": 64 << 20, "swap": 64 << 20}, "cpu": {"quota": 12345, "shares": 512}, "pids": {"limit": 9},
        # What systemd has no words for: it must not deny what we allow, nor allow what we deny.
        "devices": [{"allow": True, "type": "c", "access": "rwm"},
                    {"allow": False, "type": "c", "major": 240, "minor": 1, "access": "r"}]}
    bundle.linux["devices"] = [
        {"path": f"/dev/{name}", "type": "c", "major": 240, "minor": minor}
        for name, minor in (("denied", 1), ("allowed", 2))]
    bundle.sh("while :; do cat /dev/denied /dev/allowed; sleep 1; done")
    bundle.busybox("cat")
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    directory = TREE / "system.slice" / unit
    systemd.create(bundle.dir, bundle.id)
    systemd("start", bundle.id, check=True)

    before = read_files(directory)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "set-property", "--runtime", unit, "IOWeight=50"], check=True)
    (bundle.dir / "stderr").write_text("")
    end = time.monotonic() + 60
    while (bundle.dir / "stderr").read_text().count("denied") < 2 and time.monotonic() < end:
        time.sleep(0.5)
    assert read_files(directory) == before
    # There is no such device: who is let in hears that.
    assert set((bundle.dir / "stderr").read_text().splitlines()) == {
        "cat: can't open '/dev/denied': Operation not permitted",
        "cat: can't open '/dev/allowed': No such device or address"}
    systemd("delete", "--force", bundle.id, check=True)
    assert_gone(unit, directory)


def test_update_and_exec(systemd, bundle):
    """systemd hears of new limits, so that its next reload does not bring the old ones back."""
    bundle.linux["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 40}}
    bundle.busybox("cat")
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    directory = TREE / "system.slice" / unit
    systemd.create(bundle.dir, bundle.id)
    systemd("start", bundle.id, check=True)
    systemd.flags = []
    systemd("update", "--memory", str(96 << 20), "--cpu-quota", "12345", "--pids-limit", "50", bundle.id, check=True)
    told = show(unit, "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "DevicePolicy")
    assert told == {
        "MemoryMax": str(96 << 20), "TasksMax": "50", "CPUQuotaPerSecUSec": "130ms", "DevicePolicy": "strict"}
    before = read_files(directory)
    assert (before["memory.max"], before["pids.max"], before["cpu.max"]) == (str(96 << 20), "50", "13000 100000")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert read_files(directory) == before
    assert systemd("exec", bundle.id, "/bin/cat", "/proc/self/cgroup", check=True).out == "0::/\n"
    systemd("delete", "--force", bundle.id, check=True)
    reap(systemd.pid(bundle.dir, bundle.id))
    assert_gone(unit, directory)


@pytest.mark.parametrize("path, unit, group", [
    ("apus-test.slice:pre:{id}", "pre-{id}.scope", "/apus.slice/apus-test.slice/pre-{id}.scope"),
    ("a-b-c.slice:pre:{id}", "pre-{id}.scope", "/a.slice/a-b.slice/a-b-c.slice/pre-{id}.scope"),
    ("-.slice:pre:{id}", "pre-{id}.scope", "/pre-{id}.scope"),
    (":pre:{id}", "pre-{id}.scope", "/system.slice/pre-{id}.scope"),
    ("system.slice::{id}", "{id}.scope", "/system.slice/{id}.scope"),
    ("system.slice:ignored:apus-{id}.slice", "apus-{id}.slice", None),
])
def test_places(systemd, bundle, path, unit, group):
    bundle.linux["cgroupsPath"] = path.format(id=bundle.id)
    bundle.write()
    unit = unit.format(id=bundle.id)
    result = systemd.create(bundle.dir, bundle.id, check=group is not None)
    if group is None:
        # A slice has its parent in its name: systemd says whether it wants this one.
        if result.code:
            assert unit in result.err and not is_loaded(unit)
            return
        assert show(unit)["ActiveState"] == "active"
        group = control_group(unit)
    assert control_group(unit) == group.format(id=bundle.id)
    pid = systemd.pid(bundle.dir, bundle.id)
    assert Path(f"/proc/{pid}/cgroup").read_text() == f"0::{control_group(unit)}\n"
    directory = TREE / control_group(unit).lstrip("/")
    systemd("delete", "--force", bundle.id, check=True)
    reap(pid)
    if not unit.endswith(".slice"):
        return assert_gone(unit, directory)
    # systemd may remember a slice for a while, without a cgroup.
    assert show(unit)["ActiveState"] == "inactive" and not directory.exists()


@pytest.mark.parametrize("path, message", [
    ("/absolute", "expected cgroupsPath to be of format"),
    ("a:b", "slice:prefix:name"),
    ("a.slice:b:c:d", "slice:prefix:name"),
    ("a:b:c", "invalid slice name: a"),
    (".slice:b:c", "invalid slice name: .slice"),
    ("a--b.slice:b:c", "invalid slice name: a--b.slice"),
    ("-a.slice:b:c", "invalid slice name"),
    ("a/b.slice:b:c", "invalid slice name"),
    ("../x.slice:b:c", "invalid slice name"),
    ("a.slice:b:../../c", "not a name for a systemd unit"),
    ("a.slice:b:", "not a name for a systemd unit"),
    ("a.slice:b:c d", "not a name for a systemd unit"),
])
def test_bad_places(systemd, bundle, path, message):
    bundle.linux["cgroupsPath"] = path
    bundle.write()
    result = systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and message in result.err and "/linux/cgroupsPath" in result.err, result
    assert systemd.state(bundle.id) is None


def test_failed_unit_is_replaced(systemd, bundle):
    unit = f"apus-{bundle.id}.scope"
    subprocess.run(
        ["systemd-run", "--scope", "--quiet", f"--unit={unit}", "--property=RuntimeMaxSec=1", "sleep", "100"], check=False)
    assert show(unit)["ActiveState"] == "failed", show(unit)
    bundle.write()
    systemd.create(bundle.dir, bundle.id)
    assert show(unit)["ActiveState"] == "active"
    systemd("delete", "--force", bundle.id, check=True)
    assert_gone(unit, TREE / "system.slice" / unit)


def test_running_unit_is_left_alone(systemd, bundle):
    unit = f"apus-{bundle.id}.scope"
    other = subprocess.Popen(["systemd-run", "--scope", "--quiet", f"--unit={unit}", "sleep", "1000"])
    end = time.monotonic() + 10
    while show(unit)["ActiveState"] != "active" and time.monotonic() < end:
        time.sleep(0.1)
    bundle.write()
    result = systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and unit in result.err and "already" in result.err, result
    assert systemd.state(bundle.id) is None
    assert show(unit)["ActiveState"] == "active" and other.poll() is None
    subprocess.run(["systemctl", "stop", unit], check=True)
    other.wait(20)


def test_annotations(systemd, bundle):
    prefix = "org.systemd.property."
    bundle.config["annotations"] = {
        prefix + "TimeoutStopUSec": "uint64 12000000",
        prefix + "CollectMode": "'inactive-or-failed'",
        prefix + "Description": "'a \\'quoted\\' text'",
        prefix + "MemoryHigh": "uint64 40000000",
        prefix + "After": "['network.target', 'sysinit.target']",
        "org.example.other": "anything",
    }
    bundle.linux["resources"] = {"memory": {"limit": 64 << 20}}
    bundle.write()
    values, files = observe(systemd, bundle, f"apus-{bundle.id}.scope")
    assert values["TimeoutStopUSec"] == "12s" and values["CollectMode"] == "inactive-or-failed"
    assert values["Description"] == "a 'quoted' text"
    assert values["MemoryHigh"] == "40000000" and values["MemoryMax"] == str(64 << 20)
    assert {"network.target", "sysinit.target"} <= set(values["After"].split())


def test_annotated_seconds(systemd, bundle):
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "7.5"}
    bundle.write()
    values, _ = observe(systemd, bundle, f"apus-{bundle.id}.scope")
    assert values["TimeoutStopUSec"] in ("7.500s", "7.500000s")


@pytest.mark.parametrize("name, value, message", [
    ("Ab", "1", "name incorrect"), ("Time_out", "1", "name incorrect"), ("TimeoutStopUSec", "never", "value parse error"),
    ("TimeoutStopSec", "'7'", "not a number of seconds"), ("NoSuchProperty", "uint32 1", "NoSuchProperty"),
    ("MemoryHigh", "'text'", "start systemd unit"),
])
def test_bad_annotations(systemd, bundle, name, value, message):
    bundle.config["annotations"] = {f"org.systemd.property.{name}": value}
    bundle.write()
    result = systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and message in result.err, result
    assert systemd.state(bundle.id) is None
    assert not is_loaded(f"apus-{bundle.id}.scope")


def test_no_bus(systemd, bundle):
    """The manager's own socket is there when the bus is not; when neither is, the error says where it looked."""
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    env = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}
    systemd.create(bundle.dir, bundle.id, env=env)
    assert show(unit)["ActiveState"] == "active"
    systemd("delete", "--force", bundle.id, env=env, check=True)
    assert_gone(unit, TREE / "system.slice" / unit)
    result = systemd(
        "create", "--bundle", bundle.dir, bundle.id, env={"DBUS_SYSTEM_BUS_ADDRESS": "nonsense"})
    assert result.code == 1 and "nonsense" in result.err, result
    assert systemd.state(bundle.id) is None


def test_failure_after_the_start_of_the_unit(systemd, bundle):
    """A limit that the kernel refuses: nothing is left."""
    bundle.linux["resources"] = {"unified": {"memory.nonsense": "1"}}
    bundle.write()
    result = systemd("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "/linux/resources/unified/memory.nonsense" in result.err, result
    assert_gone(f"apus-{bundle.id}.scope", TREE / f"system.slice/apus-{bundle.id}.scope")
    assert systemd.state(bundle.id) is None


def test_hooks_see_the_unit(systemd, bundle):
    bundle.write()
    out = bundle.dir / "hook"
    bundle.config["hooks"] = {"createRuntime": [
        {"path": "/bin/sh", "args": ["sh", "-c", f"cat /sys/fs/cgroup/system.slice/apus-{bundle.id}.scope/pids.max >{out}"]}]}
    bundle.linux["resources"] = {"pids": {"limit": 44}}
    bundle.write()
    observe(systemd, bundle, f"apus-{bundle.id}.scope")
    assert out.read_text() == "44\n"


def test_users_manager(subject_path, workplace, bundle):
    """A user's container is planned below the user's manager, which is asked over the user's bus."""
    import pwd
    user = next((u for u in pwd.getpwall() if os.path.exists(f"/run/user/{u.pw_uid}/bus")), None)
    if not user:
        pytest.skip("no user of this host has a session with a bus")
    bundle.linux["cgroupsPath"] = ""
    bundle.linux["namespaces"].append({"type": "user"})
    for name, id in (("uidMappings", user.pw_uid), ("gidMappings", user.pw_gid)):
        bundle.linux[name] = [{"containerID": 0, "hostID": id, "size": 1}]
    bundle.write()
    result = subprocess.run(
        ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
         "env", f"XDG_RUNTIME_DIR=/run/user/{user.pw_uid}", subject_path, "--debug", "--systemd-cgroup",
         "--root", f"/run/user/{user.pw_uid}/apus", "plan", "--bundle", bundle.dir],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert f"/user.slice/user-{user.pw_uid}.slice/user@{user.pw_uid}.service/user.slice/apus-" in result.stderr, result


@pytest.mark.slow
def test_many(systemd, bundle):
    """Three hundred containers, and nothing is left."""
    bundle.write()

    def units():
        listing = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=scope"]
        return subprocess.run(listing, stdout=subprocess.PIPE, text=True, check=True).stdout

    def cgroups():
        return sorted(str(path) for path in TREE.glob("**/"))

    before, cgroups_before = units(), cgroups()
    for round in range(300):
        id = f"{bundle.id}-{round}"
        systemd.create(bundle.dir, id)
        pid = systemd.pid(bundle.dir, id)
        systemd("delete", "--force", id, check=True)
        reap(pid)
    time.sleep(1)
    assert units() == before
    assert cgroups() == cgroups_before
    assert not list(Path("/run/systemd/transient").glob(f"apus-{bundle.id}*"))


def test_the_other_option(runtime, bundle):
    """crun's way to ask for the driver."""
    bundle.write()
    unit = f"apus-{bundle.id}.scope"
    runtime.flags = ["--cgroup-manager", "systemd"]
    runtime.create(bundle.dir, bundle.id)
    assert control_group(unit) == f"/system.slice/{unit}"
    runtime("delete", "--force", bundle.id, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))
    assert_gone(unit, TREE / "system.slice" / unit)


def test_log_in_the_journal(runtime):
    """By the daemon's own account, a message of several lines among them."""
    for written, id in [("journald:apus-one", "absent"), ("journald:", "apus-two")]:
        assert runtime("state", id, flags=["--log", written]).code == 1
    assert runtime("state", "two\nlines", flags=["--log", "journald:apus-three"]).code == 1
    subprocess.run(["journalctl", "--sync"], check=True)
    for identifier, words in [("apus-one", "does not exist"), ("apus-two", "does not exist"), ("apus-three", "two\nlines")]:
        shown = subprocess.run(["journalctl", "-o", "json", "-t", identifier], stdout=subprocess.PIPE, text=True, check=True)
        entry = json.loads(shown.stdout.splitlines()[-1])
        assert words in entry["MESSAGE"] and entry["PRIORITY"] == "3" and entry["ID"] == identifier
