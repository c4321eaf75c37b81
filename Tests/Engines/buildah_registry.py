"""buildah: what is built on an image that is pulled from a registry, and pushed there."""

from entries import Entries

entry = Entries("buildah")


def working(e, reference):
    """A working container of an image that is pulled anew."""
    got = e.buildah("from", "--pull-always", "--tls-verify=false", *e.signatures(), reference, timeout=300)
    assert got.status == 0, got
    return got.out.splitlines()[-1]


def push(e, image):
    got = e.buildah("push", "--tls-verify=false", *e.signatures(), image, f"docker://{image}", timeout=300)
    assert got.status == 0, got
    got = e.buildah("rmi", "--force", image)
    assert got.status == 0, got


@entry("from by tag, and run: Debian's bash, perl, dpkg and apt-get")
def tag(e):
    script = r"""set -o pipefail; words=(one "two words"); printf '<%s>' "${words[@]}" && echo
                 perl -e 'print join(",", map { $_ ** 2 } 1..3), "\n"'
                 dpkg -l | grep -c '^ii  \(bash\|apt\|coreutils\) ' && apt-get --version | grep -o '^apt [0-9]'"""
    got = e.run("bash", "-c", script, name=working(e, e.registry.debian))
    assert (got.status, got.out) == (0, "<one><two words>\n1,4,9\n3\napt 2\n"), got


@entry("from by digest, and run --user nobody: a set-uid program makes a user root")
def digest(e):
    # That the account is locked says /etc/shadow, which only root and its group may read.
    name = working(e, e.registry.digest(e.registry.debian))
    got = e.run("bash", "-c", "id -un; passwd --status", options=["--user", "nobody"], name=name)
    assert got.status == 0 and got.out.startswith("nobody\nnobody L "), got


@entry("run in a working container, commit and push: what is pulled again has it")
def commit(e):
    made, name = f"{e.registry.address}/apus/{e.unique('kept')}:1", working(e, e.registry.busybox)
    assert e.run("sh", "-c", "echo kept >/kept && chown guest /kept", name=name).status == 0
    got = e.buildah("commit", *e.signatures(), name, made)
    assert got.status == 0, got
    push(e, made)
    got = e.run("sh", "-c", "cat /kept; stat -c %U /kept", name=working(e, made))
    assert got.out == "kept\nguest\n", got


@entry("build FROM an image of the registry, push, and run what is pulled again")
def build(e):
    made = f"{e.registry.address}/apus/{e.unique('built')}:1"
    got = e.build(f"""FROM {e.registry.debian}
RUN useradd --create-home --uid 4321 maker && perl -e 'print 6 * 7' >/home/maker/answer
USER maker
WORKDIR /home/maker
""", "--tls-verify=false", "--tag", made, pull="--pull", timeout=300)
    assert got.status == 0, got
    push(e, made)
    got = e.run("bash", "-c", "id -un; pwd; cat answer; exit 5", name=working(e, made))
    assert (got.status, got.out) == (5, "maker\n/home/maker\n42"), got
