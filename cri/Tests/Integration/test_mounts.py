"""Mounts: the host's directories and files, propagation, recursive read-only, id-mapped, options, image volumes."""

import os

import pytest
from harness.client import refused
from harness.pods import until


@pytest.fixture
def pod(rig):
    return rig.pod()


@pytest.fixture
def shared(rig):
    """A directory on a shared mount of the place, empty before and after."""
    path = rig.directory / "shared" / "volume"
    rig.place.run("mkdir", "-p", path / "below")
    yield path
    rig.place.run("sh", "-c", f"while umount -l {path}/*/ 2>/dev/null; do :; done; rm -rf {path}")


def mount(source, target="/mnt/volume", **more):
    return {"mounts": [{"host_path": str(source), "container_path": target, **more}]}


def test_a_directory(pod, shared):
    pod.result("echo written >/mnt/volume/file", **mount(shared))
    assert pod.rig.place.path(shared / "file").read_text() == "written\n"


def test_a_file(pod, shared):
    pod.rig.place.path(shared / "file").write_text("of the host\n")
    assert pod.result("cat /etc/one", **mount(shared / "file", "/etc/one")) == "of the host\n"


def test_read_only(pod, shared):
    text = pod.result("touch /mnt/volume/x 2>&1; exit 0", **mount(shared, readonly=True))
    assert "Read-only" in text


def test_a_symbolic_link_is_followed(pod, shared):
    pod.rig.place.path(shared / "below/file").write_text("through\n")
    pod.rig.place.run("ln", "-s", "below", shared / "link")
    assert pod.result("cat /mnt/volume/file", **mount(shared / "link")) == "through\n"


def test_a_source_that_is_not_there_is_made(rig, pod, shared):
    """As kubelet's own tests want it, whatever the interface's comment says."""
    pod.result("echo x >/mnt/volume/file", **mount(shared / "missing/below"))
    assert rig.place.path(shared / "missing/below/file").read_text() == "x\n"


@pytest.mark.only_ours("it makes them all")
def test_missing_sources_that_are_refused(make_rig):
    rig = make_rig(pods={"refused_missing_paths": ["/etc/refused"]})
    with refused("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", says="/etc/refused"):
        rig.pod().container("true", **mount("/etc/refused"))
    assert not rig.place.path("/etc/refused").exists()
    rig.discard_pods()


def test_mounts_over_what_the_pod_gives(pod, shared):
    pod.rig.place.path(shared / "hosts").write_text("127.0.0.1 mine\n")
    assert pod.result("cat /etc/hosts", **mount(shared / "hosts", "/etc/hosts")) == "127.0.0.1 mine\n"


def test_order_and_depth(pod, shared):
    """The deeper one is seen, whichever comes first."""
    pod.rig.place.path(shared / "file").write_text("outer\n")
    pod.rig.place.path(shared / "below/file").write_text("inner\n")
    mounts = {"mounts": [{"host_path": str(shared / "below"), "container_path": "/mnt/volume/below"},
                         {"host_path": str(shared), "container_path": "/mnt/volume"}]}
    assert pod.result("cat /mnt/volume/file /mnt/volume/below/file", **mounts) == "outer\ninner\n"


def test_the_status_lists_mounts(pod, shared):
    container = pod.container("true", **mount(shared, readonly=True, propagation="PROPAGATION_HOST_TO_CONTAINER"))
    listed = {m.container_path: m for m in container.status.mounts}
    assert listed["/mnt/volume"].host_path == str(shared)
    assert listed["/mnt/volume"].readonly and listed["/mnt/volume"].propagation == 1


# ---- propagation ----

PRIVATE, FROM_HOST, BOTH = "PROPAGATION_PRIVATE", "PROPAGATION_HOST_TO_CONTAINER", "PROPAGATION_BIDIRECTIONAL"


@pytest.mark.parametrize("kind, from_host, to_host", [(PRIVATE, False, False), (FROM_HOST, True, False), (BOTH, True, True)])
def test_propagation(rig, shared, kind, from_host, to_host):
    pod = rig.pod(linux={"security_context": {"privileged": True}})
    rig.place.run("mkdir", shared / "mine")
    container = pod.start("sleep", "1000", linux={"security_context": {"privileged": True}},
                          **mount(shared, propagation=kind))
    rig.place.run("mount", "-t", "tmpfs", "late", shared / "below")
    rig.place.path(shared / "below/file").write_text("late")
    assert ("file" in container.exec("ls", "/mnt/volume/below")) == from_host
    container.sh("mount -t tmpfs inner /mnt/volume/mine && touch /mnt/volume/mine/file")
    assert rig.place.path(shared / "mine/file").exists() == to_host
    pod.stop()


@pytest.mark.parametrize("kind", [FROM_HOST, BOTH])
def test_propagation_needs_a_shared_source(rig, kind):
    """The private mount of the rig's own files is no source for either."""
    pod = rig.pod(linux={"security_context": {"privileged": True}})
    (rig.directory / "private").mkdir(exist_ok=True)
    with refused("INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNKNOWN", "INTERNAL", says="propagation"):
        pod.container("true", linux={"security_context": {"privileged": True}},
                      **mount(rig.directory / "private", propagation=kind))


@pytest.mark.only_ours("it knows the field no more than what it means")
def test_recursive_read_only(rig, pod, shared):
    rig.place.run("mount", "-t", "tmpfs", "inner", shared / "below")
    script = "touch /mnt/volume/x 2>/dev/null && echo outer; touch /mnt/volume/below/x 2>/dev/null && echo inner; exit 0"
    assert pod.result(script, **mount(shared, readonly=True)) == "inner\n"
    assert pod.result(script, **mount(shared, readonly=True, recursive_read_only=True)) == ""
    assert pod.result(script, **mount(shared)) == "outer\ninner\n"
    container = pod.container("true", **mount(shared, readonly=True, recursive_read_only=True))
    assert next(m for m in container.status.mounts if m.container_path == "/mnt/volume").recursive_read_only


@pytest.mark.only_ours("it knows the field no more than what it means")
@pytest.mark.parametrize("fields", [{"readonly": False}, {"readonly": True, "propagation": FROM_HOST},
                                    {"readonly": True, "propagation": BOTH}])
def test_recursive_read_only_where_it_cannot_be(pod, shared, fields):
    with refused("INVALID_ARGUMENT", says="recursive_read_only"):
        pod.container("true", **mount(shared, recursive_read_only=True, **fields))


@pytest.mark.only_ours("it knows no options")
def test_mount_options(pod, shared):
    container = pod.start("sleep", "1000", **mount(shared, mount_options=["noexec", "nosuid", "nodev"]))
    line = next(line for line in container.exec("cat", "/proc/mounts").splitlines() if " /mnt/volume " in line)
    assert {"noexec", "nosuid", "nodev"} <= set(line.split()[3].split(","))
    with refused("INVALID_ARGUMENT", says="no-such-option"):
        pod.container("true", **mount(shared, mount_options=["no-such-option"]))


@pytest.mark.only_ours("it has no id-mapped mounts")
def test_id_mapped_mounts(rig, shared):
    mapping = [{"host_id": 200_000, "container_id": 0, "length": 65536}]
    pod = rig.pod(linux={"security_context": {"namespace_options": {
        "userns_options": {"mode": "POD", "uids": mapping, "gids": mapping}}}})
    rig.place.run("sh", "-c", f"touch {shared}/of-root; touch {shared}/of-user; chown 1000:1000 {shared}/of-user")
    text = pod.result("stat -c %u:%g /mnt/volume/of-root /mnt/volume/of-user; touch /mnt/volume/new",
                      **mount(shared, uidMappings=mapping, gidMappings=mapping))
    assert text.split() == ["0:0", "1000:1000"]
    assert os.stat(rig.place.path(shared / "new")).st_uid == 0


# ---- image volumes ----

def volume(rig, sub="", target="/mnt/image", **more):
    return {"mounts": [{"image": {"image": rig.need("volume:latest")}, "container_path": target, "image_sub_path": sub,
                        "readonly": True, **more}]}


@pytest.mark.only_ours("it has no image volumes")
def test_an_image_volume(rig, pod):
    text = pod.result("cat /mnt/image/top /mnt/image/sub/file; touch /mnt/image/x 2>&1; exit 0", **volume(rig))
    assert text.startswith("top\nof the volume\n") and "Read-only" in text


@pytest.mark.only_ours("it has no image volumes")
def test_a_path_in_an_image_volume(rig, pod):
    assert pod.result("cat /mnt/image/file", **volume(rig, "sub")) == "of the volume\n"


@pytest.mark.only_ours("it has no image volumes")
@pytest.mark.parametrize("sub", ["missing", "../..", "/", "sub/../../.."])
def test_paths_that_an_image_volume_does_not_have(rig, pod, sub):
    with refused("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", says="image_sub_path"):
        pod.container("true", **volume(rig, sub))


@pytest.mark.only_ours("it has no image volumes")
def test_image_volumes_that_cannot_be(rig, pod, shared):
    with refused("NOT_FOUND", "INVALID_ARGUMENT", says="never-pulled"):
        pod.container("true", mounts=[{"image": {"image": "open.test/never-pulled:1"}, "container_path": "/mnt/image",
                                       "readonly": True}])
    with refused("INVALID_ARGUMENT", says="host_path"):
        pod.container("true", mounts=[{"image": {"image": rig.need("volume:latest")}, "container_path": "/mnt/image",
                                       "readonly": True, "host_path": str(shared)}])
    with refused("INVALID_ARGUMENT", says="/config/mounts/0/readonly"):
        pod.container("true", **volume(rig, readonly=False))
    assert not rig.containers()


@pytest.mark.only_ours("it has no image volumes")
def test_an_image_in_use_as_a_volume_stays_usable(rig, pod):
    container = pod.start("sleep", "1000", **volume(rig))
    told = next(m for m in container.status.mounts if m.container_path == "/mnt/image")
    assert told.image.image_ref == rig.image("open.test/volume:latest").id
    rig.remove_image("open.test/volume:latest")
    assert container.exec("cat", "/mnt/image/top") == "top\n"
    container.remove()
    until(lambda: not [m for m in rig.place.mounts() if "/mnt/image" in m], "its mount to be gone")
