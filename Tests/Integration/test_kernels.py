"""Older kernels and stricter hosts, imitated: system calls that answer ENOSYS, memfds that may not be executed."""

import json
import subprocess

import pytest
from conftest import compile_c
from harness.observe import observe
from harness.runtime import ENVIRONMENT, Footprint

# 5.10 has none of the calls that came later; each group is also missing on its own somewhere.
NEWER = {
    "mount_setattr (before 5.12)": "mount_setattr",
    "close_range with CLOEXEC (before 5.11)": "close_range-cloexec",
    "close_range (before 5.9)": "close_range",
    "fchmodat2, statmount, listmount (before 6.8)": "fchmodat2,statmount,listmount",
    "the kernel 5.10": "mount_setattr,close_range-cloexec,fchmodat2,statmount,listmount,epoll_pwait2",
    "the key ring (containers around us)": "keyctl,add_key",
    "pidfd_getfd (before 5.6)": "pidfd_getfd",
}
# The oldest kernel that is supported has these, but a sandbox around us may not let them through.
NEEDED = ["openat2", "clone3", "open_tree", "fsopen", "pidfd_open"]


@pytest.fixture(scope="session")
def nosys(workplace):
    return compile_c("nosys.c", workplace)


@pytest.mark.parametrize("name", list(NEWER))
def test_without(runtime, make_bundle, nosys, name):
    """The same observation as with them, but for the filter itself."""
    found = []
    for prefix in ([], [str(nosys), NEWER[name]]):
        bundle = make_bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", ["ro", "nosuid"])
        bundle.mount("/b", "bind", "/dev", ["rbind", "ro"])
        bundle.process["args"] = ["/probe", "--brief"]
        bundle.look("/data", "/b", "/proc/kcore", "/proc/sys")
        if prefix:
            bundle.shell = f"set -- {' '.join(prefix)} \"$@\";"
        found.append(observe(runtime, bundle))
    plain, old = found
    different = {k: (plain.get(k), old.get(k)) for k in {*plain, *old}
                 if plain.get(k) != old.get(k) and not k.lower().startswith(("status:seccomp", "prctl:seccomp"))}
    if "keyctl" in NEWER[name]:
        different = {k: v for k, v in different.items() if not k.startswith("keyrings:")}
    assert not different, different


@pytest.mark.parametrize("name", NEEDED)
def test_sandbox_without(runtime, bundle, nosys, name):
    """It works without, or it says which call is missing; and it leaves nothing."""
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    footprint = Footprint(runtime, bundle.id, bundle.dir)
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=[str(nosys), name])
    assert result.code == 0 or result.code == 1 and f"{name}: " in result.err and "ENOSYS" in result.err, result
    footprint.assert_clean()


def test_recursive_attributes_without_mount_setattr(runtime, bundle, nosys):
    """There is no other way to do this: refused, not half done."""
    bundle.mount("/b", "bind", "/dev", ["rbind", "rro"])
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id, prefix=[str(nosys), "mount_setattr"])
    assert result.code == 1 and "/mounts/7" in result.err and "rro" in result.err, result


@pytest.mark.newer_kernel
@pytest.mark.parametrize("level", [1, 2])
def test_memfds_that_may_not_be_executed(runtime, bundle, level):
    """vm.memfd_noexec belongs to the pid namespace: 2 forbids executable memfds altogether."""
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    command = runtime.command("run", "--bundle", bundle.dir, bundle.id)
    script = f'mount -t proc proc /proc && echo {level} >/proc/sys/vm/memfd_noexec && test "$(cat /proc/sys/vm/memfd_noexec)" = {level} || exit 77; exec "$@"'
    result = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount", "/bin/sh", "-c",
         # The shell stays the first process, so that the runtime is an ordinary one.
         script.replace('exec "$@"', '"$@"; exit $?'), "sh", *command],
        stdin=subprocess.DEVNULL, capture_output=True, env=ENVIRONMENT, timeout=60)
    if result.returncode == 77:
        pytest.skip("vm.memfd_noexec cannot be set in a new pid namespace here")
    assert result.returncode == 0, result.stderr.decode()
    seen = json.loads(result.stdout)
    assert seen["exe"]["1"] == "/probe" and not [n for n in seen["fds"] if int(n) > 2]


def test_without_the_capability_to_raise_limits(runtime, bundle):
    """An unprivileged caller of the runtime is another matter; root without SYS_RESOURCE is common."""
    bundle.process["args"] = ["/probe", "--brief"]
    bundle.write()
    result = runtime("run", "--bundle", bundle.dir, bundle.id,
                     prefix=["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"])
    assert result.code == 0, result
