"""process: args, cwd, env, user, capabilities, limits, scheduling, and the descriptors it is given."""

from . import case

KINDS = ("bounding", "effective", "permitted", "inheritable", "ambient")


@case("config.md#process")
def process_args_many(b):
    b.args("", "two words", "\u00e9\u4e2d", "--weird=\"'\\\n")


@case("config.md#process")
def process_args_found_in_path(b):
    b.process["args"] = ["probe"]
    b.process["env"] = ["PATH=/nowhere:/"]


@case("config.md#process")
def process_argv0_through_symlink(b):
    (b.rootfs / "bin/other-name").symlink_to("/probe")
    b.process["args"] = ["other-name"]
    b.process["env"] = ["PATH=/bin"]


@case("config.md#process")
def cwd_existing(b):
    b.process["cwd"] = "/data/sub"


@case("config.md#process")
def cwd_missing(b):
    b.process["cwd"] = "/made/by/runtime"
    b.look("/made", "/made/by", "/made/by/runtime")


@case("config.md#process")
def cwd_missing_as_user(b):
    b.process["user"] = {"uid": 1000, "gid": 1000}
    b.process["cwd"] = "/made/by/runtime"
    b.look("/made", "/made/by/runtime")


@case("config.md#process")
def cwd_through_symlink(b):
    (b.rootfs / "link").symlink_to("/data")
    b.process["cwd"] = "/link/sub"


@case("config.md#process")
def cwd_closed_to_user(b):
    """Only reachable with the privileges of root, or of the user: tried before and after."""
    b.process["user"] = {"uid": 1000, "gid": 1000}
    (b.rootfs / "home/user").chmod(0o700)
    import os
    os.chown(b.rootfs / "home/user", 1000, 1000)
    b.process["cwd"] = "/home/user"


@case("config.md#user")
def user_with_groups(b):
    b.process["user"] = {"uid": 1000, "gid": 2000, "additionalGids": [5, 10, 2000]}


@case("config.md#user")
def user_numeric_name_in_passwd(b):
    """CVE-2016-3697: the image's passwd has a user called 1001 whose uid is 7."""
    b.process["user"] = {"uid": 1001, "gid": 1001}


@case("config.md#user")
def user_root_with_groups(b):
    b.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [1, 2, 3]}


@case("config.md#user")
def user_high_ids(b):
    b.process["user"] = {"uid": 4294967290, "gid": 4294967291}


for mask in (0, 0o27, 0o77):
    case("config.md#user", f"umask-{mask:03o}")(lambda b, mask=mask: b.process["user"].update(umask=mask))


@case("config.md#linux-process")
def umask_inherited(b):
    """Without user.umask the runtime's own is not what the container gets by accident."""
    b.shell = "umask 0007;"


def capabilities(name, uid, **sets):
    def build(b):
        b.process["user"] = {"uid": uid, "gid": uid}
        b.process["capabilities"] = {kind: [f"CAP_{c}" for c in value] for kind, value in sets.items()}

    case("config.md#linux-process", f"capabilities-{name}")(build)


SOME, FEW = ["CHOWN", "NET_RAW", "SETUID", "SYS_CHROOT"], ["NET_RAW"]
capabilities("root-none", 0)
capabilities("root-all-sets", 0, **{k: SOME for k in KINDS})
capabilities("root-bounding-only", 0, bounding=SOME)
capabilities("root-different", 0, bounding=SOME + ["KILL"], permitted=SOME, effective=FEW, inheritable=FEW)
capabilities("root-ambient", 0, bounding=SOME, permitted=SOME, effective=SOME, inheritable=SOME, ambient=FEW)
capabilities("user-none", 1000)
capabilities("user-permitted", 1000, bounding=SOME, permitted=SOME, effective=SOME)
capabilities("user-inheritable", 1000, bounding=SOME, permitted=SOME, effective=SOME, inheritable=SOME)
capabilities("ambient-not-inheritable", 1000, bounding=SOME, permitted=SOME, effective=SOME, ambient=FEW)
capabilities("user-ambient", 1000, **{k: FEW for k in KINDS})
capabilities("user-ambient-partly", 1000, bounding=SOME, permitted=SOME, effective=SOME, inheritable=SOME, ambient=FEW)


@case("config.md#linux-process")
def capabilities_absent(b):
    del b.process["capabilities"]


@case("config.md#linux-process")
def capabilities_absent_as_user(b):
    del b.process["capabilities"]
    b.process["user"] = {"uid": 1000, "gid": 1000}


@case("config.md#linux-process")
def capabilities_privileged(b):
    """Everything this host can give."""
    missing = "CAP_SYS_RESOURCE"
    names = [f"CAP_{n}" for n in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
        "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
        "SYS_ADMIN SYS_BOOT SYS_NICE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
        "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()]
    assert missing not in names
    b.process["capabilities"] = {k: names for k in KINDS}
    b.process["noNewPrivileges"] = False
    b.linux["maskedPaths"] = b.linux["readonlyPaths"] = []


@case("config.md#linux-process")
def no_new_privileges_off(b):
    b.process["noNewPrivileges"] = False


@case("config.md#linux-process")
def no_new_privileges_absent(b):
    del b.process["noNewPrivileges"]


@case("config.md#posix-process")
def rlimits_lowered(b):
    values = {"NOFILE": 512, "NPROC": 1000, "CORE": 0, "FSIZE": 1 << 30, "AS": 1 << 32, "CPU": 100, "DATA": 1 << 31,
              "LOCKS": 10, "MEMLOCK": 65536, "MSGQUEUE": 1000, "NICE": 0, "RSS": 1 << 30, "RTPRIO": 0, "RTTIME": 1000000,
              "SIGPENDING": 100, "STACK": 1 << 22}
    b.process["rlimits"] = [{"type": f"RLIMIT_{n}", "soft": v // 2, "hard": v} for n, v in values.items()]


@case("config.md#posix-process")
def rlimits_absent(b):
    del b.process["rlimits"]


@case("config.md#posix-process")
def rlimits_of_caller(b):
    """What the caller lowered must reach the container, and not what the runtime raised for itself."""
    del b.process["rlimits"]
    b.shell = "ulimit -Sn 333;"


@case("config.md#linux-process")
def oom_score(b):
    b.process["oomScoreAdj"] = 500


@case("config.md#linux-process")
def scheduler_batch(b):
    b.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}


@case("config.md#linux-process")
def scheduler_idle(b):
    b.process["scheduler"] = {"policy": "SCHED_IDLE", "nice": 0}


@case("config.md#linux-process")
def io_priority(b):
    b.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}


@case("config-linux.md#personality")
def personality_linux32(b):
    b.linux["personality"] = {"domain": "LINUX32"}


@case("config-linux.md#personality")
def personality_linux(b):
    b.linux["personality"] = {"domain": "LINUX"}


@case("config.md#process")
def env_rules(b):
    b.process["env"] = ["A=1", "B=first", "B=last", "EMPTY=", "EQUALS=a=b=c", "PATH=/bin", "A=2", "SPACE= x "]


@case("config.md#process")
def env_empty(b):
    b.process["env"] = []


@case("config.md#process")
def env_absent(b):
    del b.process["env"]


@case("config.md#process")
def env_home_of_user(b):
    b.process["user"] = {"uid": 1000, "gid": 1000}


@case("config.md#process")
def env_home_empty(b):
    b.process["env"] = ["PATH=/bin", "HOME="]


@case("config.md#process")
def env_home_given(b):
    b.process["env"] = ["HOME=/given", "PATH=/bin"]


@case("config.md#process")
def env_home_unknown_user(b):
    b.process["user"] = {"uid": 4242, "gid": 4242}


@case("config.md#process")
def env_home_without_passwd(b):
    (b.rootfs / "etc/passwd").unlink()


@case("command line")
def created_then_started(b):
    """The three verbs in place of `run`: what the container inherits differs."""
    b.mode = "create"


@case("command line")
def created_as_user_with_files(b):
    b.mode = "create"
    b.process["user"] = {"uid": 1000, "gid": 1000}


@case("command line")
def preserve_fds(b):
    b.shell = "exec 3<{dir}/config.json 4>{dir}/four;"
    b.run_flags = ["--preserve-fds", "2"]


@case("command line")
def preserve_none(b):
    """Descriptors of the caller that it did not ask to keep."""
    b.shell = "exec 3<{dir}/config.json 4>{dir}/four 9</;"


@case("command line")
def listen_fds(b):
    b.shell = "exec 3<{dir}/config.json 4>{dir}/four; export LISTEN_PID=$$ LISTEN_FDS=2;"


@case("command line")
def listen_fds_and_preserve_fds(b):
    b.shell = "exec 3<{dir}/config.json 4>{dir}/four 5</etc/passwd; export LISTEN_PID=$$ LISTEN_FDS=2;"
    b.run_flags = ["--preserve-fds", "1"]


@case("command line")
def no_new_keyring(b):
    b.run_flags = ["--no-new-keyring"]


@case("command line")
def caller_with_odd_signals(b):
    """The caller ignores and blocks signals; the container must begin with the defaults."""
    b.shell = "trap '' INT TERM PIPE QUIT USR1;"


@case("config.md#process")
def stdio_closed_input(b):
    b.mode = "create"
    b.shell = "exec </etc/passwd;"


@case("config.md#process")
def exit_code(b):
    b.args("--exit=42")
    b.expect_code = 42
