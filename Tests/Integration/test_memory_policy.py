"""linux.memoryPolicy, which Debian's crun and runc are too old for: nothing to compare with.

What the kernel does with it depends on the machine's memory nodes; every machine has node 0.
"""

import json
import os
from pathlib import Path

import pytest
from harness.runtime import Footprint

if not Path("/sys/devices/system/node/node0").exists():
    pytest.skip("the kernel has no memory policies (CONFIG_NUMA)", allow_module_level=True)

KERNEL = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY, WEIGHTED_INTERLEAVE = range(7)
BALANCING, RELATIVE, STATIC = 1 << 13, 1 << 14, 1 << 15

# The policy, what get_mempolicy(2) then answers, and the first kernel that has it.
WANTED = {
    "default": ({"mode": "MPOL_DEFAULT", "nodes": ""}, DEFAULT, (0, 0)),
    "local": ({"mode": "MPOL_LOCAL"}, LOCAL, (5, 14)),
    "bind": ({"mode": "MPOL_BIND", "nodes": "0"}, BIND, (0, 0)),
    "bind to some that there are not": ({"mode": "MPOL_BIND", "nodes": "0-3,7,63-64"}, BIND, (0, 0)),
    "interleave": ({"mode": "MPOL_INTERLEAVE", "nodes": "0,0-0", "flags": ["MPOL_F_STATIC_NODES"]},
                   INTERLEAVE | STATIC, (0, 0)),
    "preferred": ({"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]},
                  PREFERRED | RELATIVE, (0, 0)),
    "balancing": ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}, BIND | BALANCING, (5, 12)),
    "preferred many": ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, PREFERRED_MANY, (5, 15)),
    "weighted interleave": ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}, WEIGHTED_INTERLEAVE, (6, 9)),
}


def seen(text):
    return json.loads(text)["scheduler"]["memory_policy"]


def of_init_and_exec(runtime, bundle):
    """What the first process sees, and what a further one."""
    (bundle.dir / "process.json").write_text(json.dumps(dict(bundle.process, args=["/probe"])))
    bundle.busybox("sleep")
    bundle.sh("/probe; sleep 1000")
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    runtime("start", bundle.id, check=True)
    further = runtime("exec", "--process", bundle.dir / "process.json", bundle.id, check=True).out
    while not (first := (bundle.dir / "stdout").read_text()).endswith("}\n"):
        pass
    return seen(first), seen(further)


@pytest.mark.parametrize("name", WANTED)
def test_policy(runtime, bundle, name):
    bundle.linux["memoryPolicy"], wanted, since = WANTED[name]
    if KERNEL < since:
        bundle.write()
        result = runtime("run", "--bundle", bundle.dir, bundle.id)
        assert result.code == 1 and "EINVAL" in result.err and "Linux " in result.err, result
        return
    assert of_init_and_exec(runtime, bundle) == (wanted, wanted)


def test_profile_need_not_allow_it(runtime, bundle):
    bundle.user_namespace()
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["set_mempolicy"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    assert of_init_and_exec(runtime, bundle) == (BIND, BIND)


REFUSED = {
    "no memory there": ({"mode": "MPOL_BIND", "nodes": "1023"}, "/linux/memoryPolicy: ", "EINVAL", "has to have memory"),
    "no such node": ({"mode": "MPOL_BIND", "nodes": "5000"}, "/linux/memoryPolicy/nodes: ", "5000"),
    "no nodes": ({"mode": "MPOL_BIND", "nodes": ""}, "/linux/memoryPolicy/nodes: ", "at least one"),
    "no list": ({"mode": "MPOL_BIND", "nodes": "0-"}, "/linux/memoryPolicy/nodes: ", "0-"),
    "nodes for local": ({"mode": "MPOL_LOCAL", "nodes": "0"}, "/linux/memoryPolicy/nodes: ",),
    "no mode": ({"mode": "MPOL_NONE"}, "/linux/memoryPolicy/mode: ", "MPOL_NONE"),
    "no flag": ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NODE"]}, "/linux/memoryPolicy/flags/0: "),
    "not for balancing": ({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]},
                          "/linux/memoryPolicy: ", "EINVAL"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(runtime, bundle, name):
    bundle.linux["memoryPolicy"], *words = REFUSED[name]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("create", "--bundle", bundle.dir, bundle.id)
    assert result.code == 1 and all(word in result.err for word in words), result
    footprint.assert_clean()


def test_features(runtime):
    policy = json.loads(runtime("features", check=True).out)["linux"]["memoryPolicy"]
    assert len(policy["modes"]) == 7 and len(policy["flags"]) == 3
