"""Runs a bundle under one runtime and turns what was seen into comparable leaves.

A leaf is a path such as `status:CapEff` or `mounts:/proc:options` and a value. Whatever differs from
one run to the next (pids, ids, inode numbers, paths of the bundle) is replaced by what it means.
"""

import json
import os
import re
import stat
import time
from pathlib import Path

from .runtime import reap

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def host_namespaces():
    return {name: os.stat(f"/proc/self/ns/{name}").st_ino for name in NAMESPACES}


class CannotRun(Exception):
    """The runtime refused the bundle or the container failed: not an observation."""


def names_of_namespaces(joined=None):
    """Inode numbers of existing namespaces, and what each is to be called."""
    return {**{inode: f"host {name}" for name, inode in host_namespaces().items()}, **(joined or {})}


def observe(runtime, bundle, joined=None):
    """Leaves of one run; `joined` maps inode numbers of existing namespaces to their names."""
    bundle.write()
    try:
        raw, extra = (_run if bundle.mode == "run" else _create)(runtime, bundle)
        names = names_of_namespaces(joined)
        leaves = normalise(json.loads(neutral(raw, runtime, bundle)), names)
        for name, text in _hook_reports(bundle):
            report = json.loads(neutral(text, runtime, bundle))
            for key, value in _hook_leaves(report, names).items():
                leaves[f"hooks:{name}:{key}"] = value
        leaves.update(_tree_leaves(bundle))
        leaves.update(extra)
        return leaves
    finally:
        runtime.discard(bundle.id)


def creation_flags(bundle):
    return [flag.format(dir=bundle.dir) for flag in bundle.run_flags]


def prefix(bundle):
    """A shell that sets up descriptors or LISTEN_PID and then becomes the runtime."""
    return ["/bin/sh", "-c", bundle.shell.format(dir=bundle.dir) + ' exec "$@"', "sh"] if bundle.shell else []


def _run(runtime, bundle):
    result = runtime("run", *creation_flags(bundle), "--bundle", bundle.dir, bundle.id, flags=bundle.global_flags,
                     prefix=prefix(bundle), env=bundle.env)
    report = bundle.dir / "rootfs/report.json"
    raw = result.out if '"args"' in result.out else report.read_text() if report.exists() else ""
    if result.code != bundle.expect_code or not raw:
        raise CannotRun(neutral(f"exit {result.code}: {result.err.strip() or result.out[-300:]}", runtime, bundle))
    return raw, {"exit": str(result.code), "stderr": result.err.strip()}


def _create(runtime, bundle):
    created = runtime.create(bundle.dir, bundle.id, *creation_flags(bundle), flags=bundle.global_flags, prefix=prefix(bundle),
                             env=bundle.env, check=False)
    if created.code != 0:
        raise CannotRun(neutral(f"create: {created.err.strip()}", runtime, bundle))
    text = (bundle.dir / f"{bundle.id}.pid").read_text()
    extra = {"pid_file": re.sub(r"\d+", "<pid>", text), "created_state": (runtime.state(bundle.id) or {}).get("status")}
    extra["created_fds"] = _held_descriptors(int(text), runtime, bundle)
    started = runtime("start", bundle.id, flags=bundle.global_flags)
    if started.code != 0:
        raise CannotRun(neutral(f"start: {started.err.strip()}", runtime, bundle))
    code = reap(int(text))
    extra["exit"] = str(code)
    state = runtime.state(bundle.id)
    extra["stopped_state"] = f"{state['status']} pid {state['pid']}" if state else "gone"
    deleted = runtime("delete", bundle.id, flags=bundle.global_flags)
    extra["delete"] = f"{deleted.code}"
    raw = (bundle.dir / "stdout").read_text()
    if not raw:
        raise CannotRun(neutral(f"exit {code}: {(bundle.dir / 'stderr').read_text().strip()}", runtime, bundle))
    return raw, extra


def _held_descriptors(pid, runtime, bundle):
    """Regular files and directories of the host a created container still holds."""
    held = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if target.startswith("/") and int(fd.name) > 2 and "exec.fifo" not in target and not target.startswith("/memfd:"):
            held.add(neutral(target, runtime, bundle))
    return " ".join(sorted(held))


def neutral(text, runtime, bundle):
    for value, name in ((str(bundle.dir), "<bundle>"), (str(runtime.root), "<root>"),
                        (_in_its_file_system(bundle.dir), "<bundle>"), (bundle.id, "<id>")):
        text = text.replace(value, name)
    return text


def _in_its_file_system(path):
    """The path below the file system's own root: mountinfo names what is bound in a container by it."""
    found = "/", "/"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        root, point = (_octal(field) for field in line.split()[3:5])
        if path.is_relative_to(point) and len(point) >= len(found[1]):
            found = root, point
    return str(Path(found[0]) / path.relative_to(found[1]))


# ---- normal form ---------------------------------------------------------------------------------


def flatten(value, prefix=""):
    """Leaves of nested objects; lists of scalars stay one leaf."""
    if isinstance(value, dict):
        if set(value) == {"errno"}:
            return {prefix: value["errno"]}
        leaves = {}
        for key, inner in value.items():
            leaves.update(flatten(inner, f"{prefix}:{key}" if prefix else str(key)))
        return leaves
    return {prefix: value if isinstance(value, (str, int)) else json.dumps(value)}


def _octal(text):
    return re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), text)


def _shared_flags(fstype):
    """One superblock serves all who share the namespace behind it: whoever mounts first or last sets these."""
    return ("ro", "rw") if fstype in ("sysfs", "cgroup2", "mqueue", "proc", "devtmpfs") else ()


def parse_mountinfo(lines):
    mounts = []
    for line in lines:
        fields, rest = (part.split() for part in line.split(" - ", 1))
        optional = sorted(re.sub(r":\d+$", "", f) for f in fields[6:])
        mounts.append({
            "root": re.sub(r"^/proc/\d+", "/proc/<pid>", re.sub(r"^(mnt|net|pid|uts|ipc|user|cgroup|time):\[\d+\]", r"\1:[]", _octal(fields[3]))),
            "point": _octal(fields[4]), "options": ",".join(sorted(fields[5].split(","))),
            "propagation": " ".join(optional) or "private", "type": rest[0], "source": _octal(rest[1]),
            "super": ",".join(sorted(o for o in rest[2].split(",") if o not in _shared_flags(rest[0]))),
        })
    return mounts


def _mount_leaves(lines):
    tree, seen, order = {}, {}, []
    for mount in parse_mountinfo(lines):
        point = mount.pop("point")
        seen[point] = seen.get(point, 0) + 1
        name = point if seen[point] == 1 else f"{point}#{seen[point]}"
        tree[name] = mount
        order.append(name)
    return {**flatten({"mounts": tree}), "mount_order": " ".join(order)}


def _descriptor(fd):
    fd["target"] = re.sub(r"^(pipe|socket):\[\d+\]", r"\1", str(fd.get("target")))
    return fd


def normalise(seen, names, own_pids=None):
    """Leaves of a report; `own_pids` says whether only the container's processes can be seen in it."""
    own_pids = seen["process"]["pid"] == 1 if own_pids is None else own_pids
    leaves = {}
    if isinstance(seen["mountinfo"], list):
        leaves.update(_mount_leaves(seen.pop("mountinfo")))
    leaves.update(_namespace_leaves(seen.pop("ns"), names))
    process = seen.pop("process")
    pid = process["pid"]
    leaves["process:pid"] = "1" if pid == 1 else "<pid>"
    leaves["process:ppid"] = "0" if process["ppid"] == 0 else "<pid>"
    for name in ("pgid", "sid"):
        leaves[f"process:{name}"] = "own" if process[name] == pid else "0" if process[name] == 0 else "other"
    for name in ("controlling_tty", "personality"):
        leaves.update(flatten(process[name], f"process:{name}"))
    status = seen.pop("status")
    if "errno" not in status:
        for name in ("Tgid", "Pid", "PPid", "Ngid", "TracerPid", "NStgid", "NSpid", "NSpgid", "NSsid"):
            if name in status:
                status[name] = f"{len(status[name].split())} levels" if name.startswith("NS") else \
                    "0" if status[name] == "0" else "<pid>"
    leaves.update(flatten(status, "status"))
    exe = seen.pop("exe")
    leaves["exe"] = "not alone" if not own_pids else " ".join(sorted(f"{v}" for v in flatten(exe).values()))
    seen["fds"] = {n: _descriptor(fd) for n, fd in seen["fds"].items()}
    leaves["env_order"] = " ".join(e.split("=", 1)[0] for e in seen["env"])
    seen["env"] = {e.split("=", 1)[0]: e.split("=", 1)[-1] for e in seen["env"]}
    seen["args"] = [a for a in seen["args"]]
    leaves.update(flatten(seen))
    return leaves


def _namespace_leaves(ns, names):
    if "errno" in ns:
        return {"ns": ns["errno"]}
    return {f"ns:{name}": names.get(inode, "new") if isinstance(inode, int) else inode["errno"]
            for name, inode in ns.items()}


# ---- hooks ---------------------------------------------------------------------------------------


def _hook_reports(bundle):
    for directory in (bundle.dir / "hooks", bundle.rootfs):
        for path in sorted(directory.glob("hook-*.json")):
            yield path.stem.removeprefix("hook-"), path.read_text()


def _hook_leaves(seen, names):
    leaves = _namespace_leaves(seen["ns"], names)
    try:
        state = json.loads(seen["stdin"])
        state["pid"] = "0" if state.get("pid") == 0 else "1" if state.get("pid") == 1 else "<pid>"
        leaves.update(flatten(state, "state"))
    except ValueError:
        leaves["state"] = "not JSON: " + seen["stdin"]
    leaves["args"] = " ".join(seen["args"])
    leaves["env"] = " ".join(sorted(seen["env"]))
    leaves["cwd"] = seen["cwd"] if isinstance(seen["cwd"], str) else seen["cwd"]["errno"]
    leaves["ids"] = json.dumps(seen["ids"])
    leaves["extra_fds"] = " ".join(f"{n}" for n in seen["fds"] if int(n) > 2)
    leaves["signals"] = json.dumps(seen["signals"])
    leaves["hostname"] = "container" if seen["uts"]["hostname"] == "probe" else "host"
    if isinstance(seen["mountinfo"], list):
        inside = {m["point"] for m in parse_mountinfo(seen["mountinfo"]) if "<bundle>" in m["point"]}
        leaves["container_mounts"] = " ".join(sorted(inside))
        leaves["sees"] = "container root" if "probe" in seen["root"] else "host root"
    for name in ("CapEff", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp"):
        leaves[name] = seen["status"].get(name) if "errno" not in seen["status"] else seen["status"]["errno"]
    return leaves


# ---- the root file system afterwards -------------------------------------------------------------


def _tree_leaves(bundle):
    """What the runtime made of the root file system on the host: mount points, devices, links."""
    leaves = {}
    shift = bundle.linux.get("uidMappings", [{}])[0].get("hostID", 0)
    for path in sorted(bundle.rootfs.rglob("*")):
        name = str(path.relative_to(bundle.rootfs))
        if name.startswith("hook-") or name == "report.json":
            continue
        found = path.lstat()
        kind = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFCHR: "char",
                stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}[stat.S_IFMT(found.st_mode)]
        value = kind if kind == "link" else f"{kind} {stat.S_IMODE(found.st_mode):04o}"
        owner = f"{found.st_uid - shift if found.st_uid >= shift else found.st_uid}"
        leaves[f"rootfs:{name}"] = f"{value} {owner}" + (f" -> {os.readlink(path)}" if kind == "link" else "")
    return leaves
