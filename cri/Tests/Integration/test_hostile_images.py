"""Hostile images are refused, and leave nothing: neither outside of their directory nor in it."""

from pathlib import Path

import pytest
from harness import hostile, images
from harness.client import refused
from harness.pods import until

ANY = ("UNKNOWN", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "DATA_LOSS", "INTERNAL", "OUT_OF_RANGE",
       "RESOURCE_EXHAUSTED")


@pytest.fixture
def victim(rig):
    """A directory of the host with a secret in it; afterwards it is as it was."""
    path = rig.directory / "victim"
    path.mkdir(exist_ok=True)
    (path / "secret").write_text("secret")
    (path / "secret").chmod(0o600)
    host_name = rig.place.path("/etc/hostname").read_text()
    yield path
    assert sorted(found.name for found in path.iterdir()) == ["secret"]
    assert (path / "secret").read_text() == "secret"
    assert (path / "secret").stat().st_mode & 0o777 == 0o600 and (path / "secret").stat().st_nlink == 1
    assert rig.place.path("/etc/hostname").read_text() == host_name
    for file in hostile.outside(rig):
        assert not file.exists(), file


@pytest.fixture
def unchanged(rig):
    """The daemon's files take no more room than before."""
    rig.need("busybox:latest")
    before = rig.used()
    yield
    if rig.daemon.name == "apus-cri":
        until(lambda: rig.used() < before + 200_000, "what the image left to be removed", 10)


@pytest.mark.parametrize("name", sorted(hostile.escapes(Path("/x"))))
def test_escapes(rig, fake, victim, unchanged, name):
    layers = [images.Layer(entries) for entries in hostile.escapes(victim)[name]]
    reference = fake.add("hostile:latest", images.busybox(*layers))
    try:
        rig.pull(reference)
    except Exception as error:
        assert error.code().name in ANY, error
        assert rig.image(reference) is None
        return
    # Taken: then what it made is within its own root.
    assert rig.daemon.name == "containerd" or name not in hostile.REFUSED, "should have been refused"
    rig.pod().result("true", image=reference)
    rig.remove_image(reference)


@pytest.mark.parametrize("name", sorted(hostile.malformed()))
def test_layers_that_are_none(rig, fake, victim, unchanged, name):
    if rig.daemon.name == "containerd" and name in ("empty-name", "no-archive", "pax-of-gigabytes"):
        pytest.skip("containerd 1.6 takes it")
    layer = images.Layer([], tar=hostile.malformed()[name])
    reference = fake.add("malformed:latest", images.busybox(layer))
    with refused(*ANY, says=layer.digest[:19]):
        rig.pull(reference, timeout=30)
    assert rig.image(reference) is None


LIMITS = {"entries": 50_000, "layer": "512MiB", "depth": 100, "ratio_floor": "64MiB"}


@pytest.mark.slow
@pytest.mark.only_ours("it has no limits")
def test_bombs(make_rig):
    """Small on the wire, large on disk, each with another of the limits; some time later nothing of them is left."""
    rig = make_rig(images_limits=LIMITS)
    fake = rig.fake()
    rig.need("busybox:latest")
    before = rig.used()
    for name, make in hostile.bombs().items():
        reference = fake.add(f"{name}:latest", images.busybox(make()))
        with refused(*ANY, says="limit"):
            rig.pull(reference, timeout=60)
        assert rig.image(reference) is None, name
        until(lambda: rig.used() < before + 200_000, f"what {name} left to be removed", 20)


def test_a_diff_id_that_is_not_the_layers(rig, fake, unchanged):
    layer = images.Layer([images.entry("x", b"1")])
    layer.diff_id = "sha256:" + "1" * 64
    reference = fake.add("wrong:latest", images.busybox(layer))
    with refused(*ANY, says="1" * 12):
        rig.pull(reference)
    assert rig.image(reference) is None


MANIFEST = f"{images.OCI}manifest.v1+json"


def manifests(good):
    """Documents that are no manifests of a runnable image."""
    config, layers = good["config"], good["layers"]
    return {
        "no-json": b"{",
        "empty": {},
        "version-1": {"schemaVersion": 1, "name": "x", "tag": "latest", "fsLayers": []},
        "no-configuration": {key: value for key, value in good.items() if key != "config"},
        "digest-of-another-kind": {**good, "config": {**config, "digest": "md5:d41d8cd98f00b204e9800998ecf8427e"}},
        "digest-that-is-a-path": {**good, "layers": [{**layers[0], "digest": "sha256:../../../../etc/passwd"}]},
        "size-that-is-wrong": {**good, "layers": [{**layer, "size": layer["size"] + 1} for layer in layers]},
        "negative-size": {**good, "layers": [{**layer, "size": -1} for layer in layers]},
        "too-few-layers": {**good, "layers": layers[:1]},
        "too-many-layers": {**good, "layers": layers + layers},
        "layers-of-an-unknown-kind": {**good, "layers": [{**layer, "mediaType": "text/plain"} for layer in layers]},
    }


@pytest.mark.parametrize("name", sorted(manifests({"config": {}, "layers": [{"size": 0}]})))
@pytest.mark.only_ours("some of these it takes, or calls otherwise")
def test_manifests_that_are_none(rig, fake, unchanged, name):
    good = images.busybox(images.Layer([images.entry("x", b"1")]))
    fake.add("good:latest", good)
    reference = fake.add_manifest("bad:latest", manifests(good.document)[name])
    with refused(*ANY, "NOT_FOUND", "UNIMPLEMENTED", says="bad"):
        rig.pull(reference)
    assert rig.image(reference) is None


@pytest.mark.only_ours("it reads on")
@pytest.mark.parametrize("what", ["manifest", "index"])
def test_documents_without_end(rig, fake, unchanged, what):
    """Sixty megabytes of white space before the end of the document."""
    kind = MANIFEST if what == "manifest" else f"{images.OCI}index.v1+json"
    reference = fake.add_manifest("long:latest", b'{"schemaVersion":2,' + b" " * (60 << 20) + b'"layers":[]}', kind)
    with refused(*ANY, says="limit"):
        rig.pull(reference)


@pytest.mark.only_ours("it goes round and round")
def test_an_index_within_an_index(rig, fake, unchanged):
    """Nested deeper than anybody needs."""
    inner = images.Index([(images.busybox(), {"architecture": "amd64"})])
    fake.stored.update(inner.blobs())
    for _ in range(20):
        fake.manifests["nested", inner.digest] = inner
        for member in inner.members:
            fake.manifests["nested", member.digest] = member
        inner = images.Index([(inner, {"architecture": "amd64"})])
    reference = fake.add("nested:latest", inner)
    with refused(*ANY, "NOT_FOUND"):
        rig.pull(reference)
    assert fake.count("/manifests/") < 15
