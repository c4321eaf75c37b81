"""The Debian package: what is in it, that it can be made again to the byte, and that an engine runs containers by it."""

import filecmp
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from conftest import REPOSITORY

# At the end: no module of this directory or of the bench is to be hidden by one of those.
sys.path.append(str(REPOSITORY / "Tests/Engines"))
import image  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.limit(900)]

# What scripts/vm leaves there. Nothing can be built in a guest, and whatever is installed there is gone at its end.
IN_GUEST = os.path.isdir("/run/guest")
EXAMPLES = ["README.md", "containerd-config.toml", "containers-apus.conf", "crio-apus.conf", "docker-daemon.json"]
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/apus",
    "zsh": "usr/share/zsh/vendor-completions/_apus",
    "fish": "usr/share/fish/vendor_completions.d/apus.fish",
}


def call(*words, **options):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, **{"timeout": 300} | options)
    assert done.returncode == 0, f"{words}\nexit {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def version(subject_path):
    said = call(subject_path, "--version").splitlines()[0]
    if not said.startswith("apus version "):
        pytest.skip(f"the package is of apus, not of: {said}")
    return said.removeprefix("apus version ")


@pytest.fixture(scope="module")
def make(subject_path, version):
    """Makes the package in a directory, of the executable under test."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("there is no dpkg-deb: not a Debian system")

    def make(output):
        options = ["--no-build"] if IN_GUEST else []
        said = call(REPOSITORY / "scripts/package", "--output", output, *options,
                    env=os.environ | {"APUS": subject_path}, timeout=800)
        return output / said.splitlines()[-1].rpartition("/")[2]

    return make


@pytest.fixture(scope="module")
def package(make, workplace):
    return make(workplace / "package")


@pytest.fixture(scope="module")
def unpacked(package, workplace):
    """The package's files in a directory, and what dpkg is told of them in DEBIAN."""
    directory = workplace / "unpacked"
    call("dpkg-deb", "-R", package, directory)
    return directory


def test_what_dpkg_is_told(package, version):
    assert package.name == f"apus_{version}_{call('dpkg', '--print-architecture').strip()}.deb"
    said = dict(line.split(": ", 1) for line in call("dpkg-deb", "-f", package).splitlines() if not line.startswith(" "))
    assert said["Package"] == "apus" and said["Version"] == version
    # It is static.
    assert "Depends" not in said and said["Suggests"] == "criu, uidmap"
    assert re.fullmatch(r".+ <.+@.+>", said["Maintainer"])
    assert "libseccomp (= " in said["Built-Using"]
    assert int(said["Installed-Size"]) > 1000


def test_content(package, subject_path):
    """These files and no others; all are root's, and nobody else may write to them."""
    help = call(subject_path, "--help").partition("COMMANDS:\n")[2].partition("\n\n")[0]
    commands = set(re.findall(r"^   (\w+)", help, re.M)) - {"help", "version"}
    assert {"create", "start", "exec"} <= commands
    expected = {"usr/bin/apus", *COMPLETIONS.values(), "usr/share/man/man1/apus.1.gz"}
    expected |= {f"usr/share/man/man1/apus-{command}.1.gz" for command in commands}
    expected |= {f"usr/share/doc/apus/{name}" for name in ("changelog.gz", "copyright")}
    expected |= {f"usr/share/doc/apus/examples/{name}" for name in EXAMPLES}
    found = set()
    for line in call("dpkg-deb", "-c", package).splitlines():
        mode, owner, _, _, _, name = line.split(None, 5)
        name = name.removeprefix("./")
        assert owner == "root/root", line
        if mode.startswith("d"):
            assert mode == "drwxr-xr-x", line
        else:
            assert mode == ("-rwxr-xr-x" if name == "usr/bin/apus" else "-rw-r--r--"), line
            found.add(name)
    assert found == expected


def test_executable(unpacked, subject_path, version):
    program = unpacked / "usr/bin/apus"
    assert filecmp.cmp(program, subject_path, shallow=False)
    assert call(program, "--version").startswith(f"apus version {version}\n")


def test_checksums(unpacked):
    """Of all files, and they are right."""
    lines = (unpacked / "DEBIAN/md5sums").read_text().splitlines()
    files = {str(path.relative_to(unpacked)) for path in (unpacked / "usr").rglob("*") if path.is_file()}
    assert {line.partition("  ")[2] for line in lines} == files
    call("md5sum", "--check", "--strict", "--quiet", "DEBIAN/md5sums", cwd=unpacked)


def test_manual(unpacked):
    """Every page can be read, and says whose it is."""
    if not shutil.which("mandoc"):
        pytest.skip("there is no mandoc")
    for path in (unpacked / "usr/share/man/man1").iterdir():
        name = path.name.removesuffix(".1.gz")
        text = gzip.decompress(path.read_bytes()).decode()
        shown = re.sub(".\b", "", call("mandoc", "-T", "ascii", input=text))
        assert f"     {name} - " in shown or f"       {name} - " in shown, shown[:300]
        assert call("mandoc", "-T", "lint", "-W", "warning", input=text) == ""


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completions_can_be_read(unpacked, shell):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} to read them")
    call(shell, "-n", unpacked / COMPLETIONS[shell])


def test_completions_name_containers(unpacked, runtime, bundle):
    """bash is offered what the packed executable has under --root."""
    bundle.write()
    runtime.create(bundle.dir, bundle.id)
    script = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _apus "$1"; echo "${COMPREPLY[*]}" """
    for line, offered in ((["--root", runtime.root, "kill", ""], bundle.id), (["--root", runtime.root, "run", ""], ""),
                          (["--root", runtime.root, "kill", bundle.id, "KI"], "KILL"), (["check"], "checkpoint")):
        words = [unpacked / "usr/bin/apus", *line]
        assert call("bash", "-c", script, "bash", unpacked / COMPLETIONS["bash"], *words) == f"{offered}\n"


def test_examples(unpacked):
    """They are in their engines' languages, and name the executable where it will be."""
    directory = unpacked / "usr/share/doc/apus/examples"
    assert sorted(os.listdir(directory)) == sorted(EXAMPLES)

    def toml(name):
        return tomllib.loads((directory / name).read_text())

    cri = toml("containerd-config.toml")["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]
    assert cri["default_runtime_name"] == "apus"
    assert cri["runtimes"]["apus"] == {"runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": "/usr/bin/apus"}}
    crio = toml("crio-apus.conf")["crio"]["runtime"]
    assert crio["default_runtime"] == "apus" and crio["runtimes"]["apus"]["runtime_path"] == "/usr/bin/apus"
    podman = toml("containers-apus.conf")["engine"]
    assert podman["runtime"] == "apus" and podman["runtimes"] == {"apus": ["/usr/bin/apus"]}
    docker = json.loads((directory / "docker-daemon.json").read_text())
    assert docker == {"default-runtime": "apus", "runtimes": {"apus": {"path": "/usr/bin/apus"}}}


def test_the_same_again(package, make, workplace):
    """To the byte."""
    assert filecmp.cmp(package, make(workplace / "package-again"), shallow=False)


@pytest.fixture
def podman(package, unpacked, workplace):
    """Podman on a storage of its own with an image, on a host where the package is installed."""
    if not IN_GUEST:
        pytest.skip("installs the package: only where that is gone again, in a guest of scripts/test --vm")
    if not shutil.which("podman"):
        pytest.skip("there is no podman: apt-get install podman, on the host of the guest")
    # Triggers would have the index of the host's manual made anew, which takes a minute here.
    call("dpkg", "--install", "--no-triggers", package)
    directory = workplace / "podman"
    command = ["podman", "--root", directory / "storage", "--runroot", directory / "run", "--storage-driver", "vfs",
               "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
    directory.mkdir()
    call(*command, "load", "--input", image.write(directory / "image.tar"))
    yield lambda *words: call(*command, *words)
    subprocess.run(list(map(str, [*command, "rm", "--all", "--force", "--time", "0"])), capture_output=True, timeout=300)
    shutil.rmtree("/etc/containers/containers.conf.d", ignore_errors=True)
    call("dpkg", "--purge", "--no-triggers", "apus")


def test_installed(podman, unpacked):
    """Podman runs containers by what dpkg has installed: named on its command line, and by the example's file."""
    assert call("dpkg-query", "--show", "--showformat", "${db:Status-Status}", "apus") == "installed"
    assert filecmp.cmp("/usr/bin/apus", unpacked / "usr/bin/apus", shallow=False)
    run = ["run", "--rm", "--network", "none"]
    assert podman("--runtime", "/usr/bin/apus", *run, image.NAME, "echo", "by its path") == "by its path\n"
    drop_in = "/etc/containers/containers.conf.d/apus.conf"
    os.makedirs(os.path.dirname(drop_in), exist_ok=True)
    shutil.copy(unpacked / "usr/share/doc/apus/examples/containers-apus.conf", drop_in)
    assert podman("info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}") == "apus /usr/bin/apus\n"
    assert podman(*run, "--cgroups", "disabled", image.NAME, "echo", "without a cgroup") == "without a cgroup\n"
    podman("run", "--detach", "--name", "mine", "--network", "none", image.NAME, "sleep", "1000")
    assert podman("inspect", "--format", "{{.OCIRuntime}} {{.State.Status}}", "mine") == "apus running\n"
    assert podman("exec", "--user", "guest", "mine", "id", "-u") == "1000\n"
    podman("stop", "--time", "0", "mine")
    podman("rm", "mine")
