"""The first process of a place (place.py): makes its mounts and network, then reaps until its input is closed."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from cgroups import legacy_hierarchies, mount_view

libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags=0, data=None):
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mount {kind} on {target}: {os.strerror(error)}")


def unmount(target):
    """With all that is mounted below it: MNT_DETACH."""
    if libc.umount2(os.fsencode(target), 2) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"unmount {target}: {os.strerror(error)}")


def main():
    directory, view = Path(sys.argv[1]), sys.argv[2]
    hierarchies = legacy_hierarchies()
    mount("proc", "/proc", "proc")
    # Of the place's network. The host's goes with its cgroups, which are mounted anew: hidden ones would still be in
    # the list of mounts.
    unmount("/sys")
    mount("sysfs", "/sys", "sysfs")
    mount_view(mount, view, hierarchies)
    resolver = directory / "resolv.conf"
    resolver.write_text("nameserver 192.0.2.53\nsearch host.test\noptions ndots:2\n")
    mount(str(resolver), os.path.realpath("/etc/resolv.conf"), None, 4096)
    for path in ("/run", "/var/lib/cni"):
        os.makedirs(path, exist_ok=True)
        mount("tmpfs", path, "tmpfs", 0, "mode=755")
    # What bidirectional mounts are tried with: as on a host, where systemd makes every mount shared.
    (directory / "shared").mkdir()
    mount("shared", str(directory / "shared"), "tmpfs")
    mount(None, str(directory / "shared"), None, 1 << 20)
    for command in ("ip link set lo up", "ip link add uplink type veth peer name far",
                    "ip link set far up", "ip address add 192.0.2.1/24 dev uplink",
                    "ip link set uplink up", "ip route add default via 192.0.2.254"):
        subprocess.run(command.split(), check=True, stdout=sys.stderr)
    for name in ("net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet"):
        Path("/proc/sys", name).write_text("1")
    libc.sethostname(b"place", 5)
    signal.signal(signal.SIGCHLD, reap)
    print("ready", flush=True)
    sys.stdin.buffer.read()


def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


main()
