"""linux.intelRdt: what the runtime does with it, in a directory that stands in for the kernel's.

No machine for tests has such a processor. What decides and writes is tested in ResctrlTests; here a table of mounts that
names a resctrl file system is bound over the runtime's own, and directories with files are what it finds.
"""

import json
import os
import signal
from pathlib import Path

import pytest
from harness.runtime import Footprint, reap

SCHEMATA = "    MB:0=100\n    L3:0=7ff\n"


@pytest.fixture
def resctrl(bundle):
    """A fake, whose directories are empty when they are made; gives its root and a prefix for commands."""
    root = bundle.host_directory("resctrl")
    for name, text in {"info/last_cmd_status": "ok\n", "info/L3/cbm_mask": "7ff\n", "info/MB/bandwidth_gran": "10\n",
                       "schemata": SCHEMATA, "tasks": "", "gold/schemata": SCHEMATA, "gold/tasks": ""}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    table = bundle.dir / "mountinfo"
    script = (f'cat /proc/self/mountinfo >{table} && echo "1 1 0:1 / {root} rw - resctrl resctrl rw" >>{table} '
              f'&& mount --bind {table} /proc/$$/mountinfo && exec "$@"')
    return root, ["unshare", "--mount", "/bin/sh", "-c", script, "sh"]


def test_none_on_this_host(runtime, bundle):
    if " - resctrl " in Path("/proc/self/mountinfo").read_text():
        pytest.skip("this host has a resctrl file system")
    bundle.linux["intelRdt"] = {"closID": "gold"}
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and "/linux/intelRdt: no resctrl" in result.err and "mount -t resctrl" in result.err, result
    footprint.assert_clean()


@pytest.mark.parametrize("closid, directory", [("gold", "gold"), ("/", "")])
def test_life_of_a_container(runtime, bundle, resctrl, closid, directory):
    root, prefix = resctrl
    group = root / directory
    bundle.linux["intelRdt"] = {"closID": closid, "l3CacheSchema": "L3:0=7ff"}
    bundle.busybox("sleep")
    bundle.sh("sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id, prefix=prefix)
    pid = runtime.pid(bundle.dir, bundle.id)
    assert (group / "tasks").read_text() == str(pid)
    runtime("start", bundle.id, check=True)
    quietly = ["/bin/sh", "-c", f'exec "$@" >{bundle.dir}/exec.out 2>&1', "sh"]
    runtime("exec", "--detach", "--pid-file", bundle.dir / "exec.pid", bundle.id, "/bin/sleep", "1000", prefix=quietly,
            check=True)
    # The fake remembers what was written, in place of what was there.
    assert (group / "tasks").read_text().startswith((bundle.dir / "exec.pid").read_text())
    data = json.loads(runtime("events", "--stats", bundle.id, check=True).out)["data"]["intel_rdt"]
    assert data["l3_cache_schema"] == "L3:0=7ff" and data["l3_cache_info"] == {"cbm_mask": "7ff"}
    result = runtime("update", "--l3-cache-schema", "L3:0=3", bundle.id, check=True)
    assert (group / "schemata").read_text().startswith("L3:0=3\n"), result
    # Where a limit is refused, the schemata are as they were.
    (group / "schemata").write_text(SCHEMATA)
    assert runtime("update", "--mem-bw-schema", "MB:0=30", "--cpuset-cpus", "4000", bundle.id).code == 1
    assert (group / "schemata").read_text() == SCHEMATA
    # Our child: as long as it is not reaped, the first process cannot end.
    further = int((bundle.dir / "exec.pid").read_text())
    os.kill(further, signal.SIGKILL)
    reap(further)
    runtime("delete", "--force", bundle.id, check=True)
    reap(pid)
    assert group.is_dir()


REFUSED = {
    "no such class": ({"closID": "silver"}, "/linux/intelRdt/closID: ", "silver"),
    "another class": ({"closID": "gold", "schemata": ["L3:0=f"]}, "/linux/intelRdt/schemata/0: ", "L3:0=7ff"),
    "no such resource": ({"schemata": ["L2:0=f"]}, "/linux/intelRdt/schemata/0: ", "no control over L2"),
    "no monitoring": ({"enableMonitoring": True}, "/linux/intelRdt/enableMonitoring: "),
    # The fake makes no files, so that each of these fails once its directory is made.
    "own class": ({"l3CacheSchema": "L3:0=f"}, "/linux/intelRdt/l3CacheSchema: ", "ENOENT"),
    "new class": ({"closID": "new", "memBwSchema": "MB:0=10"}, "/linux/intelRdt/memBwSchema: ", "ENOENT"),
    "own class, no process": ({}, "/linux/intelRdt: ", "tasks"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(runtime, bundle, resctrl, name):
    root, prefix = resctrl
    bundle.linux["intelRdt"], *words = REFUSED[name]
    bundle.write()
    before = sorted(root.rglob("*"))
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id, prefix=prefix)
    assert result.code == 1 and all(word in result.err for word in words), result
    footprint.assert_clean()
    assert sorted(root.rglob("*")) == before


def test_update_without_it(runtime, bundle):
    bundle.busybox("sleep")
    bundle.sh("sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    result = runtime("update", "--mem-bw-schema", "MB:0=30", bundle.id)
    assert result.code == 1 and "--mem-bw-schema: updating a non-existent Intel RDT" in result.err, result
    runtime("delete", "--force", bundle.id, check=True)
    reap(runtime.pid(bundle.dir, bundle.id))


def test_features(runtime):
    rdt = json.loads(runtime("features", check=True).out)["linux"]["intelRdt"]
    assert rdt == {"enabled": True, "schemata": True, "monitoring": True}
