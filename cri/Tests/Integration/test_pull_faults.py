"""Registries and disks on bad days: a clear error, a retry that works, and nothing left."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import images
from harness.client import refused
from harness.fake_registry import answer, corrupt, cut, padded, slow, stall, truncated
from harness.pods import until

ANY = ("UNKNOWN", "UNAVAILABLE", "INTERNAL", "FAILED_PRECONDITION", "DATA_LOSS", "INVALID_ARGUMENT", "ABORTED",
       "RESOURCE_EXHAUSTED")
SIZE = 400_000


@pytest.fixture
def layer(request):
    return images.incompressible(SIZE, seed=request.node.name)


@pytest.fixture
def reference(fake, layer):
    return fake.add("faulty:latest", images.busybox(layer))


@pytest.fixture
def nothing_left(rig, reference):
    """After a failure there is neither image nor file; then the same pull works."""
    rig.need("busybox:latest")
    before = rig.used()

    def check(fake, retry=True):
        """containerd 1.6 goes on from a corrupt piece for ever: there is no `retry` then."""
        assert rig.image(reference) is None
        if rig.daemon.name == "apus-cri":
            until(lambda: rig.used() < before + 100_000, "the pieces to be removed", 5)
        fake.calm()
        if retry:
            rig.pull(reference)
            assert rig.pod().result(f"ls -l / | grep -c {SIZE}", image=reference) == "1\n"

    return check


# ---- the connection ----

@pytest.mark.only_ours("it begins anew where it should go on")
def test_a_cut_is_resumed_where_it_was(rig, fake, layer, reference):
    fake.on(layer.digest, cut(150_000), times=2)
    rig.pull(reference)
    asked = fake.ranges_asked(layer.digest)
    assert asked and all(int(text.removeprefix("bytes=").rstrip("-")) > 0 for text in asked)
    assert rig.image(reference)


@pytest.mark.only_ours("it gives up")
def test_a_cut_without_ranges_is_begun_again(rig, fake, layer, reference):
    fake.ranges = False
    fake.on(layer.digest, cut(150_000), times=1)
    rig.pull(reference)
    assert fake.count(layer.digest) == 2
    assert rig.image(reference)


@pytest.mark.limit(180)
def test_a_connection_that_is_always_cut(rig, fake, layer, reference, nothing_left):
    fake.on(layer.digest, cut(0))
    with refused(*ANY, says=(layer.digest[:19], fake.name)):
        rig.pull(reference, timeout=120)
    assert fake.count(layer.digest) < 30
    nothing_left(fake)


def test_the_registry_is_killed_in_the_middle(rig, fake, layer, reference, nothing_left):
    fake.on(layer.digest, slow(100_000))
    with ThreadPoolExecutor(1) as pool:
        pull = pool.submit(rig.pull, reference, timeout=90)
        until(lambda: fake.count(layer.digest), "the layer to be asked for")
        for kind in ("/blobs/", "/manifests/"):
            fake.on(kind, answer(503))
        fake.rules[0][1] = cut(0)
        if rig.daemon.name == "containerd":
            pull.exception(60)  # reads the slow one to its end: it is in no hurry
            return
        assert pull.exception(85) is None or rig.image(reference) is None
    if rig.image(reference) is None:
        nothing_left(fake)


def test_the_callers_deadline_is_obeyed(rig, fake, layer, reference, nothing_left):
    fake.on(layer.digest, stall(20, after=1000))
    begun = time.monotonic()
    with refused("DEADLINE_EXCEEDED"):
        rig.pull(reference, timeout=1)
    assert time.monotonic() - begun < 3
    time.sleep(0.2)
    nothing_left(fake, retry=rig.daemon.name == "apus-cri")


def test_one_who_cancels_does_not_stop_another(rig, fake, layer, reference):
    fake.on(layer.digest, slow(200_000))
    first = rig.client.PullImage.later(image={"image": reference})
    until(lambda: fake.count(layer.digest), "the layer to be asked for")
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(rig.pull, reference)
        time.sleep(0.3)
        first.cancel()
        assert second.result(60)
    if rig.daemon.name == "apus-cri":
        assert fake.count(layer.digest) == 1


# ---- answers ----

def test_too_many_requests_is_waited_for(rig, fake, layer, reference):
    fake.on("/manifests/latest", answer(429, Retry_After="1"), times=1, method="HEAD")
    fake.on("/manifests/latest", answer(429, Retry_After="1"), times=1)
    fake.on(layer.digest, answer(429, Retry_After="1"), times=1)
    try:
        rig.pull(reference)
    except Exception as error:
        assert rig.daemon.name == "containerd", error  # which does not wait everywhere
        return
    assert rig.image(reference)


@pytest.mark.only_ours("it takes any of these for not found, or for something else")
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_that_passes(rig, fake, layer, reference, status):
    fake.on(layer.digest, answer(status), times=1)
    rig.pull(reference)
    assert rig.image(reference)


@pytest.mark.limit(180)
def test_a_server_error_that_stays(rig, fake, layer, reference, nothing_left):
    fake.on(layer.digest, answer(500, b"out of order"))
    with refused(*ANY, says=("500", fake.name)):
        rig.pull(reference, timeout=120)
    nothing_left(fake)


def test_a_blob_that_is_missing(rig, fake, layer, reference, nothing_left):
    fake.on(layer.digest, answer(404))
    with refused(*ANY, "NOT_FOUND", says=layer.digest[:19]):
        rig.pull(reference)
    nothing_left(fake)


@pytest.mark.parametrize("fault", [corrupt, truncated, padded])
def test_a_layer_that_is_not_what_it_should_be(rig, fake, layer, reference, nothing_left, fault):
    fake.on(layer.digest, fault)
    with refused(*ANY, says=layer.digest[:19]):
        rig.pull(reference)
    nothing_left(fake, retry=rig.daemon.name == "apus-cri")


@pytest.mark.parametrize("fault", [corrupt, truncated])
def test_a_configuration_that_is_not_what_it_should_be(rig, fake, layer, nothing_left, reference, fault):
    fake.on(f"/blobs/{images.busybox(layer).id}", fault)
    with refused(*ANY):
        rig.pull(reference)
    nothing_left(fake, retry=rig.daemon.name == "apus-cri")


def test_a_manifest_that_has_another_digest(rig, fake, layer):
    image = images.busybox(layer)
    fake.add("x:latest", image)
    fake.on("/manifests/", corrupt)
    with refused(*ANY):
        rig.pull(f"{fake.name}/x@{image.digest}")
    assert rig.image(f"{fake.name}/x@{image.digest}") is None


def test_a_redirect_of_blobs(rig, fake, layer, reference):
    """To another host: what it asks for there must not carry the credentials."""
    other = rig.fake()
    other.stored.update(fake.stored)
    fake.on(layer.digest, answer(307, Location=f"{other.url}/v2/elsewhere/blobs/{layer.digest}"))
    rig.pull(reference, auth={"username": "u", "password": "p"})
    assert other.count(layer.digest) == 1
    assert not [h for *_, h in other.requests if "Authorization" in h]


# ---- disks and deaths ----

def test_the_disk_is_full(make_rig):
    """All files of the daemon on a file system of 12 MB; then room is made, and the pull works."""
    rig = make_rig(registries=False)
    rig.stop()
    rig.place.run("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", rig.daemon.root)
    rig.start()
    fake = rig.fake()
    small = fake.add("small:latest", images.busybox(images.incompressible(1000, seed="small")))
    large = fake.add("large:latest", images.busybox(images.incompressible(16 << 20, seed="large")))
    with refused(*ANY, says="ENOSPC"):
        rig.pull(large)
    assert rig.image(large) is None
    if rig.daemon.name == "apus-cri":
        until(lambda: rig.used() < 2 << 20, "the pieces to be removed")
    else:
        rig.place.run("mount", "-o", "remount,size=64m", rig.daemon.root)
    rig.pull(small)
    assert rig.image(small)
    rig.place.run("mount", "-o", "remount,size=128m", rig.daemon.root)
    rig.pull(large)
    assert rig.image(large)


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
def test_the_daemon_is_killed_in_the_middle(rig, fake, layer, reference, moment, nothing_left):
    fake.on(layer.digest, slow(400_000))
    call = rig.client.PullImage.later(image={"image": reference})
    until(lambda: fake.count("/manifests/", "HEAD") + fake.count("/manifests/"), "a request")
    time.sleep(0.3 * moment)
    rig.restart()
    assert call.exception() is not None or rig.image(reference)
    fake.calm()
    rig.pull(reference)
    assert rig.pod().result(f"ls -l / | grep -c {SIZE}", image=reference) == "1\n"
