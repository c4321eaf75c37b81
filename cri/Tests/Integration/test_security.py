"""The security context: capabilities, seccomp, no-new-privileges, read-only roots, masked paths, privileged."""

import json
import os

import pytest
from harness.client import refused

DEFAULT = {"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
           "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"}
NUMBER = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
          "NET_BIND_SERVICE": 10, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_CHROOT": 18, "SYS_ADMIN": 21, "SYS_TIME": 25,
          "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31}


def security(**fields):
    return {"linux": {"security_context": fields}}


def mask(names):
    return sum(1 << NUMBER[name] for name in names)


@pytest.fixture
def pod(rig):
    return rig.pod()


def capabilities(pod, kind="CapBnd", **fields):
    container = pod.start("sleep", "1000", **security(**fields))
    found = int(container.field(kind), 16)
    container.remove()
    return found


# ---- capabilities ----

@pytest.mark.parametrize("change, expected", [
    ({}, DEFAULT),
    ({"add_capabilities": ["NET_ADMIN"]}, DEFAULT | {"NET_ADMIN"}),
    pytest.param({"add_capabilities": ["CAP_NET_ADMIN"]}, DEFAULT | {"NET_ADMIN"},
                 marks=pytest.mark.only_ours("it takes names without CAP_ alone")),
    ({"drop_capabilities": ["CHOWN", "MKNOD"]}, DEFAULT - {"CHOWN", "MKNOD"}),
    ({"drop_capabilities": ["ALL"]}, set()),
    ({"drop_capabilities": ["ALL"], "add_capabilities": ["KILL", "SYS_TIME"]}, {"KILL", "SYS_TIME"}),
])
def test_capabilities(pod, change, expected):
    for kind in ("CapBnd", "CapEff", "CapPrm"):
        assert capabilities(pod, kind, capabilities=change) == mask(expected)


def test_all_capabilities(pod):
    everything = capabilities(pod, capabilities={"add_capabilities": ["ALL"]})
    assert everything & mask(NUMBER) == mask(NUMBER)
    less = capabilities(pod, capabilities={"add_capabilities": ["ALL"], "drop_capabilities": ["SYS_ADMIN"]})
    assert less == everything & ~mask({"SYS_ADMIN"})


@pytest.mark.only_ours("it drops the field")
def test_ambient_capabilities(pod):
    found = capabilities(pod, "CapAmb", run_as_user={"value": 1000}, capabilities={
        "add_ambient_capabilities": ["NET_BIND_SERVICE"]})
    assert found == mask({"NET_BIND_SERVICE"})


def test_users_have_no_effective_capabilities(pod):
    assert capabilities(pod, "CapEff", run_as_user={"value": 1000}) == 0


@pytest.mark.only_ours("it adds what it does not know, and runc warns")
def test_an_unknown_capability_is_named(pod):
    with refused("INVALID_ARGUMENT", says="no_such"):
        pod.container("true", **security(capabilities={"add_capabilities": ["NO_SUCH"]}))


# ---- privileges ----

def test_no_new_privileges(pod):
    assert pod.result("grep NoNewPrivs /proc/self/status", **security(no_new_privs=True)).split()[1] == "1"
    assert pod.result("grep NoNewPrivs /proc/self/status", **security(no_new_privs=False)).split()[1] == "0"


def test_a_read_only_root(pod):
    assert pod.result("touch /x 2>&1; touch /tmp/x 2>/dev/null; echo y >/dev/shm/y && echo $?",
                      **security(readonly_rootfs=True)).split("\n")[0].endswith("Read-only file system")
    pod.result("touch /x")


def test_masked_and_read_only_paths(pod):
    text = pod.result("cat /proc/kcore | wc -c; ls /proc/acpi | wc -l; touch /proc/sys/kernel/x 2>&1; exit 0", **security(
        masked_paths=["/proc/kcore", "/proc/acpi"], readonly_paths=["/proc/sys"]))
    assert text.split("\n")[0] == "0" and "Read-only" in text or "No such file" in text


def test_other_masked_paths(pod):
    text = pod.result("cat /etc/passwd | wc -c; echo x >/etc/group", code=1,
                      **security(masked_paths=["/etc/passwd"], readonly_paths=["/etc/group"]))
    assert text == "0\n"


def test_privileged(rig):
    pod = rig.pod(linux={"security_context": {"privileged": True}})
    container = pod.start("sleep", "1000", **security(privileged=True, masked_paths=[], readonly_paths=[]))
    limit = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd")), 16)
    assert int(container.field("CapBnd"), 16) == int(container.field("CapEff"), 16) == limit
    assert container.field("Seccomp") == "0"
    container.sh("mkdir /m && mount -t tmpfs none /m && echo 1 >/proc/sys/net/ipv4/ip_forward")
    # Its own options: the file system's, which the whole network namespace shares, may be those of another's mount.
    assert container.sh("grep ' / /sys ' /proc/self/mountinfo").split()[5].startswith("rw")
    assert set(os.listdir(container.proc("root/dev"))) >= {"null", "tty", "kmsg"} & set(os.listdir("/dev"))


@pytest.mark.only_ours("it refuses with Unknown")
def test_privileged_only_in_a_privileged_pod(rig, pod):
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", says="privileged"):
        pod.container("true", **security(privileged=True))


# ---- seccomp ----

def profile(rig, name, action="SCMP_ACT_ERRNO"):
    path = rig.directory / name
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["chmod", "fchmodat", "fchmod"], "action": action, "errnoRet": 95}]}))
    return str(path)


def test_the_default_profile(pod):
    kind = {"profile_type": "RuntimeDefault"}
    container = pod.start("sleep", "1000", **security(seccomp=kind))
    assert container.field("Seccomp") == "2"
    assert "Operation not permitted" in pod.result("unshare -U true 2>&1 || exit 0", **security(seccomp=kind))


def test_unconfined(pod):
    container = pod.start("sleep", "1000", **security(seccomp={"profile_type": "Unconfined"}))
    assert container.field("Seccomp") == "0"


def test_a_profile_of_the_host(rig, pod):
    kind = {"profile_type": "Localhost", "localhost_ref": profile(rig, "no-chmod.json")}
    assert "not supported" in pod.result("chmod 700 /tmp 2>&1; echo", **security(seccomp=kind)).lower()
    container = pod.start("sleep", "1000", **security(seccomp=kind))
    assert "not supported" in container.exec("sh", "-c", "chmod 700 /tmp 2>&1; true").lower()


@pytest.mark.parametrize("reference", ["/no/such/profile.json", "", "relative.json"])
def test_profiles_that_cannot_be(rig, pod, reference):
    with refused("INVALID_ARGUMENT", "NOT_FOUND", "UNKNOWN", "FAILED_PRECONDITION", "INTERNAL", says="seccomp"):
        pod.container("true", **security(seccomp={"profile_type": "Localhost", "localhost_ref": reference}))
    assert not rig.containers()


@pytest.mark.only_ours("runc finds the mistake at the start")
def test_a_profile_that_is_none_is_named(rig, pod):
    path = rig.directory / "broken.json"
    path.write_text('{"defaultAction": "SCMP_ACT_NO_SUCH"}')
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", says="broken.json"):
        pod.container("true", **security(seccomp={"profile_type": "Localhost", "localhost_ref": str(path)}))


@pytest.mark.only_ours("it is told to leave AppArmor alone here")
def test_apparmor_where_there_is_none(pod):
    if os.path.exists("/sys/kernel/security/apparmor/profiles"):
        pytest.skip("this host has AppArmor")
    assert pod.result("echo fine", **security(apparmor={"profile_type": "Unconfined"})) == "fine\n"
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", says="apparmor"):
        pod.container("true", **security(apparmor={"profile_type": "Localhost", "localhost_ref": "no-such-profile"}))
