"""Images that are there: status by every kind of name, lists, removal, the file system's usage, collection."""

import pytest
from harness import images
from harness.client import refused
from harness.pods import until


def spec(image):
    return {"image": {"image": image}}


def test_the_status_of_an_image(rig):
    reference = rig.need("user-uid:latest")
    source = images.suite()["user-uid:latest"]
    image = rig.image(reference)
    assert image.id == source.id
    assert list(image.repo_tags) == [reference]
    assert list(image.repo_digests) == [f"open.test/user-uid@{source.digest}"]
    assert image.size > 0
    assert image.uid.value == 1002 and image.username == ""


@pytest.mark.parametrize("name, uid, username", [
    ("user-name:latest", None, "www-data"), ("user-uid-group:latest", 1003, ""), ("user-name-gid:latest", None, "www-data"),
    ("busybox:latest", None, "")])
def test_the_images_user(rig, name, uid, username):
    image = rig.image(rig.need(name))
    assert image.username == username
    assert (image.uid.value if image.HasField("uid") else None) == uid


def test_every_name_of_an_image(rig):
    reference = rig.need("user-uid:latest")
    image = rig.image(reference)
    for name in (reference, image.id, image.id.removeprefix("sha256:"), image.id.removeprefix("sha256:")[:12],
                 image.repo_digests[0], "open.test/user-uid"):
        found = rig.image(name)
        assert found and found.id == image.id, name
    for name in ("open.test/user-uid:other", "open.test/no-such", "f" * 64, f"open.test/user-uid@sha256:{'0' * 64}"):
        assert rig.image(name) is None, name


@pytest.mark.only_ours("it knows an image by its digest from another repository")
def test_a_digest_is_of_its_repository(rig):
    rig.need("user-uid:latest")
    digest = images.suite()["user-uid:latest"].digest
    assert rig.image(f"open.test/another@{digest}") is None


def test_verbose_status_has_the_configuration(rig):
    answer = rig.client.ImageStatus(**spec(rig.need("configured:latest")), verbose=True)
    assert "FROM_IMAGE=image" in answer.info["info"]


@pytest.mark.only_ours("it has no filter")
def test_the_list_and_its_filter(rig):
    one, two = rig.need("user-uid:latest"), rig.need("user-name:latest")
    listed = {tag: image for image in rig.images() for tag in image.repo_tags}
    assert {one, two} <= set(listed)
    found = rig.client.ListImages(filter={"image": {"image": one}}).images
    assert [image.id for image in found] == [listed[one].id]
    assert not rig.client.ListImages(filter={"image": {"image": "open.test/no-such"}}).images


@pytest.mark.only_ours("it has no streams of lists")
def test_a_stream_has_what_a_list_has(rig):
    rig.need("user-uid:latest")
    rig.need("user-name:latest")
    streamed = sorted(image.id for part in rig.client.StreamImages() for image in part.images)
    assert streamed == sorted(image.id for image in rig.images())


def test_names_of_one_image(rig):
    for tag in "abc":
        rig.pull(f"open.test/tags:{tag}")
    image = rig.image("open.test/tags:a")
    assert sorted(image.repo_tags) == [f"open.test/tags:{tag}" for tag in "abc"]
    assert sum(other.id == image.id for other in rig.images()) == 1


def test_remove_by_one_name_removes_them_all(rig):
    for tag in "abc":
        rig.pull(f"open.test/tags:{tag}")
    rig.remove_image("open.test/tags:b")
    assert not any(rig.image(f"open.test/tags:{tag}") for tag in "abc")


def test_remove_is_idempotent(rig):
    reference = rig.need("tags:a")
    rig.remove_image(reference)
    rig.remove_image(reference)
    rig.remove_image("open.test/never-there:1")


def test_remove_by_id_and_by_digest(rig):
    for name in ("id", "repo_digests"):
        rig.pull("open.test/tags:a")
        image = rig.image("open.test/tags:a")
        rig.remove_image(image.id if name == "id" else image.repo_digests[0])
        assert rig.image("open.test/tags:a") is None


def test_a_container_outlives_the_removal_of_its_image(rig):
    rig.pull("open.test/tags:a")
    container = rig.pod().start("sleep", "1000", image="open.test/tags:a")
    rig.remove_image("open.test/tags:a")
    assert container.exec("cat", "/marker") == "tags"
    assert container.status.image.image


def test_what_a_removed_image_took_is_given_back(rig):
    before = rig.used()
    reference = rig.registries.push("large:latest", images.busybox(images.incompressible(8 << 20, seed=1)))
    rig.pull(reference)
    assert rig.used() > before + (7 << 20)
    rig.remove_image(reference)
    until(lambda: rig.used() < before + (1 << 20), "its layers to be removed")


def test_layers_stay_as_long_as_one_image_needs_them(rig):
    common = images.incompressible(2 << 20, seed=2)
    one = rig.registries.push("one:latest", images.busybox(common))
    two = rig.registries.push("two:latest", images.busybox(common, images.Layer([images.entry("two", b"2")])))
    rig.pull(one)
    rig.pull(two)
    rig.remove_image(one)
    assert rig.pod().result("ls /two; stat -c %s /filling-2", image=two).split() == ["/two", str(2 << 20)]
    rig.remove_image(two)


@pytest.mark.only_ours("it takes any handler, and reports neither handlers nor annotations")
def test_an_images_handlers(rig):
    image = images.busybox(images.Layer([images.entry("handlers", b"1")]))
    image.document["annotations"] = {"org.opencontainers.image.version": "7"}
    image.manifest = images.encode(image.document)
    reference = rig.registries.push("handlers:latest", image)
    handler = rig.daemon.handlers[-1]
    for call in (rig.client.PullImage, rig.client.ImageStatus):
        with refused("INVALID_ARGUMENT", says=("/image/runtime_handler", "never-heard-of", handler)):
            call(image={"image": reference, "runtime_handler": "never-heard-of"})
    with refused("INVALID_ARGUMENT", says="/filter/image/runtime_handler"):
        rig.client.ListImages(filter={"image": {"runtime_handler": "never-heard-of"}})
    # As kubelet asks, with RuntimeClassInImageCriApi.
    wanted = {"image": reference, "user_specified_image": "handlers", "runtime_handler": handler,
              "annotations": {"a": "b"}}
    rig.client.PullImage(image=wanted, sandbox_config={"metadata": {"name": "p", "uid": "u", "namespace": "n"}})
    found = rig.client.ImageStatus(image=wanted).image
    assert (found.id, found.spec.runtime_handler, found.spec.user_specified_image) == (image.id, handler, "handlers")
    assert dict(found.spec.annotations) == {"org.opencontainers.image.version": "7"}
    assert rig.image(reference).spec.runtime_handler == ""

    def listed(**filter):
        answer = rig.client.ListImages(filter={"image": filter}).images
        return sorted(one.spec.runtime_handler for one in answer if one.id == image.id)

    assert listed() == ["", handler] and listed(runtime_handler=handler) == [handler]
    rig.client.RemoveImage(image={"image": image.id})
    assert listed() == [handler]
    rig.client.RemoveImage(image={"image": image.id, "runtime_handler": handler})
    assert listed() == [] and rig.image(reference) is None


def test_the_file_systems_usage(rig):
    rig.need("busybox:latest")
    # containerd looks every ten seconds.
    until(lambda: rig.client.ImageFsInfo().image_filesystems[0].used_bytes.value > 500_000, "the usage", 25)
    usage = rig.client.ImageFsInfo().image_filesystems[0]
    assert usage.inodes_used.value > 100
    assert usage.timestamp > 0
    assert str(rig.daemon.root).startswith(usage.fs_id.mountpoint) or usage.fs_id.mountpoint.startswith(str(rig.daemon.root))


@pytest.mark.only_ours("it does not tell of containers")
def test_the_usage_grows_with_containers(rig):
    pod = rig.pod()
    before = rig.client.ImageFsInfo().container_filesystems[0].used_bytes.value
    container = pod.shell("dd if=/dev/zero of=/big bs=1M count=4 2>/dev/null; sleep 1000")
    until(lambda: rig.client.ImageFsInfo().container_filesystems[0].used_bytes.value >= before + (4 << 20), "growth")
    container.remove()
    until(lambda: rig.client.ImageFsInfo().container_filesystems[0].used_bytes.value < before + (1 << 20), "the end of it")


@pytest.mark.parametrize("name", ["", "open.test/UPPER/case", "open.test/x:bad tag", "open.test/x@sha256:short", "-"])
@pytest.mark.only_ours("it has other words and codes")
def test_names_that_are_none(rig, name):
    with refused("INVALID_ARGUMENT", says="image"):
        rig.pull(name)
    with refused("INVALID_ARGUMENT", says="image"):
        rig.client.ImageStatus(**spec(name))


def test_what_is_there_is_there_after_a_kill(rig):
    reference = rig.need("tags:a")
    before = {image.id: list(image.repo_tags) for image in rig.images()}
    rig.restart()
    assert {image.id: list(image.repo_tags) for image in rig.images()} == before
    assert rig.pod().result("cat /marker", image=reference).strip() == "tags"
