import Arguments

/// What the manual says beyond the tables of commands and options. It stands here, and not there, because the
/// executable has no use for it.
enum ProgramText {
    /// When the manual was last worked over.
    static let date = "2026-11-21"

    static let description = [
        "`apus` makes containers of bundles, as the runtime specification of the Open Container Initiative has it: a bundle is a directory with a config.json and, usually, the container's root file system. Container engines call it; it can as well be called by hand.",
        "It understands the command lines of `runc`(8) and those of `crun`(1), and puts what it finds wrong in terms of the field of config.json or the option that asked for it.",
        "A container is named by an ID of letters, digits and the characters _+-. that is unique below `--root`.",
    ]

    static let options =
        "These go before the command. Any option may be written with one dash or two. Its value follows as the next word or after an equals sign; an option that takes none may be followed by =true or =false."

    static let environment: [(term: String, meaning: String)] = [
        (
            "XDG_RUNTIME_DIR",
            "For users other than root the containers' state is below this directory, unless `--root` is given."
        ),
        (
            "LISTEN_FDS, LISTEN_PID",
            "Descriptors of socket activation are passed on to the container's process, if they are meant for `apus`."
        ),
    ]

    static let aboutAnnotations =
        "Annotations of config.json that change what is done. Those that would take a handler, a plugin or a further cgroup are refused."

    static let annotations: [(term: String, meaning: String)] = [
        ("org.systemd.property.NAME", "A property of the systemd unit, under `--cgroup-manager` systemd."),
        (
            "run.oci.hooks.stdout, run.oci.hooks.stderr",
            "A file, relative to the bundle, that the output of hooks is appended to."
        ),
        (
            "run.oci.keep_original_groups",
            "The process keeps the supplementary groups of the caller, and gets no others, unless it is 0."
        ),
        ("run.oci.mount_context_type", "The mount option that linux.mountLabel is given by."),
        (
            "run.oci.pidfd_receiver",
            "A socket that takes a pidfd of the container's process, as with `--pidfd-socket`."
        ),
        (
            "run.oci.seccomp.receiver",
            "The seccomp agent's socket, where the profile has no listenerPath."
        ),
        (
            "run.oci.seccomp_bpf_data",
            "A seccomp filter in Base64, as seccomp(2) takes it, in place of the profile."
        ),
        (
            "run.oci.seccomp_fail_unknown_syscall",
            "Names in the profile that libseccomp does not know are an error, unless it is 0."
        ),
    ]

    static let files: [(term: String, meaning: String)] = [
        ("/run/apus/ID/state.json", "What is known of a container."),
        ("/run/apus/ID/config.json", "Its configuration as it was when it was created."),
        ("config.json", "The configuration, in the bundle."),
    ]

    static let exitStatus: [(term: String, meaning: String)] = [
        ("0", "The command was carried out."),
        ("1", "It was not; the reason is on standard error, and in the log."),
        ("255", "`apus exec` could not start the process."),
        (
            "other",
            "That of the container's process, for `run` and `exec`: 128 and the signal's number if one ended it."
        ),
    ]

    static let examples: [Example] = [
        Example(
            "Make a bundle of busybox, and run it:",
            [
                "mkdir -p bundle/rootfs/bin && cd bundle", "cp /bin/busybox rootfs/bin/sh", "apus spec",
                "apus run mine",
            ]),
        Example(
            "The steps of a container's life, one by one:",
            [
                "apus create --bundle bundle mine", "apus start mine", "apus kill mine TERM",
                "apus delete mine",
            ]
        ),
    ]

    /// What else there is to say of an option, wherever it stands.
    static let more: [Flag.Name: String] = [
        .bundle: "The command works in it: relative paths of config.json begin there.",
        .cgroup: "Where there are cgroup v1 hierarchies, a list of controllers says in which of them.",
        .cgroupManager:
            "With `systemd` a scope is made by D-Bus, and cgroupsPath reads SLICE:PREFIX:NAME. With `disabled` the container stays in the caller's cgroup: configurations with limits are refused, and rules for devices are not enforced.",
        .config: "Relative to the caller's directory, not to the bundle.",
        .consoleSocket:
            "One connection is made, and one message sent, with the descriptor attached (SCM_RIGHTS). Needed by detached containers with process.terminal.",
        .detach: "The terminal, if there is one, then goes to `--console-socket`.",
        .log:
            "The file is made if it is missing. With journald:ID or syslog:ID the messages go to the host's daemon, as from ID; an empty ID stands for the container's. What makes a command fail is on standard error as well.",
        .logFormat:
            "Both are those of runc: container engines look in the JSON form for the last line of level error.",
        .noNewKeyring: "Else the container's process has a new one, so that it cannot see the caller's keys.",
        .noPivot:
            "pivot_root(2) cannot leave a ramdisk. In its place the root is moved over the host's, which a privileged process may find its way around.",
        .pidFile: "It is written when all else has been done, at once and without a line feed.",
        .pidfdSocket:
            "One connection is made, and one message sent, with the descriptor attached (SCM_RIGHTS).",
        .preserveFds: "All other descriptors are closed.",
        .process: "As process of config.json has it.",
        .regex:
            "regex(7) says how one is written. What fails for one container is a warning, and keeps the others from nothing.",
        .root: "Everything that `apus` has to remember is there.",
        .rootless: "By itself `apus` goes by its privileges.",
        .user: "Names are not looked up.",
    ]
}

/// A few words, and what to type.
struct Example: Sendable {
    var words: String
    var lines: [String]

    init(_ words: String, _ lines: [String]) {
        self.words = words
        self.lines = lines
    }
}
