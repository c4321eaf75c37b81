"""Podman and Docker: the process of a container, those that exec adds, their terminals, users and directories."""

from docker_like import WAIT, DockerLike
from entries import Entries
from image import NAME

docker_like = Entries("podman", "docker")


@docker_like("run -it: a terminal of the caller's size, which is the console, too")
def terminal(e: DockerLike):
    script = "sleep 1; tty; stty size; test -c /dev/console && echo console"
    result = e.on_terminal(*e.words("run", "--rm", "-it", *e.options(()), NAME, "sh", "-c", script))
    assert result.status == 0 and result.out.splitlines()[-3:] == ["/dev/pts/0", "30 100", "console"], result


@docker_like("run -it: what is typed is read, and the exit status kept")
def typed(e: DockerLike):
    result = e.on_terminal(*e.words("run", "--rm", "-it", *e.options(()), NAME, "sh"), typed="echo $((6*7))\nexit 3\n")
    assert result.status == 3 and "\n42\n" in result.out, result


@docker_like("run -i: input up to its end")
def interactive(e: DockerLike):
    assert e.shown("cat", options=("-i",), input="one\ntwo\n") == "one\ntwo"
    assert e.shown("wc", "-c", options=("-i",), input="x" * 1_000_000) == "1000000"


@docker_like("run: input is empty without -i")
def no_input(e: DockerLike):
    assert e.shown("wc", "-c", input="something") == "0"


@docker_like("exec: output and exit status")
def exec_status(e: DockerLike):
    name = e.detached()
    result = e.exec(name, "sh", "-c", "echo out; echo err >&2; exit 8")
    assert (result.status, result.out, result.err) == (8, "out\n", "err\n"), result
    assert e.exec(name, "sh", "-c", "kill -KILL $$").status == 137
    e.remove(name)


@docker_like("exec -i: input up to its end")
def exec_input(e: DockerLike):
    name = e.detached()
    assert e.exec(name, "cat", options=("-i",), input="one\ntwo\n").out == "one\ntwo\n"
    e.remove(name)


@docker_like("exec -it: a terminal of its own, of the caller's size")
def exec_terminal(e: DockerLike):
    name = e.detached()
    result = e.on_terminal(*e.words("exec", "-it", name, "sh", "-c", "sleep 1; tty; stty size; exit 4"))
    assert result.status == 4 and result.out.splitlines()[-2:] == ["/dev/pts/0", "30 100"], result
    e.remove(name)


@docker_like("exec --user, --env, --workdir, --detach, --privileged")
def exec_options(e: DockerLike):
    name = e.detached(options=("--env", "A=1"))
    assert e.told(name, "id", "-u", options=("--user", "guest")) == "1000"
    assert e.told(name, "id", "-u", options=("--user", "1234:5678")) == "1234"
    assert e.told(name, "sh", "-c", "echo $A $B", options=("--env", "B=2")) == "1 2"
    assert e.told(name, "pwd", options=("--workdir", "/tmp")) == "/tmp"
    e.done("exec", "--detach", name, "touch", "/tmp/detached")
    e.wait_for(lambda: e.exec(name, "test", "-e", "/tmp/detached").status == 0, "the detached process's file")
    plain = e.told(name, "grep", "CapEff", "/proc/self/status")
    assert int(plain.split()[1], 16) == e.default_capabilities, plain
    e.remove(name)


@docker_like("exec: the same namespaces and cgroup as the container")
def exec_namespaces(e: DockerLike):
    name = e.detached()
    for kind in ("mnt", "pid", "net", "ipc", "uts"):
        assert e.told(name, "sh", "-c", f"[ $(readlink /proc/1/ns/{kind}) = $(readlink /proc/self/ns/{kind}) ] && echo same") == "same"
    assert e.told(name, "diff", "/proc/1/cgroup", "/proc/self/cgroup") == ""
    e.remove(name)


@docker_like("exec: refused in a container that has ended")
def exec_ended(e: DockerLike):
    name = e.created("true")
    e.done("start", "--attach", name)
    assert e.exec(name, "true").status != 0
    e.remove(name)


@docker_like("top: the container's processes")
def top(e: DockerLike):
    name = e.detached("sleep", "54321")
    lines = e.done("top", name).splitlines()
    assert len(lines) == 2 and "sleep 54321" in lines[1], lines
    e.remove(name)


@docker_like("--user: by name, by numbers, with groups")
def user(e: DockerLike):
    assert e.shown("id", options=("--user", "guest")).startswith("uid=1000(guest) gid=1000(guest)")
    assert e.shown("sh", "-c", "id -u; id -g", options=("--user", "1234:5678")) == "1234\n5678"
    assert "50(staff)" in e.shown("id", options=("--user", "guest"))
    groups = e.shown("id", "-G", options=("--user", "1234:5678", "--group-add", "50", "--group-add", "77")).split()
    assert sorted(groups) == ["50", "5678", "77"], groups


@docker_like("--workdir: one that is there")
def workdir(e: DockerLike):
    assert e.shown("pwd", options=("--workdir", "/tmp")) == "/tmp"


@docker_like("--workdir: one that is made", "docker")
def new_workdir(e: DockerLike):
    assert e.shown("pwd", options=("--workdir", "/srv/new/one")) == "/srv/new/one"


@docker_like("--env, --hostname, --entrypoint")
def environment(e: DockerLike):
    result = e.shell("echo $A-$B; hostname; echo $HOSTNAME", options=("--env", "A=a b", "--env", "B=", "--hostname", "here"))
    assert result == "a b-\nhere\nhere", result
    assert e.shown("there", options=("--entrypoint", "echo")) == "there"


@docker_like("--init: the init is PID 1, and reaps")
def init(e: DockerLike):
    name = e.detached(*WAIT, options=("--init",))
    assert "init" in e.told(name, "cat", "/proc/1/cmdline").replace("\0", " ").split()[0]
    # An orphan that ends: its parent is the init by then.
    e.told(name, "sh", "-c", "(sleep 0.2 &)")
    e.wait_for(lambda: " Z" not in e.told(name, "ps", "-o", "pid,stat"), "no zombies")
    assert e.run("sh", "-c", "exit 7", options=("--init",)).status == 7
    e.remove(name)


@docker_like("open files of the process: input, output and errors alone")
def descriptors(e: DockerLike):
    assert e.shell("ls /proc/$$/fd; true").split() == ["0", "1", "2"]
