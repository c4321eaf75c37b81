"""Pulling: by tag and digest, platforms, kinds of manifests, credentials, mirrors, and what is fetched how often."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import images
from harness.client import refused
from harness.fake_registry import answer, slow, stall
from harness.registry import PASSWORD, TOKEN, USER, TokenServer, host, hosts, quoted


def sample(rig, name, seed=0, size=1000):
    """An image that no other test has."""
    return images.busybox(images.incompressible(size, seed=f"{name}{seed}"))


def test_by_tag_and_by_digest(rig):
    source = images.suite()["user-uid:latest"]
    by_tag = rig.pull("open.test/user-uid:latest")
    assert rig.pull(f"open.test/user-uid@{source.digest}") == by_tag
    assert by_tag in (source.id, f"open.test/user-uid@{source.digest}")
    assert rig.image(by_tag).id == source.id
    assert f"open.test/user-uid@{source.digest}" in rig.image(by_tag).repo_digests


def test_by_digest_alone_there_is_no_tag(rig, fake):
    image = sample(rig, "digest")
    fake.add("x:latest", image)
    rig.pull(f"{fake.name}/x@{image.digest}")
    found = rig.image(f"{fake.name}/x@{image.digest}")
    assert not found.repo_tags and list(found.repo_digests) == [f"{fake.name}/x@{image.digest}"]


@pytest.mark.only_ours("it pulls by the digest and keeps the tag, too")
def test_tag_and_digest_at_once(rig, fake):
    image = sample(rig, "both")
    fake.add("x:1", image)
    rig.pull(f"{fake.name}/x:1@{image.digest}")
    assert rig.image(f"{fake.name}/x@{image.digest}").id == image.id


@pytest.mark.parametrize("name", ["index:latest", "index:docker"])
def test_the_platform_of_this_machine_is_chosen(rig, name):
    reference = rig.need(name)
    index = images.suite()[name]
    assert rig.image(reference).id == index.members[-1].id
    assert f"open.test/index@{index.digest}" in rig.image(reference).repo_digests
    assert rig.pod().result("cat /marker", image=name).strip() == "for amd64"


def test_no_such_platform(rig):
    with refused("NOT_FOUND", "FAILED_PRECONDITION", "UNKNOWN", "INVALID_ARGUMENT", says=("amd64", "s390x")):
        rig.pull("open.test/index:foreign")
    assert rig.image("open.test/index:foreign") is None


def test_what_is_not_there(rig):
    with refused("NOT_FOUND", says="open.test/no-such"):
        rig.pull("open.test/no-such:1")
    with refused("NOT_FOUND", says="no-tag"):
        rig.pull("open.test/busybox:no-tag")


def test_a_moved_tag(rig, fake):
    old, new = sample(rig, "old"), sample(rig, "new")
    reference = fake.add("moving:latest", old)
    rig.pull(reference)
    fake.add("moving:latest", new)
    rig.pull(reference)
    assert rig.image(reference).id == new.id
    kept = rig.image(f"{fake.name}/moving@{old.digest}")
    assert kept is None or not kept.repo_tags


def test_what_is_there_is_not_fetched_again(rig, fake):
    reference = fake.add("again:latest", sample(rig, "again"))
    rig.pull(reference)
    blobs = fake.count("/blobs/")
    rig.pull(reference)
    assert fake.count("/blobs/") == blobs


def test_a_layer_is_fetched_once_by_many_pulls_at_once(rig, fake):
    layer = images.incompressible(300_000, seed="shared")
    references = [fake.add(f"many-{n}:latest", images.busybox(layer, images.Layer([images.entry(f"n{n}", b"")])))
                  for n in range(4)]
    fake.on(layer.digest, slow(600_000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rig.pull, references * 2))
    assert fake.count(layer.digest) == 1
    assert all(rig.image(reference) for reference in references)


def test_layers_are_fetched_side_by_side(rig, fake):
    layers = [images.incompressible(1000, seed=f"side{n}") for n in range(3)]
    reference = fake.add("side:latest", images.busybox(*layers))
    for layer in layers:
        fake.on(layer.digest, stall(1))
    begun = time.monotonic()
    rig.pull(reference)
    assert time.monotonic() - begun < 2.5


@pytest.mark.only_ours("it keeps the blobs")
def test_blobs_are_not_kept_once_unpacked(rig, fake):
    rig.pull(fake.add("x:latest", sample(rig, "kept", size=500_000)))
    assert not rig.daemon.entries("root/blobs/*", "root/ingest/*")


# ---- credentials ----

def basic(text):
    return base64.b64encode(text.encode()).decode()


CREDENTIALS = [{"username": USER, "password": PASSWORD}, {"auth": basic(f"{USER}:{PASSWORD}")}]


@pytest.mark.parametrize("auth", CREDENTIALS)
@pytest.mark.parametrize("registry", ["basic.test", "token.test"])
def test_passwords(rig, registry, auth):
    reference = f"{registry}/user-uid:latest"
    rig.pull(reference, auth=auth)
    assert rig.image(reference)
    rig.remove_image(reference)


@pytest.mark.only_ours("it compares with the address in hosts.toml")
@pytest.mark.parametrize("address", ["basic.test", "https://basic.test", "https://basic.test/v2/"])
def test_the_address_of_a_password(rig, address):
    rig.pull("basic.test/user-uid:latest", auth={**CREDENTIALS[0], "server_address": address})
    rig.remove_image("basic.test/user-uid:latest")


@pytest.mark.parametrize("registry", ["basic.test", "token.test"])
@pytest.mark.parametrize("auth", [None, {"username": USER, "password": "wrong"}, {"username": "nobody", "password": "x"}])
def test_wrong_passwords(rig, registry, auth):
    more = {"auth": auth} if auth else {}
    with refused("PERMISSION_DENIED", "UNAUTHENTICATED", "UNKNOWN", "NOT_FOUND", says=registry) as caught:
        rig.pull(f"{registry}/busybox:docker", **more)
    assert "wrong" not in caught.value.details()


def test_an_identity_token(rig):
    reference = "token.test/user-uid:latest"
    rig.pull(reference, auth={"identity_token": TokenServer.IDENTITY})
    assert any(method == "POST" and asked.get("grant_type") == ["refresh_token"]
               for method, asked in rig.registries.tokens.requests)
    rig.remove_image(reference)


@pytest.mark.only_ours("it sends the token as another's answer")
def test_a_registry_token(rig):
    token = rig.registries.tokens.token(["repository:user-uid:pull"])
    rig.pull("token.test/user-uid:latest", auth={"registry_token": token})
    rig.remove_image("token.test/user-uid:latest")


def test_a_token_without_a_password(rig):
    rig.registries.push("public/x:latest", sample(rig, "public"))
    rig.pull("token.test/public/x:latest")
    assert rig.image("token.test/public/x:latest")


@pytest.mark.only_ours("it takes the address for a hint")
def test_credentials_for_another_registry_are_not_sent(rig, fake):
    reference = fake.add("x:latest", sample(rig, "elsewhere"))
    fake.on("/v2/", answer(401, WWW_Authenticate='Basic realm="x"'), times=1)
    try:
        rig.pull(reference, auth={"username": USER, "password": PASSWORD, "server_address": "https://elsewhere.test"})
    except Exception:
        pass
    assert not [headers for *_, headers in fake.requests if "Authorization" in headers]


def test_secrets_are_in_no_log(rig):
    rig.pull("basic.test/user-uid:latest", auth=CREDENTIALS[0])
    with refused("PERMISSION_DENIED", "UNAUTHENTICATED", "UNKNOWN", "NOT_FOUND"):
        rig.pull("basic.test/busybox:docker", auth={"username": USER, "password": "the secret of it"})
    log = rig.daemon.log.read_text(errors="replace")
    for secret in (PASSWORD, basic(f"{USER}:{PASSWORD}"), "the secret of it", TokenServer.IDENTITY):
        assert secret not in log
    rig.remove_image("basic.test/user-uid:latest")


# ---- hosts ----

def test_an_unknown_authority_is_refused(rig):
    with refused("UNAVAILABLE", "UNKNOWN", "FAILED_PRECONDITION", "PERMISSION_DENIED", says="certificate"):
        rig.pull("unknown-ca.test/busybox:latest", auth=CREDENTIALS[0])


def test_skip_verify(rig):
    url = f"https://127.0.0.1:{TOKEN}"
    hosts(rig.daemon.hosts, "unverified.test", f'server = "{url}"\n{host(url, "skip_verify = true")}')
    rig.pull("unverified.test/user-uid:latest", auth=CREDENTIALS[0])
    rig.remove_image("unverified.test/user-uid:latest")


def test_mirrors_in_their_order(rig, fake):
    """The first has not got it, the second is not there, the third has."""
    empty = rig.fake()
    dead = "http://127.0.0.1:9"
    reference = "mirrored.test/sub/x:latest"
    fake.add("sub/x:latest", sample(rig, "mirrored"))
    hosts(rig.daemon.hosts, "mirrored.test", "\n".join(
        [f"server = {quoted(dead)}", host(empty.url), host(dead), host(fake.url)]))
    rig.pull(reference)
    assert empty.count("/manifests/latest", "HEAD") + empty.count("/manifests/latest") >= 1
    assert rig.image(reference).repo_tags == [reference]
    rig.remove_image(reference)


def test_a_mirror_that_only_pulls_does_not_resolve(rig, fake):
    mirror = rig.fake()
    image = sample(rig, "resolve")
    fake.add("x:latest", image)
    mirror.add("x:latest", sample(rig, "another"))
    mirror.add("x:copy", image)
    hosts(rig.daemon.hosts, "partly.test", "\n".join(
        [f"server = {quoted(fake.url)}", host(mirror.url, capabilities='["pull"]'), host(fake.url)]))
    rig.pull("partly.test/x:latest")
    assert rig.image("partly.test/x:latest").id == image.id
    assert mirror.count("/blobs/") > 0
    rig.remove_image("partly.test/x:latest")


def test_headers_and_a_path_of_ones_own(rig, fake):
    fake.add("x:latest", sample(rig, "headers"))
    fake.manifests.update({(f"cache/{name}", key): value for (name, key), value in list(fake.manifests.items())})
    hosts(rig.daemon.hosts, "header.test", f'[host."{fake.url}/v2/cache"]\n  override_path = true\n'
          f'  capabilities = ["pull", "resolve"]\n  [host."{fake.url}/v2/cache".header]\n    x-asked-by = ["tests"]\n')
    rig.pull("header.test/x:latest")
    assert all(headers.get("x-asked-by") == "tests" for *_, headers in fake.requests)
    assert all("/v2/cache/x/" in path for _, path, _ in fake.requests)
    rig.remove_image("header.test/x:latest")
