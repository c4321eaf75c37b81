"""Podman and Docker: what fails says why and names the thing, with the engine's exit status."""

from docker_like import DockerLike
from entries import Entries

docker_like = Entries("podman", "docker")


def says(result, *words):
    for word in words:
        assert word.lower() in result.said.lower(), f"no {word!r} in: {result.said}"
    assert len(result.said) < 1500, result.said


@docker_like("127 for a program that is not there, and its name")
def missing(e: DockerLike):
    for program in ("no-such-program", "/bin/no-such-program"):
        result = e.run(program)
        assert result.status == 127, result
        says(result, program)
    says(e.run("no-such-program"), "executable file not found")


@docker_like("126 for what cannot be executed, and its name")
def not_executable(e: DockerLike):
    for path in ("/bin/not-a-program", "/tmp"):
        result = e.run(path)
        assert result.status == 126, result
        says(result, path, "permission denied")


@docker_like("127 from exec of a program that is not there, and its name")
def exec_missing(e: DockerLike):
    name = e.detached()
    result = e.exec(name, "no-such-program")
    # Docker 20 and 26 have 126 for either, 28 has not.
    assert result.status in ((126, 127) if e.list == "docker" else (127,)), result
    says(result, "no-such-program", "executable file not found")
    e.remove(name)


@docker_like("126 from exec of what cannot be executed, and its name")
def exec_not_executable(e: DockerLike):
    name = e.detached()
    result = e.exec(name, "/bin/not-a-program")
    assert result.status == 126, result
    says(result, "/bin/not-a-program", "permission denied")
    e.remove(name)


@docker_like("the source of a bind mount that is not there")
def no_source(e: DockerLike):
    result = e.run("true", options=("--mount", "type=bind,source=/no/such/source,target=/v"))
    assert result.status == 125, result
    says(result, "/no/such/source")


@docker_like("a file mounted over a directory: both are named, and what the kernel said")
def wrong_kind(e: DockerLike):
    result = e.run("true", options=("--volume", f"{e.file('x')}:/tmp"))
    assert result.status in (125, 126, 127), result
    says(result, "/tmp", "not a directory")


@docker_like("a working directory that is a file")
def bad_workdir(e: DockerLike):
    result = e.run("true", options=("--workdir", "/etc/passwd"))
    assert result.status in (125, 126, 127), result
    says(result, "/etc/passwd", "not a directory")


@docker_like("exec with a working directory that is not there")
def exec_bad_workdir(e: DockerLike):
    name = e.detached()
    result = e.exec(name, "true", options=("--workdir", "/no/such/directory"))
    assert result.status in (126, 127), result
    says(result, "/no/such/directory", "no such file or directory")
    e.remove(name)


@docker_like("a user that is not in the image")
def bad_user(e: DockerLike):
    result = e.run("true", options=("--user", "nobody-of-that-name"))
    assert result.status in (125, 126), result
    says(result, "nobody-of-that-name")


@docker_like("a sysctl that is not there")
def bad_sysctl(e: DockerLike):
    result = e.run("true", options=("--sysctl", "net.ipv4.no_such=1"))
    assert result.status in (125, 126, 127), result
    says(result, "no_such", "no such file or directory")


@docker_like("a value that the kernel refuses for a sysctl")
def bad_value(e: DockerLike):
    result = e.run("true", options=("--sysctl", "net.ipv4.ip_default_ttl=12345"))
    assert result.status in (125, 126), result
    says(result, "ip_default_ttl", "invalid argument")


@docker_like("a tmpfs option that the kernel does not know")
def bad_tmpfs(e: DockerLike):
    result = e.run("true", options=("--tmpfs", "/t:size=64k,mode=nonsense"))
    assert result.status in (125, 126), result
    says(result, "/t")


@docker_like("update to processors that are not there: refused, and the container goes on")
def bad_update(e: DockerLike):
    name = e.detached(options=("--memory", "128m"))
    result = e.do("update", "--cpuset-cpus", "4000", name)
    assert result.status != 0, result
    says(result, "cpu")
    assert e.inspect(name, "{{.State.Status}}") == "running"
    e.remove(name)


@docker_like("after a failure nothing is left: the same name can be used again")
def again(e: DockerLike):
    name = e.unique()
    assert e.run("no-such-program", options=("--name", name)).status == 127
    e.wait_for(lambda: not e.done("ps", "--all", "--quiet", "--filter", f"name={name}"), "the container to be gone")
    assert e.shown("echo", "again", options=("--name", name)) == "again"
