"""The host that the other tests of systemd build on: what scripts/vm --systemd makes it to be."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.systemd

TESTER = 1000
ASK = ["busctl", "--json=short", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
       "org.freedesktop.DBus.Peer", "Ping"]


def ask(*command, user=None):
    """Runs a command as root or as a user in that user's session; it has to succeed."""
    if user is not None:
        runtime = f"/run/user/{user}"
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", f"XDG_RUNTIME_DIR={runtime}",
                   f"DBUS_SESSION_BUS_ADDRESS=unix:path={runtime}/bus", *command]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def test_first_process():
    assert Path("/proc/1/comm").read_text().strip() == "systemd"


def test_nothing_has_failed():
    assert ask("systemctl", "--failed", "--plain", "--no-legend") == ""


def test_unified_hierarchy():
    trees = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line]
    assert [(fields[4], fields[fields.index("-") + 1]) for fields in trees] == [("/sys/fs/cgroup", "cgroup2")]
    assert "nsdelegate" in trees[0][-1]
    controllers = Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    assert {"cpu", "cpuset", "io", "memory", "pids"} <= set(controllers)


def test_system_bus():
    ask(*ASK)
    assert ask("systemctl", "show", "--property=Version", "--value")


def test_user_bus():
    ask(*ASK[:1], "--user", *ASK[1:], user=TESTER)
    assert ask("loginctl", "show-user", "tester", "--property=Linger", "--value") == "yes"


def test_controllers_of_the_user():
    """What an unprivileged user's containers may limit."""
    path = ask("systemctl", "show", f"user@{TESTER}.service", "--property=ControlGroup", "--value")
    directory = Path(f"/sys/fs/cgroup{path}")
    assert {"cpu", "cpuset", "io", "memory", "pids"} <= set((directory / "cgroup.controllers").read_text().split())
    assert directory.stat().st_uid == TESTER
    assert (directory / "cgroup.subtree_control").stat().st_uid == TESTER


@pytest.mark.parametrize("user", [None, TESTER], ids=["root", "tester"])
def test_scope(user):
    """A transient scope with a limit: what `--systemd-cgroup` will ask for."""
    which = [] if user is None else ["--user"]
    shown = ask("systemd-run", *which, "--scope", "--quiet", "-p", "MemoryMax=64M", "-p", "TasksMax=50", "sh", "-c",
                'path=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); cat $path/memory.max $path/pids.max', user=user)
    assert shown.split() == [str(64 << 20), "50"]


def test_all_capabilities():
    status = Path("/proc/self/status").read_text()
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    assert int(next(l for l in status.splitlines() if l.startswith("CapEff")).split()[1], 16) == (1 << (last + 1)) - 1


def test_subordinate_ids_of_the_user():
    for name in ("/etc/subuid", "/etc/subgid"):
        assert any(line.startswith("tester:") for line in Path(name).read_text().splitlines()), name


def test_the_projects_tree_and_the_references_are_there(subject_path):
    assert os.access(subject_path, os.X_OK)
    for name in ("crun", "runc"):
        assert ask(name, "--version").startswith(name)
