"""linux.namespaces, mappings, hostname and domainname, sysctls, cgroup placement."""

from . import Held, case

ALL = ("pid", "network", "ipc", "uts", "mount", "cgroup")


@case("config.md")
def base(b):
    """The configuration of `runc spec`, without device rules."""


@case("config-linux.md#namespaces")
def namespace_no_pid(b):
    b.without("pid")


@case("config-linux.md#namespaces")
def namespace_no_network(b):
    b.without("network")
    b.unmount("/sys", "/sys/fs/cgroup")
    b.mount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])


@case("config-linux.md#namespaces")
def namespace_no_ipc(b):
    b.without("ipc")
    b.unmount("/dev/mqueue")
    b.args("--sysctl=kernel.msgmax")


@case("config-linux.md#namespaces")
def namespace_no_uts(b):
    b.without("uts")
    del b.config["hostname"]


@case("config-linux.md#namespaces")
def namespace_no_cgroup(b):
    b.without("cgroup")


@case("config-linux.md#namespaces")
def namespace_only_mount(b):
    b.namespaces("mount")
    del b.config["hostname"]
    b.config["mounts"] = b.config["mounts"][:1]
    b.linux["maskedPaths"] = b.linux["readonlyPaths"] = []


for kind in ("network", "ipc", "uts", "cgroup", "pid"):

    def build(b, kind=kind):
        b.without(kind)
        b.linux["namespaces"].append({"type": kind, "path": Held.path({"network": "net"}.get(kind, kind))})
        if kind == "uts":
            del b.config["hostname"]

    case("config-linux.md#namespaces", f"namespace-join-{kind}")(build)


@case("config-linux.md#namespaces")
def namespace_join_all(b):
    b.namespaces("mount", network=Held.path("net"), ipc=Held.path("ipc"), uts=Held.path("uts"), pid=Held.path("pid"))
    del b.config["hostname"]


@case("config-linux.md#user-namespace-mappings")
def user_namespace(b):
    b.user_namespace()


@case("config-linux.md#user-namespace-mappings")
def user_namespace_two_ranges(b):
    b.user_namespace()
    for name in ("uidMappings", "gidMappings"):
        b.linux[name] = [{"containerID": 0, "hostID": 100000, "size": 1000},
                         {"containerID": 1000, "hostID": 300000, "size": 70000}]


@case("config-linux.md#user-namespace-mappings")
def user_namespace_as_user(b):
    b.user_namespace()
    b.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 2000]}


@case("config-linux.md#user-namespace-mappings")
def user_namespace_devices(b):
    b.user_namespace()
    b.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666, "uid": 0, "gid": 0}]


@case("config-linux.md#user-namespace-mappings")
def user_namespace_sysctl(b):
    b.user_namespace()
    b.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1000000"}
    b.args("--sysctl=net.ipv4.ip_forward", "--sysctl=kernel.shmmax")


@case("config.md#hostname")
def hostname_none(b):
    del b.config["hostname"]


@case("config.md#domainname")
def domainname(b):
    b.config["domainname"] = "example.org"


@case("config-linux.md#sysctl")
def sysctl_all_kinds(b):
    values = {"net.ipv4.ip_forward": "1", "net/ipv4/ip_unprivileged_port_start": "80", "kernel.msgmax": "9000",
              "kernel.shmmni": "4000", "kernel.sem": "250 32000 100 128", "fs.mqueue.msg_max": "20"}
    b.linux["sysctl"] = values
    b.args(*(f"--sysctl={name}" for name in values))


@case("config-linux.md#sysctl")
def sysctl_spelled_with_dots_inside(b):
    b.linux["sysctl"] = {"net.ipv4.conf.lo.forwarding": "1"}
    b.args("--sysctl=net.ipv4.conf.lo.forwarding")


@case("config-linux.md#cgroups-path")
def cgroups_path_absent(b):
    b.without("cgroup")
    del b.linux["cgroupsPath"]


@case("config-linux.md#cgroups-path")
def cgroups_path_nested(b):
    b.without("cgroup")
    b.linux["cgroupsPath"] = f"/apus-test/a/b/{b.id}"


@case("config-linux.md#cgroups-path")
def cgroups_path_relative(b):
    b.without("cgroup")
    b.linux["cgroupsPath"] = f"apus-test/{b.id}"


@case("config.md#annotations")
def annotations(b):
    b.config["annotations"] = {"com.example.key": "value", "com.example.empty": ""}
