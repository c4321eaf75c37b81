"""Whole configurations as engines hand them to a runtime.

They have the form of what Docker 20 to 28, containerd 1.7 and Podman 4 and 5 write: namespaces, mounts
in the engine's order, capabilities, masks, sysctls and the seccomp profile as the engine resolves it
for this machine (cases/profiles). Changed are the paths of the engine's storage, which are the
bundle's here, the command, and what this host cannot give: AppArmor, limits above the hard ones.
"""

import json
from pathlib import Path

from . import Held, case

PROFILES = Path(__file__).parent / "profiles"
SECTION = "config.md (engines)"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

DOCKER = [f"CAP_{c}" for c in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE").split()]
PODMAN = [f"CAP_{c}" for c in (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT").split()]
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
DENY_ALL = {"allow": False, "access": "rwm"}


def seccomp(name="podman"):
    return json.loads((PROFILES / f"{name}-seccomp.json").read_text())


def mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": str(source), "options": list(options)}


SAFE = ("nosuid", "noexec", "nodev")
DEV = [mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
       mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")]
MQUEUE = mount("/dev/mqueue", "mqueue", "mqueue", *SAFE)


def storage(b, *names):
    """Files such as an engine keeps beside a container and binds into it."""
    directory = b.host_directory("storage")
    for name in names:
        (directory / name).write_text(f"{name} of the container\n")
    return directory


def docker(b):
    files = storage(b, "resolv.conf", "hostname", "hosts")
    b.process.update(
        args=b.process["args"], env=[PATH, "HOSTNAME=4f1c2a7be0d3", "TERM=xterm"], cwd="/", oomScoreAdj=0,
        capabilities={k: DOCKER for k in ("bounding", "effective", "permitted")}, user={"uid": 0, "gid": 0, "additionalGids": [0, 10]})
    b.process.pop("rlimits")
    b.process.pop("noNewPrivileges")
    b.config.update(ociVersion="1.1.0", hostname="probe", mounts=[
        mount("/proc", "proc", "proc", *SAFE), *DEV,
        mount("/sys", "sysfs", "sysfs", *SAFE, "ro"),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", *SAFE), MQUEUE,
        mount("/dev/shm", "tmpfs", "shm", *SAFE, "mode=1777", "size=67108864"),
        *(mount(f"/etc/{n}", "bind", files / n, "rbind", "rprivate") for n in ("resolv.conf", "hostname", "hosts"))])
    b.linux.update(
        maskedPaths=MASKED, readonlyPaths=READONLY, seccomp=seccomp(),
        sysctl={"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"},
        namespaces=[{"type": t} for t in ("mount", "network", "uts", "pid", "ipc", "cgroup")])
    b.args("--sysctl=net.ipv4.ping_group_range")


@case(SECTION)
def engine_docker(b):
    docker(b)


@case(SECTION)
def engine_docker_with_device_rules(b):
    """As it really is, with the device list; Debian's crun cannot load its program on small hosts."""
    docker(b)
    numbers = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
    b.linux["resources"] = {
        "devices": [DENY_ALL, *({"allow": True, "type": "c", "major": m, "minor": n, "access": "rwm"} for m, n in numbers),
                    {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"}],
        "memory": {}, "cpu": {"shares": 0}, "blockIO": {"weight": 0}}
    b.look("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/tty")


@case(SECTION)
def engine_docker_user_and_volume(b):
    docker(b)
    b.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [1000, 2000]}
    b.process["cwd"] = "/srv/app"
    b.process["capabilities"] = {"bounding": DOCKER}
    b.config["mounts"].append(mount("/srv/app", "bind", b.host_directory("volume", 0o777), "rbind", "rprivate"))
    b.look("/srv/app", "/etc/hosts")


@case(SECTION)
def engine_docker_privileged(b):
    docker(b)
    from .process import capabilities_privileged
    capabilities_privileged(b)
    del b.process["capabilities"]["inheritable"], b.process["capabilities"]["ambient"]
    b.linux.pop("seccomp")
    for m in b.config["mounts"]:
        if m["destination"] in ("/sys", "/sys/fs/cgroup"):
            m["options"] = [o for o in m["options"] if o != "ro"]
    b.linux["devices"] = [{"path": f"/dev/{n}", "type": t, "major": a, "minor": i, "fileMode": 0o660, "uid": 0, "gid": g}
                          for n, t, a, i, g in (("kmsg", "c", 1, 11, 0), ("loop0", "b", 7, 0, 6), ("net/tun", "c", 10, 200, 0))]
    b.args("--tree=/dev/net")


@case(SECTION)
def engine_docker_readonly_with_tmpfs(b):
    """docker run --read-only --tmpfs /tmp --init --security-opt no-new-privileges"""
    docker(b)
    b.config["root"]["readonly"] = True
    b.process["noNewPrivileges"] = True
    b.config["mounts"].append(mount("/tmp", "tmpfs", "tmpfs", "noexec", "nosuid", "nodev", "size=65536k"))
    b.config["mounts"].append(mount("/sbin/docker-init", "bind", storage(b, "docker-init") / "docker-init", "bind", "ro"))
    b.look("/", "/tmp", "/sbin/docker-init")


def podman(b):
    files = storage(b, "resolv.conf", "hosts", ".containerenv", "hostname")
    b.process.update(
        env=[PATH, "container=podman", "HOME=/root", "HOSTNAME=probe", "TERM=xterm"], cwd="/", oomScoreAdj=0,
        user={"uid": 0, "gid": 0, "umask": 18},
        capabilities={k: PODMAN for k in ("bounding", "effective", "permitted")},
        rlimits=[{"type": "RLIMIT_NOFILE", "hard": 20000, "soft": 20000}, {"type": "RLIMIT_NPROC", "hard": 4096, "soft": 4096}])
    b.process.pop("noNewPrivileges")
    b.config.update(hostname="probe", mounts=[
        mount("/proc", "proc", "proc", *SAFE), DEV[0],
        mount("/sys", "sysfs", "sysfs", *SAFE, "ro"), DEV[1], MQUEUE,
        mount("/etc/resolv.conf", "bind", files / "resolv.conf", "bind", "rprivate"),
        mount("/etc/hosts", "bind", files / "hosts", "bind", "rprivate"),
        mount("/dev/shm", "bind", b.host_directory("storage/shm", 0o1777), "bind", "rprivate", *SAFE),
        mount("/run/.containerenv", "bind", files / ".containerenv", "bind", "rprivate"),
        mount("/etc/hostname", "bind", files / "hostname", "bind", "rprivate"),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", "rprivate", *SAFE, "relatime", "ro")],
        annotations={"io.container.manager": "libpod", "io.podman.annotations.autoremove": "FALSE",
                     "org.opencontainers.image.stopSignal": "15"})
    b.linux.update(
        sysctl={"net.ipv4.ping_group_range": "0 0"}, seccomp=seccomp(), rootfsPropagation="slave",
        maskedPaths=["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                     "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/fs/selinux", "/sys/dev/block",
                     "/sys/devices/virtual/powercap"],
        readonlyPaths=["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        namespaces=[{"type": "pid"}, {"type": "network", "path": Held.path("net")}, {"type": "ipc"}, {"type": "uts"},
                    {"type": "mount"}, {"type": "cgroup"}])


@case(SECTION)
def engine_podman(b):
    b.mode = "create"
    podman(b)


@case(SECTION)
def engine_podman_many_mounts(b):
    """Forty mounts: volumes of several kinds, secrets, tmpfs."""
    podman(b)
    volume = b.host_directory("volume")
    for n in range(10):
        (volume / f"file{n}").write_text("x")
        b.config["mounts"] += [
            mount(f"/srv/rw{n}", "bind", volume, "rbind", "rprivate", "rw"),
            mount(f"/srv/ro{n}", "bind", volume, "bind", "private", "ro", *SAFE),
            mount(f"/run/secrets/s{n}", "bind", volume / f"file{n}", "bind", "rprivate", "ro")]
    assert len(b.config["mounts"]) > 40
    b.look("/srv/rw0", "/srv/ro0", "/run/secrets/s0", "/run/secrets")


@case(SECTION)
def engine_podman_pod_member(b):
    podman(b)
    b.linux["namespaces"] = [{"type": "pid"}, {"type": "mount"}, {"type": "cgroup"},
                             *({"type": t, "path": Held.path(p)} for t, p in (("ipc", "ipc"), ("network", "net"), ("uts", "uts")))]
    del b.config["hostname"]
    b.linux["sysctl"] = {}


@case(SECTION)
def engine_podman_user_namespace(b):
    """podman run --userns=auto"""
    podman(b)
    b.linux["namespaces"][1] = {"type": "network"}
    b.user_namespace(200000, 1024)


def containerd(b):
    files = storage(b, "hosts", "hostname", "resolv.conf", "token")
    b.process.update(
        env=[PATH, "HOSTNAME=pod", "KUBERNETES_SERVICE_PORT=443", "KUBERNETES_PORT=tcp://10.96.0.1:443"],
        oomScoreAdj=985, user={"uid": 0, "gid": 0, "additionalGids": [0, 10]}, noNewPrivileges=False,
        capabilities={k: DOCKER for k in ("bounding", "effective", "permitted")})
    b.process.pop("rlimits")
    b.config.update(ociVersion="1.1.0", mounts=[
        mount("/proc", "proc", "proc", *SAFE), *DEV, MQUEUE,
        mount("/sys", "sysfs", "sysfs", *SAFE, "ro"),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", *SAFE, "relatime", "ro"),
        mount("/etc/hosts", "bind", files / "hosts", "rbind", "rprivate", "rw"),
        mount("/dev/termination-log", "bind", files / "token", "rbind", "rprivate", "rw"),
        mount("/etc/hostname", "bind", files / "hostname", "rbind", "rprivate", "rw"),
        mount("/etc/resolv.conf", "bind", files / "resolv.conf", "rbind", "rprivate", "rw"),
        mount("/dev/shm", "bind", b.host_directory("storage/shm", 0o1777), "rbind", "rprivate", "rw"),
        mount("/var/run/secrets/kubernetes.io/serviceaccount", "bind", b.host_directory("storage/account"), "rbind", "rprivate", "ro")],
        annotations={"io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.container-type": "container",
                     "io.kubernetes.cri.sandbox-id": "0d5b", "io.kubernetes.cri.sandbox-namespace": "default"})
    del b.config["hostname"]
    b.linux.update(
        maskedPaths=["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                     "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi"],
        readonlyPaths=READONLY,
        namespaces=[{"type": "pid"}, {"type": "ipc", "path": Held.path("ipc")}, {"type": "uts", "path": Held.path("uts")},
                    {"type": "mount"}, {"type": "network", "path": Held.path("net")}, {"type": "cgroup"}])


@case(SECTION)
def engine_containerd_cri(b):
    b.mode = "create"
    containerd(b)


@case(SECTION)
def engine_containerd_cri_restricted(b):
    """A pod under the restricted policy: a user, no capabilities, the default seccomp profile, a read-only root."""
    containerd(b)
    b.process["user"] = {"uid": 65532, "gid": 65532, "additionalGids": [65532, 2000]}
    b.process["noNewPrivileges"] = True
    b.process["capabilities"] = {}
    b.config["root"]["readonly"] = True
    b.linux["seccomp"] = seccomp()
    b.config["mounts"].append(mount("/cache", "bind", b.host_directory("cache", 0o2777), "rbind", "rprivate", "rw"))
    b.look("/", "/cache", "/etc/hosts", "/dev/shm")


@case(SECTION)
def engine_containerd_cri_sandbox(b):
    """The pause container: it makes the namespaces that the pod's containers join."""
    containerd(b)
    b.process["user"] = {"uid": 65535, "gid": 65535}
    b.process.update(env=[PATH], oomScoreAdj=100, noNewPrivileges=True)
    b.config["hostname"] = "probe"
    b.config["root"]["readonly"] = True
    b.config["mounts"] = [mount("/proc", "proc", "proc", *SAFE), *DEV, MQUEUE,
                          mount("/sys", "sysfs", "sysfs", *SAFE, "ro"),
                          mount("/dev/shm", "bind", b.host_directory("storage/shm", 0o1777), "rbind", "ro", *SAFE),
                          mount("/etc/resolv.conf", "bind", b.dir / "storage/resolv.conf", "rbind", "ro", *SAFE)]
    b.linux["namespaces"] = [{"type": t} for t in ("pid", "ipc", "uts", "mount")] + [{"type": "network", "path": Held.path("net")}]
    b.linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}


@case(SECTION)
def engine_containerd_ctr(b):
    """`ctr run`: containerd's own default specification."""
    containerd(b)
    b.process.update(noNewPrivileges=True, user={"uid": 0, "gid": 0, "additionalGids": [0]}, env=[PATH, "TERM=xterm"],
                     rlimits=[{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}])
    b.process.pop("oomScoreAdj")
    b.config["mounts"] = [mount("/proc", "proc", "proc", *SAFE), *DEV,
                          mount("/dev/shm", "tmpfs", "shm", *SAFE, "mode=1777", "size=65536k"), MQUEUE,
                          mount("/sys", "sysfs", "sysfs", *SAFE, "ro"),
                          mount("/run", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
                          mount("/sys/fs/cgroup", "cgroup", "cgroup", *SAFE, "relatime", "ro")]
    b.linux["namespaces"] = [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network", "cgroup")]


@case(SECTION)
def engine_buildkit(b):
    """A build step: host network, an overlay-like root, the process's own seccomp profile."""
    docker(b)
    b.linux["namespaces"] = [{"type": t} for t in ("mount", "uts", "pid", "ipc")]
    b.linux.pop("sysctl")
    for m in b.config["mounts"]:
        if m["destination"] == "/sys":
            m.update(type="bind", source="/sys", options=["rbind", *SAFE, "ro"])
    b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] not in ("/sys/fs/cgroup", "/etc/hostname")]
    b.config["hostname"] = "buildkitsandbox"
    b.process["cwd"] = "/src"
