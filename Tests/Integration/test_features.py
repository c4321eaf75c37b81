"""`features`: what it claims is so, what it denies is refused, and what others say on the same host is accounted for."""

import fnmatch
import itertools
import json
import re
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest

LIST = Path(__file__).parent / "features.toml"


@pytest.fixture
def claims(runtime):
    result = runtime("features", check=True)
    assert result.err == "", "CRI-O parses stdout and stderr together"
    return json.loads(result.out)


@pytest.fixture
def planned(runtime, bundle):
    """Called when the bundle has been edited: what the runtime says to it, without making anything."""
    return lambda: runtime("plan", "--bundle", bundle.write().dir)


# ---- what it claims is so ----


def test_hooks(claims, bundle, planned):
    bundle.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in claims["hooks"]}
    assert planned().code == 0


def test_mount_options(claims, bundle, planned):
    """Each of them is taken for an option of mounts, and none is passed to the file system."""
    for option in claims["mountOptions"]:
        bundle.config["mounts"] = [{"destination": "/mnt", "type": "bind", "source": "/data", "options": ["bind", option]}]
        result = planned()
        if result.code:  # perhaps it does not go with bind
            bundle.config["mounts"] = [{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": [option]}]
            result = planned()
        words = "" if result.code == 0 else result.err
        # What it takes of the host or of other fields is no lack of the runtime's.
        assert "support" not in words and "unknown" not in words, (option, result)


def test_namespaces(claims, bundle, planned):
    bundle.unmount("/sys/fs/cgroup")
    bundle.namespaces(*(kind for kind in claims["linux"]["namespaces"] if kind != "user"))
    assert planned().code == 0
    bundle.user_namespace()
    assert planned().code == 0


def test_capabilities(claims, bundle, planned):
    names = claims["linux"]["capabilities"]
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    assert len(names) > min(last, 40) and len(set(names)) == len(names)
    bundle.process["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted")}
    result = planned()
    assert result.code == 0 and "unknown capability" not in result.out + result.err, result


def test_seccomp(claims, bundle, planned):
    seccomp = claims["linux"]["seccomp"]
    assert seccomp["enabled"] is True and set(seccomp["supportedFlags"]) <= set(seccomp["knownFlags"])
    path = str(bundle.dir / "agent.sock")
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(path)
        for action, operator in itertools.zip_longest(seccomp["actions"], seccomp["operators"], fillvalue=None):
            rule = {"names": ["mkdir"], "action": action or "SCMP_ACT_ERRNO",
                    "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": operator or "SCMP_CMP_EQ"}]}
            default = "SCMP_ACT_LOG" if action == "SCMP_ACT_ALLOW" else "SCMP_ACT_ALLOW"
            bundle.linux["seccomp"] = {"defaultAction": default, "listenerPath": path, "syscalls": [rule]}
            assert planned().code == 0, (action, operator, planned())
        for flags in [[flag] for flag in seccomp["knownFlags"]] + [seccomp["supportedFlags"]]:
            bundle.linux["seccomp"]["flags"] = flags
            assert (planned().code == 0) == (set(flags) <= set(seccomp["supportedFlags"])), (flags, planned())
        bundle.linux["seccomp"]["flags"] = []
        for architecture in seccomp["archs"]:
            bundle.linux["seccomp"]["architectures"] = [architecture]
            result = planned()
            assert result.code == 0 or "byte order" in result.err, result


def test_supported_flags_are_loaded(claims, runtime, bundle):
    """The kernel's word, beside the runtime's."""
    for flag in claims["linux"]["seccomp"]["supportedFlags"]:
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": [
            {"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
        bundle.sh("echo fine")
        assert runtime("run", "--bundle", bundle.write().dir, bundle.id).out == "fine\n"


# ---- what it denies is refused, and nothing else ----


def net_device(bundle):
    bundle.linux["netDevices"] = {"lo": {}}


def memory_policy(bundle):
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_LOCAL"}


def intel_rdt(bundle):
    bundle.linux["intelRdt"] = {"closID": "apus-test"}


def id_mapped_mount(bundle):
    mapping = [{"containerID": 0, "hostID": 1000, "size": 1000}]
    bundle.mount("/mnt", "bind", bundle.host_directory("data"), ["bind"], uidMappings=mapping, gidMappings=mapping)


@pytest.mark.parametrize("key, field, edit", [
    ("/linux/netDevices/enabled", "/linux/netDevices", net_device),
    ("/linux/memoryPolicy", "/linux/memoryPolicy", memory_policy),
    ("/linux/intelRdt/enabled", "/linux/intelRdt", intel_rdt),
    ("/linux/mountExtensions/idmap/enabled", "/mounts/", id_mapped_mount)],
    ids=["netDevices", "memoryPolicy", "intelRdt", "idmap"])
def test_claim_and_deed(claims, bundle, planned, key, field, edit):
    """Whoever supports one of these has to say so, and the other way round."""
    value = claims
    for name in key.split("/")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    edit(bundle)
    result = planned()
    # What only this host lacks is refused in other words.
    refused = result.code != 0 and field in result.err and re.search("not support.* yet", result.err) is not None
    assert refused == (not value), f"features says {value}: {result}"


def test_unsafe_annotations(claims):
    assert {"org.systemd.property.", "run.oci."} <= set(claims["potentiallyUnsafeConfigAnnotations"])


# ---- what others say ----


def flat(value, pointer=""):
    if not isinstance(value, dict):
        return {pointer: value}
    return {key: leaf for name, member in value.items() for key, leaf in flat(member, f"{pointer}/{name}").items()}


def differences(ours, theirs):
    """(key, element) of each difference; lists are compared as sets, and as wholes where one side has none."""
    for key in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(key), theirs.get(key)
        if isinstance(left, list) and isinstance(right, list):
            yield from ((key, element) for element in sorted(set(left) ^ set(right)))
        elif left != right:
            yield key, None


def have_command(*names):
    """Debian's crun is older than the command."""
    return [name for name in names if shutil.which(name) and subprocess.run([name, "features"], capture_output=True).returncode == 0]


@pytest.mark.parametrize("name", have_command("runc", "crun"))
def test_every_difference_is_listed(claims, reference, name):
    other = reference(name)("features", check=True)
    entries = [entry for entry in tomllib.loads(LIST.read_text())["difference"] if name in entry["reference"].split()]
    used, unlisted = set(), []
    for key, element in differences(flat(claims), flat(json.loads(other.out))):
        matching = [
            (position, pattern, wanted) for position, entry in enumerate(entries) for pattern in entry["key"].split()
            for wanted in (entry["only"].split() if "only" in entry else [None])
            if fnmatch.fnmatchcase(key, pattern) and wanted == element]
        used.update(matching)
        if not matching:
            unlisted.append(f"{key}{f': {element}' if element else ''}")
    assert not unlisted, f"not listed in {LIST.name}: {unlisted}"
    for position, entry in enumerate(entries):
        assert entry["reason"].endswith(".")
        for pattern in entry["key"].split():
            for wanted in entry["only"].split() if "only" in entry else [None]:
                assert entry.get("pending") or (position, pattern, wanted) in used, f"no longer so: {pattern} {wanted or ''}"
