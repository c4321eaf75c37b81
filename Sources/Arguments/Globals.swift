extension Flag {
    /// The options that go before the command.
    public static let globals: [Flag] = [
        Flag(
            .cgroupManager, .choice(["cgroupfs", "systemd", "disabled"]),
            "who makes the cgroups: apus, systemd, or nobody", fallback: "cgroupfs"),
        Flag(.debug, "log what is done, step by step; the same as --log-level debug"),
        Flag(
            .log, .text("FILE"),
            "append log lines to FILE (or file:FILE), or send them to journald:ID or syslog:ID",
            fallback: "standard error"),
        Flag(.logFormat, .choice(["text", "json"]), "form of the log lines", fallback: "text"),
        Flag(
            .logLevel, .choice(["error", "warning", "debug"]), "least weight of what is logged",
            fallback: "warning"),
        Flag(
            .root, .text("DIR"), "directory of the containers' state, best on a tmpfs",
            fallback: "/run/apus, or $XDG_RUNTIME_DIR/apus without root's rights"),
        Flag(
            .rootless, .choice(["true", "false", "auto"]), "go on where cgroups may not be changed",
            fallback: "auto"),
        Flag(
            .systemdCgroup,
            "the same as --cgroup-manager systemd; cgroupsPath then reads SLICE:PREFIX:NAME"),
        showVersion,
        showHelp,
    ]

    static let showHelp = Flag(.help, short: "h", "show help")
    static let showVersion = Flag(.version, short: "v", "print the version")

    static let bundle = Flag(
        .bundle, short: "b", .text("DIR"), "the bundle's directory", fallback: "the current directory")
    static let consoleSocket = Flag(
        .consoleSocket, .text("PATH"), "AF_UNIX socket that receives the master end of the terminal")
    static let pidFile = Flag(.pidFile, .text("FILE"), "file to write the process's ID to")
    static let detach = Flag(.detach, short: "d", "do not wait for the container's process")
    static let noPivot = Flag(
        .noPivot, "use no pivot_root, for a root file system on a ramdisk; less secure")
    static let noNewKeyring = Flag(.noNewKeyring, "keep the caller's session keyring")
    static let noSubreaper = Flag(.noSubreaper, "do not adopt orphaned descendants")
    static let regex = Flag(
        .regex, short: "r", "take ID for an extended regular expression, and every container it is found in")
    static let preserveFds = Flag(
        .preserveFds, .number("N"), "pass N more descriptors, from 3 + $LISTEN_FDS on", fallback: "0")

    static let trace = Flag(
        .trace, .text("FILE"), "file to write a timeline to, for chrome://tracing or Perfetto")

    static func pidfdSocket(of process: String) -> Flag {
        Flag(.pidfdSocket, .text("PATH"), "AF_UNIX socket that receives a pidfd of \(process)")
    }
}
