"""buildah, which runs a container for each RUN of a build, and for `buildah run`."""

import json
import re

import image
import registry
from docker_like import default_ulimits
from engine import Engine
from entries import Entries

entry = Entries("buildah")


class Buildah(Engine):
    name = "buildah"
    programs = {"buildah": "buildah", **registry.PROGRAMS}

    def start(self):
        self.state = self.dir / "state"
        (self.dir / "policy.json").write_text(json.dumps(registry.NO_SIGNATURES))
        (self.dir / "containers.conf").write_text(f"[containers]\ndefault_ulimits = {default_ulimits()}\n")
        got = self.buildah("pull", *self.signatures(), f"docker-archive:{image.write(self.dir / 'image.tar')}")
        assert got.status == 0, got

    def version(self):
        return self.call("buildah", "--version").out.strip()

    def environment(self):
        return super().environment() | {"CONTAINERS_CONF": str(self.dir / "containers.conf")}

    def command(self, *words):
        return ["buildah", "--root", self.dir / "root", "--runroot", self.dir / "runroot", "--storage-driver", "vfs", *words]

    def buildah(self, *words, **named):
        return self.call(*self.command(*words), **named)

    def signatures(self):
        return ["--signature-policy", self.dir / "policy.json"]

    def runs(self):
        """Options of what runs containers: with a state directory in ours, where nothing of it is left."""
        return ["--isolation", "oci", "--runtime", self.runtime.path, "--runtime-flag", f"root={self.state}", "--network", "none"]

    def working(self):
        """A working container, as buildah calls what a build changes; its name."""
        got = self.buildah("from", "--pull-never", *self.signatures(), image.NAME)
        assert got.status == 0, got
        return got.out.strip()

    def run(self, *words, options=(), name=None, **named):
        return self.buildah("run", *self.runs(), *options, name or self.working(), "--", *words, **named)

    def build(self, dockerfile, *options, pull="--pull-never", **named):
        context = self.dir / self.unique("context")
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        (context / "file").write_text("of the context\n")
        return self.buildah("bud", *self.signatures(), pull, *self.runs(), *options, context, **named)

    def clean(self):
        self.buildah("rm", "--all")
        for id in [path.name for path in self.state.iterdir()] if self.state.exists() else []:
            self.call(self.runtime.path, "--root", self.state, "delete", "--force", id)


@entry("run: output of both streams, exit status 0")
def attached(e):
    got = e.run("sh", "-c", "echo to out; echo to err >&2")
    assert got.status == 0 and got.out == "to out\n" and "to err\n" in got.err, got


@entry("run: exit status 7")
def seven(e):
    got = e.run("sh", "-c", "exit 7")
    assert got.status == 7, got


@entry("run: ended by a signal, 128 + 9")
def signalled(e):
    got = e.run("sh", "-c", "sh -c 'kill -9 $$'; exit $?")
    assert got.status == 137, got


@entry("run: standard input")
def standard_input(e):
    got = e.run("cat", input="typed in\n")
    assert (got.status, got.out) == (0, "typed in\n"), got


@entry("run: user")
def user(e):
    got = e.run("id", options=["--user", "guest:staff"])
    assert "uid=1000(guest) gid=50(staff)" in got.out, got


@entry("run: environment, working directory, host name")
def environment(e):
    got = e.run("sh", "-c", "echo $GREETING; pwd; hostname", options=["--env", "GREETING=good day", "--workingdir", "/tmp", "--hostname", "mine"])
    assert got.out == "good day\n/tmp\nmine\n", got


@entry("run: volumes, one of them read-only")
def volume(e):
    source = e.dir / e.unique("source")
    source.mkdir()
    (source / "file").write_text("of the host\n")
    got = e.run("sh", "-c", "cat /rw/file /ro/file; echo new >/rw/new; echo new >/ro/other",
                options=["--volume", f"{source}:/rw", "--volume", f"{source}:/ro:ro"])
    assert got.out == "of the host\n" * 2 and "/ro/other: Read-only file system" in got.err, got
    assert sorted(path.name for path in source.iterdir()) == ["file", "new"]


@entry("run: terminal")
def terminal(e):
    got = e.on_terminal(*e.command("run", *e.runs(), "--terminal", e.working(), "--", "sh", "-c", "tty; read line; echo got $line; exit 4"), typed="words\n")
    assert got.status == 4 and re.search("/dev/(console|pts/0)", got.out) and "got words" in got.out, got


def capabilities(e, *options):
    got = e.run("grep", "CapEff", "/proc/self/status", options=options)
    return int(got.out.split()[1], 16)


@entry("run: capabilities")
def added_and_dropped(e):
    chown, admin = 1 << 0, 1 << 12
    usual = capabilities(e)
    assert usual & chown and not usual & admin, f"{usual:x}"
    assert capabilities(e, "--cap-add", "CAP_NET_ADMIN", "--cap-drop", "CAP_CHOWN") == (usual | admin) & ~chown


@entry("run: the default seccomp profile")
def seccomp(e):
    got = e.run("grep", "-w", "Seccomp:", "/proc/self/status")
    assert got.out.split() == ["Seccomp:", "2"], got


@entry("run: a program that is missing")
def missing_program(e):
    got = e.run("no-such-program")
    assert got.status != 0 and "no-such-program" in got.err, got
    assert re.search("not found|no such file", got.err, re.I), got
    assert not e.state.exists() or not list(e.state.iterdir())


@entry("run, then commit: what was written is in the image")
def commit(e):
    name = e.working()
    assert e.run("sh", "-c", "echo kept >/kept", name=name).status == 0
    got = e.buildah("commit", *e.signatures(), name, "localhost/apus/kept:1")
    assert got.status == 0, got
    again = e.buildah("from", "--pull-never", *e.signatures(), "localhost/apus/kept:1").out.strip()
    assert e.run("cat", "/kept", name=again).out == "kept\n"


@entry("build: several steps, users, directories, arguments")
def build(e):
    got = e.build(f"""FROM {image.NAME}
ARG WORD=none
ENV NAME=value
RUN echo $WORD $NAME >/first
WORKDIR /made/here
COPY file copied
RUN pwd >/second && cat copied >>/second && chown 1000 copied
USER guest
RUN id -u >/tmp/third && ls -n copied | awk '{{print $3}}' >>/tmp/third
CMD ["cat", "/first"]
""", "--build-arg", "WORD=given", "--tag", "localhost/apus/built:1")
    assert got.status == 0, got
    name = e.buildah("from", "--pull-never", *e.signatures(), "localhost/apus/built:1").out.strip()
    shown = e.run("cat", "/first", "/second", "/tmp/third", name=name)
    assert shown.out == "given value\n/made/here\nof the context\n1000\n1000\n", shown


@entry("build: a step that fails with status 3")
def failing(e):
    got = e.build(f"FROM {image.NAME}\nRUN echo before\nRUN exit 3\nRUN echo after\n")
    assert got.status == 3 and "before" in got.out and "after\n" not in got.out and "exit status 3" in got.err, got


@entry("build: a program that is missing")
def build_missing(e):
    got = e.build(f'FROM {image.NAME}\nRUN ["no-such-program"]\n')
    assert got.status != 0 and "no-such-program" in got.err and re.search("not found|no such file", got.err, re.I), got


@entry("nothing is left of what ran")
def nothing_left(e):
    assert not e.state.exists() or not list(e.state.iterdir())
