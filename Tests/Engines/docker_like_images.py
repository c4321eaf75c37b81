"""Podman and Docker: images that are built, where each RUN is a container."""

from docker_like import DockerLike
from entries import Entries
from image import NAME

docker_like = Entries("podman", "docker")


def context(e, *lines):
    path = e.directory()
    (path / "Dockerfile").write_text("\n".join((f"FROM {NAME}", *lines)) + "\n")
    return path


@docker_like("build: RUN, ENV, WORKDIR, USER, COPY, and a container of the result")
def build(e: DockerLike):
    path = context(e, "ENV A=1", "WORKDIR /srv/app", "COPY given .", "RUN echo $A-$(cat given) >made && id -u >uid",
                   "USER guest", "RUN id -u >/tmp/uid", 'CMD ["sh", "-c", "cat made uid /tmp/uid; id -u; pwd"]')
    (path / "given").write_text("given")
    tag = f"localhost/{e.unique('built')}:1"
    result = e.build(path, tag, "--network", "none")
    assert result.status == 0, result.said
    result = e.do("run", "--rm", *e.options(()), tag)
    assert (result.status, result.out) == (0, "1-given\n0\n1000\n1000\n/srv/app\n"), result


@docker_like("build: a RUN that fails fails the build, with its command and status")
def failing(e: DockerLike):
    result = e.build(context(e, "RUN exit 9"), f"localhost/{e.unique('built')}:1", "--network", "none")
    assert result.status != 0 and "exit 9" in result.said and "9" in result.err, result


@docker_like("build: RUN of a program that is not there names it")
def missing(e: DockerLike):
    result = e.build(context(e, 'RUN ["no-such-program"]'), f"localhost/{e.unique('built')}:1", "--network", "none")
    assert result.status != 0 and "no-such-program" in result.err, result


@docker_like("build --network host: the host's network")
def network(e: DockerLike):
    path = context(e, "RUN readlink /proc/self/ns/net >/net")
    tag = f"localhost/{e.unique('built')}:1"
    result = e.build(path, tag, "--network", "host")
    assert result.status == 0, result.said
    script = "[ $(cat /net) = $(readlink /proc/self/ns/net) ] && echo same"
    result = e.do("run", "--rm", *e.options(("--network", "host")), tag, "sh", "-c", script)
    assert result.out == "same\n", result
