"""Docker's BuildKit, which dockerd has built in: it calls `runc` of dockerd's PATH for each RUN, and takes no other name."""

import json
import os
import signal
import subprocess

import processes
from docker import Docker
from docker_like_registry import push_and_pull
from engine import NotOffered
from entries import Entries
from image import NAME

entry = Entries("docker")


def words(e, dockerfile, *options, network="none", of=NAME):
    """With no bridge there is no network that BuildKit would give by itself."""
    context = e.directory()
    # A variable of its own, so that each step is run; --no-cache would mean other caches for --mount=type=cache, too.
    (context / "Dockerfile").write_text(f"FROM {of}\nENV BUILD={context.name}\n{dockerfile}")
    return e.words("build", "--progress", "plain", "--network", network, *options, context)


def build(e, dockerfile, *options, **named):
    return e.call("env", "DOCKER_BUILDKIT=1", *words(e, dockerfile, *options, **named), timeout=300)


def built(e, dockerfile, *options, tag=None, **named):
    """The tag of an image."""
    tag = tag or f"localhost/{e.unique('built')}:1"
    result = build(e, dockerfile, "--tag", tag, *options, **named)
    assert result.status == 0, result
    return tag


def begun(e, dockerfile):
    """A build that runs."""
    return subprocess.Popen(list(map(str, words(e, dockerfile))), env=e.environment() | {"DOCKER_BUILDKIT": "1"},
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def executor(e):
    """Where BuildKit has its bundles."""
    return e.dir / "data" / "buildkit" / "executor"


def runtimes(e):
    """The processes that run a bundle of BuildKit's: the executable of each."""
    found = []
    for pid in processes.everyone():
        command = processes.read(pid, "cmdline").split("\0")
        if "run" in command and any(word.startswith(f"{executor(e)}/") for word in command):
            found.append(os.path.realpath(f"/proc/{pid}/exe"))
    return found


@entry("BuildKit: a RUN step is run by the runtime that is tested, called as `runc`")
def by_whom(e: Docker):
    process = begun(e, f"RUN sleep {seconds(1)}\n")
    try:
        e.wait_for(lambda: processes.with_words("sleep", seconds(1)), "the step to run")
        assert set(runtimes(e)) == {os.path.realpath(e.runtime.path)}, runtimes(e)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@entry("BuildKit: RUN, ENV, WORKDIR, USER, COPY, and a container of the result")
def steps(e: Docker):
    tag = built(e, """ENV A=1
WORKDIR /srv/app
COPY Dockerfile given
RUN echo $A $(head -n 1 given) >made && id -u >uid
USER guest
RUN id -u >/tmp/uid
CMD ["sh", "-c", "cat made uid /tmp/uid; id -u; pwd"]
""")
    result = e.run(of=tag)
    assert (result.status, result.out) == (0, f"1 FROM {NAME}\n0\n1000\n1000\n/srv/app\n"), result


@entry("BuildKit: what a step prints on both streams is shown")
def output(e: Docker):
    result = build(e, "RUN echo to $((40 + 2)) out; echo to $((50 + 2)) err >&2\n")
    assert result.status == 0 and "to 42 out" in result.said and "to 52 err" in result.said, result


@entry("BuildKit: a step that fails is named with its exit code, and ends the build")
def failing(e: Docker):
    result = build(e, "RUN exit 9\nRUN echo $((40 + 2)) after\n")
    assert result.status == 1 and "[/bin/sh -c exit 9]: exit code: 9" in result.err and "42 after" not in result.said, result


@entry("BuildKit: a program that is missing is named")
def missing(e: Docker):
    result = build(e, 'RUN ["no-such-program"]\n')
    assert result.status == 1, result
    told = [line for line in result.said.splitlines() if "RUN" not in line and "no-such-program" in line]
    assert any("not found" in line for line in told), result


@entry("BuildKit: RUN --mount=type=cache keeps, and the image has it not")
def cache(e: Docker):
    mount = f"RUN --mount=type=cache,target=/cache,id={e.unique('cache')}"
    for number in ("1", "2"):
        tag = built(e, f"{mount} echo line >>/cache/lines && wc -l </cache/lines >/count\n")
        assert e.shown("sh", "-c", "cat /count; ls /cache", of=tag) == number


@entry("BuildKit: RUN --mount=type=tmpfs")
def tmpfs(e: Docker):
    script = "grep ' /fast ' /proc/mounts | cut -d' ' -f3 >/kind && echo gone >/fast/file"
    tag = built(e, f"RUN --mount=type=tmpfs,target=/fast {script}\n")
    assert e.shown("sh", "-c", "cat /kind; ls /fast", of=tag) == "tmpfs"


@entry("BuildKit: RUN --mount=type=secret has owner and mode as given, and the image has it not")
def secret(e: Docker):
    script = "cp /run/secrets/word /told && stat -c '%u %a' /run/secrets/word >>/told"
    file = e.file("whispered\n")
    tag = built(e, f"RUN --mount=type=secret,id=word,uid=1000,mode=0400 {script}\n", "--secret", f"id=word,src={file}")
    assert e.shown("sh", "-c", "cat /told; ls /run/secrets", of=tag) == "whispered\n1000 400"


@entry("BuildKit: RUN --mount=type=bind from the context is read-only, and from another stage")
def bind(e: Docker):
    tag = built(e, f"""
FROM {NAME} AS other
RUN echo of the stage >/made
FROM {NAME}
RUN --mount=type=bind,target=/context --mount=type=bind,from=other,source=/made,target=/stage \\
    head -n 1 /context/Dockerfile >/both && cat /stage >>/both && ! touch /context/new 2>>/both
""")
    lines = e.shown("cat", "/both", of=tag).splitlines()
    assert lines[:2] == [f"FROM {NAME}", "of the stage"] and "Read-only file system" in lines[2], lines


@entry("BuildKit: --network none has lo only, --network host the host's")
def network(e: Docker):
    script = "RUN readlink /proc/self/ns/net >/net; ls /sys/class/net >>/net\n"
    own = os.readlink("/proc/self/ns/net")
    inside, *devices = e.shown("cat", "/net", of=built(e, script)).splitlines()
    assert inside != own and devices == ["lo"], devices
    assert e.shown("cat", "/net", of=built(e, script, network="host")).splitlines()[0] == own


@entry("BuildKit: RUN --network=none has lo only in a build on the host's")
def network_of_step(e: Docker):
    tag = e.unique("built")
    result = build(e, "RUN --network=none ls /sys/class/net >/net\n", "--tag", tag, network="host")
    if "unknown flag: network" in result.err.lower():
        raise NotOffered("this BuildKit's Dockerfile has no RUN --network")
    assert result.status == 0 and e.shown("cat", "/net", of=tag) == "lo", result


@entry("BuildKit: FROM an image of the registry, push, and run what is pulled again")
def registry(e: Docker):
    made = f"{e.registry.address}/apus/{e.unique('built')}:1"
    built(e, """RUN useradd --create-home --uid 4321 maker && perl -e 'print 6 * 7' >/home/maker/answer
USER maker
WORKDIR /home/maker
RUN ping -c 1 -w 5 127.0.0.1 | grep -o '1 received' >received
ENTRYPOINT ["bash", "-c", "id -un; cat received answer; exit 5"]
""", tag=made, of=e.registry.debian)
    push_and_pull(e, made)
    result = e.run(of=made)
    assert (result.status, result.out) == (5, "maker\n1 received\n42"), result


@entry("BuildKit: stages that do not need each other run at the same time")
def parallel(e: Docker):
    # Each waits for the other one.
    shared = f"RUN --mount=type=cache,target=/both,id={e.unique('both')}"
    wait = "i=0; until [ -e /both/{} ]; do [ $((i += 1)) -lt 600 ] || exit 1; sleep 0.1; done"
    tag = built(e, f"""{shared} touch /both/a; {wait.format("b")}; echo a >/a
FROM {NAME}
{shared} touch /both/b; {wait.format("a")}; echo b >/b
FROM {NAME}
COPY --from=0 /a /a
COPY --from=1 /b /b
""")
    assert e.shown("cat", "/a", "/b", of=tag) == "a\nb"


@entry("BuildKit: a build that is cancelled leaves no process, bundle, container or cgroup")
def cancelled(e: Docker):
    one, other = seconds(1), seconds(2)
    process = begun(e, f"RUN sleep {one} & sleep {other}\n")
    e.wait_for(lambda: processes.with_words("sleep", other), "the step to run")
    assert len(left(e)) > 2, left(e)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    e.wait_for(lambda: not any(processes.with_words("sleep", number) for number in (one, other)), "the step to end")
    e.wait_for(lambda: not runtimes(e), "the runtime to end")
    e.wait_for(lambda: not left(e), "what was the step's to go")


def left(e):
    """Bundles, containers and cgroups of steps."""
    # BuildKit says nothing of where the runtime's state is to be.
    containers = json.loads(e.call(e.runtime.path, "list", "--format", "json").out) or []
    cgroups = [path for tree in processes.cgroup_trees() for path in (tree / e.parent.strip("/") / "buildkit").glob("*") if path.is_dir()]
    return [*executor(e).glob("*/config.json"), *(one["id"] for one in containers if str(executor(e)) in one["bundle"]), *cgroups]


def seconds(number):
    """A time that nobody else sleeps."""
    return str(number * 10**8 + os.getpid())
