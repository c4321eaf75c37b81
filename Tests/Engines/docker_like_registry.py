"""Podman and Docker: Debian's programs in an image that is pulled from a registry, and images that are pushed there."""

from docker_like import DockerLike
from entries import Entries
from image import NAME

docker_like = Entries("podman", "docker")


def pulled(e, reference):
    """The image, pulled if it is not there."""
    if e.do("image", "inspect", reference).status:
        result = e.pull(reference)
        assert result.status == 0, result
    return reference


def debian(e):
    return pulled(e, e.registry.debian)


def push_and_pull(e, made):
    """What is there afterwards comes from the registry."""
    result = e.push(made)
    assert result.status == 0, result
    e.done("rmi", made)
    result = e.pull(made)
    assert result.status == 0, result


@docker_like("pull by tag, and Debian's bash, perl, dpkg and apt-get")
def tag(e: DockerLike):
    e.do("rmi", e.registry.debian)
    of = debian(e)
    script = r"""set -o pipefail; words=(one "two words"); printf '<%s>' "${words[@]}" && echo
                 perl -e 'print join(",", map { $_ ** 2 } 1..3), "\n"'
                 dpkg -l | grep -c '^ii  \(bash\|apt\|coreutils\) ' && apt-get --version | grep -o '^apt [0-9]'"""
    assert e.shown("bash", "-c", script, of=of) == "<one><two words>\n1,4,9\n3\napt 2"
    # Every file is as its package has it.
    assert e.shown("sh", "-c", "dpkg --verify | grep -v /usr/share/ || echo unchanged", of=of) == "unchanged"


@docker_like("pull by digest, and run by it")
def digest(e: DockerLike):
    of = e.registry.digest(e.registry.debian)
    e.do("rmi", e.registry.debian)
    assert e.run("true", of=e.registry.debian, options=("--pull", "never")).status == 125
    result = e.pull(of)
    assert result.status == 0, result
    assert of in e.done("image", "inspect", "--format", "{{.RepoDigests}}", of)
    assert e.shown("cat", "/etc/debian_version", of=of).startswith("12.")


@docker_like("pull of a tag that the registry has not: refused, with its name")
def missing_tag(e: DockerLike):
    of = e.registry.debian.replace(":12", ":no-such-tag")
    result = e.pull(of)
    assert result.status != 0 and "no-such-tag" in result.err and "unknown" in result.err, result


@docker_like("the image's command is what runs: bash, on a terminal")
def shell(e: DockerLike):
    words = e.words("run", "--rm", "-it", *e.options(()), debian(e))
    result = e.on_terminal(*words, typed="echo $((6 * 7)) $0; exit 3\n")
    assert result.status == 3 and "42 bash" in result.out.splitlines(), result


@docker_like("--user nobody: bash, perl and dpkg as such")
def nobody(e: DockerLike):
    script = "id -un; perl -e 'print \"$> $(\\n\"'; dpkg-query -W -f '${Package}\\n' bash; touch /etc/mine 2>&1"
    result = e.run("bash", "-c", script, options=("--user", "nobody"), of=debian(e))
    lines = result.out.splitlines()
    assert lines[:3] == ["nobody", "65534 65534 65534", "bash"] and "Permission denied" in lines[3], result


@docker_like("the image's user: nobody, unless --user")
def user_of_image(e: DockerLike):
    of = pulled(e, e.registry.nobody)
    assert e.shown("id", "-un", of=of) == "nobody"
    assert e.shown("id", "-un", options=("--user", "games:users"), of=of) == "games"


@docker_like("a set-uid program makes a user root, unless --security-opt no-new-privileges")
def set_uid(e: DockerLike):
    # That the account is locked says /etc/shadow, which only root and its group may read.
    of, options = debian(e), ("--user", "nobody")
    assert e.shown("passwd", "--status", options=options, of=of).startswith("nobody L ")
    assert e.shown("passwd", "--status", options=(*options, "--security-opt", "no-new-privileges"), of=of) == "nobody P"


@docker_like("a program with file capabilities has them as a user, unless --security-opt no-new-privileges")
def file_capabilities(e: DockerLike):
    # No group may use the sockets that take no capability.
    of, ping = debian(e), ("ping", "-c", "1", "-w", "5", "127.0.0.1")
    options = ("--user", "nobody", "--sysctl", "net.ipv4.ping_group_range=1 0")
    assert "1 received" in e.shown(*ping, options=options, of=of)
    result = e.run(*ping, options=(*options, "--security-opt", "no-new-privileges"), of=of)
    assert result.status != 0 and "not permitted" in result.err, result


@docker_like("build FROM an image of the registry, push, and run what is pulled again")
def push(e: DockerLike):
    path, made = e.directory(), f"{e.registry.address}/apus/{e.unique('built')}:1"
    (path / "Dockerfile").write_text(f"""FROM {debian(e)}
RUN useradd --create-home --uid 4321 maker && perl -e 'print 6 * 7' >/home/maker/answer
USER maker
WORKDIR /home/maker
ENTRYPOINT ["bash", "-c", "id -un; pwd; cat answer; exit 5"]
""")
    result = e.build(path, made, "--network", "none")
    assert result.status == 0, result
    push_and_pull(e, made)
    result = e.run(of=made)
    assert (result.status, result.out) == (5, "maker\n/home/maker\n42"), result


@docker_like("push and pull of busybox, loaded from an archive")
def busybox(e: DockerLike):
    made = f"{e.registry.address}/apus/{e.unique('busybox')}:1"
    e.done("tag", NAME, made)
    push_and_pull(e, made)
    assert e.shown("echo", "hello", of=made) == "hello"
