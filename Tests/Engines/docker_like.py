"""What Podman's and Docker's command lines have in common, and how an entry speaks with either."""

import re
from pathlib import Path

from engine import Engine
from image import NAME

# A container that does nothing but wait, and dies by SIGTERM although it is PID 1.
WAIT = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
UNLIMITED = 1 << 62
SYS_RESOURCE = 24


class DockerLike(Engine):
    """An engine with `run`, `exec`, `inspect` and so on. Containers have no network but `lo` unless an entry says so."""

    # Given with `run` and `create`.
    common = ()
    # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD,
    # AUDIT_WRITE and SETFCAP, as bits of CapEff: what a container has by default. Podman 5 leaves out NET_RAW, MKNOD and
    # AUDIT_WRITE.
    default_capabilities = 0xa80425fb
    # The highest capability that the engine knows.
    last_capability = 40
    # Beside an entry's own --ulimit, where the engine's default is beyond the caller's limits.
    ulimits = ()

    def words(self, *command):
        """The command line: the program, where its directories and sockets are, and then the command."""
        raise NotImplementedError

    def do(self, *command, input=None, timeout=60):
        return self.call(*self.words(*command), input=input, timeout=timeout)

    def done(self, *command, timeout=60):
        """A command that has to succeed; what it prints, without the last line's end."""
        result = self.do(*command, timeout=timeout)
        assert result.status == 0, f"{' '.join(map(str, command))}: {result.status}: {result.said}"
        return result.out.rstrip("\n")

    def major_version(self, *command):
        """The first number that a command prints."""
        return int(re.search(r"\d+", self.done(*command)).group())

    def options(self, given):
        """All options of a new container: the engine's, and of the entry's."""
        shared = any(str(one).split("=")[0] in ("--network", "--net", "--pod") for one in given)
        return (*self.common, *(() if shared else ("--network", "none")), *given)

    def run(self, *command, options=(), input=None, timeout=60, of=NAME):
        """`run --rm` to its end."""
        return self.do("run", "--rm", *self.options(options), of, *command, input=input, timeout=timeout)

    def shown(self, *command, options=(), input=None, of=NAME):
        """What a container prints that has to end with 0."""
        result = self.run(*command, options=options, input=input, of=of)
        assert result.status == 0, f"{result.status}: {result.said}"
        return result.out.rstrip("\n")

    def shell(self, script, options=(), input=None):
        return self.shown("sh", "-c", script, options=options, input=input)

    def detached(self, *command, options=()):
        """`run --detach`; the name."""
        name = self.unique()
        self.done("run", "--detach", "--name", name, *self.options(options), NAME, *(command or WAIT))
        return name

    def created(self, *command, options=()):
        name = self.unique()
        self.done("create", "--name", name, *self.options(options), NAME, *command)
        return name

    def pull(self, reference):
        """From a registry that speaks no TLS."""
        return self.do("pull", reference, timeout=300)

    def push(self, reference):
        return self.do("push", reference, timeout=300)

    def exec(self, name, *command, options=(), input=None):
        return self.do("exec", *options, name, *command, input=input)

    def told(self, name, *command, options=()):
        """What a command in a container prints that has to end with 0."""
        return self.done("exec", *options, name, *command)

    def inspect(self, name, template):
        return self.done("inspect", "--format", template, name)

    def pid(self, name):
        return int(self.inspect(name, "{{.State.Pid}}"))

    def logs(self, name):
        return self.do("logs", name)

    def wait_state(self, name, state, timeout=30):
        self.wait_for(lambda: self.inspect(name, "{{.State.Status}}") == state, f"{name} to be {state}", timeout)

    def wait_logs(self, name, text, timeout=30):
        self.wait_for(lambda: text in self.logs(name).said, f"{name} to say {text!r}", timeout)

    def ended(self, name):
        """Waits for the end; the exit status."""
        return int(self.done("wait", name))

    def remove(self, *names):
        self.done("rm", "--force", *names)

    def privileged(self):
        """CapEff of a privileged container: what the host offers, and the engine knows."""
        return host_capabilities() & (2 << self.last_capability) - 1

    def file(self, content, name=None):
        """A file of the host's."""
        path = self.dir / (name or self.unique("file"))
        path.write_text(content)
        return path

    def directory(self):
        path = self.dir / self.unique("directory")
        path.mkdir(mode=0o755)
        return path

    def limit(self, name, v1, v2):
        """A file of the container's own cgroup, as the kernel has it now."""
        return self.cgroup_file(self.pid(name), v1, v2).read_text().strip()

    @staticmethod
    def cgroup_file(pid, v1, v2):
        """`v1` is a controller and its file, as `memory/memory.limit_in_bytes`."""
        controller = v1.split("/")[0]
        unified = ""
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return Path(f"/sys/fs/cgroup/{controller}{path}/{v1.split('/', 1)[1]}")
            if number == "0":
                unified = path
        return Path(f"/sys/fs/cgroup{unified}/{v2}")


def host_capabilities(which="CapBnd"):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which + ":"):
            return int(line.split()[1], 16)
    raise AssertionError(which)


def may_raise_limits():
    """With CAP_SYS_RESOURCE, a container's limits may be above the caller's own."""
    return bool(host_capabilities("CapEff") >> SYS_RESOURCE & 1)


def default_ulimits():
    """For containers.conf: Podman's and Buildah's own are above the caller's, which takes CAP_SYS_RESOURCE."""
    return "[]" if may_raise_limits() else '["nofile=1024:1024", "nproc=4096:4096"]'


def unified():
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()
