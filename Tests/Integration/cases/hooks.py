"""hooks: the probe is also the hook, so that all it is given and all it sees is compared."""

from . import case

HOST_KINDS = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


def add(b, kind, name=None, **fields):
    """A hook that reports to hooks/hook-NAME.json, or inside the container to /hook-NAME.json."""
    name = name or kind
    inside = kind == "startContainer"
    directory = b.host_directory("hooks", 0o777)
    target = f"/hook-{name}.json" if inside else str(directory / f"hook-{name}.json")
    path = "/probe" if inside else str(b.dir / "hook")
    if not inside and not (b.dir / "hook").exists():
        from harness.bundle import link
        link(b.probe, b.dir / "hook")
    args = [fields.pop("argv0", path), "--stdin", "--brief", f"--out={target}", *fields.pop("args", [])]
    b.config.setdefault("hooks", {}).setdefault(kind, []).append({"path": path, "args": args, **fields})


for kind in (*HOST_KINDS, "startContainer"):

    def build(b, kind=kind):
        b.mode = "create"
        add(b, kind, env=["HOOK=yes", "PATH=/bin"])

    case("config.md#posix-platform-hooks", f"hook-{kind}")(build)


@case("config.md#posix-platform-hooks")
def hook_all_kinds(b):
    b.mode = "create"
    b.config["annotations"] = {"com.example.hook": "a/b \"c\""}
    for kind in (*HOST_KINDS, "startContainer"):
        add(b, kind, f"{kind}-1", env=["N=1"], args=["one"])
        add(b, kind, f"{kind}-2", env=["N=2"], args=["two"], timeout=5)


@case("config.md#posix-platform-hooks")
def hook_without_env(b):
    b.mode = "create"
    for kind in (*HOST_KINDS, "startContainer"):
        add(b, kind, argv0="other-name")


@case("config.md#posix-platform-hooks")
def hook_with_user_and_namespaces(b):
    b.mode = "create"
    b.process["user"] = {"uid": 1000, "gid": 1000}
    b.rootfs.chmod(0o777)
    for kind in ("createRuntime", "createContainer", "startContainer"):
        add(b, kind, env=["A=b"])


@case("config.md#posix-platform-hooks")
def hook_empty_lists(b):
    b.config["hooks"] = {"prestart": [], "createRuntime": [], "poststop": []}
