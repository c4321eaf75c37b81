extension Verb {
    /// The entry of the table of commands. It is built when asked for: a start reads only its own.
    public var command: Command {
        switch self {
        case .create:
            Command(
                .create, "create a container",
                details: [
                    "Sets the container up as the bundle's config.json says and leaves its process waiting for start."
                ],
                operands: [.init("ID")], flags: Self.creation)
        case .run:
            Command(
                .run, "create a container, start it and wait for its end",
                details: [
                    "Exits with the status of the container's process, or 128 + the signal that ended it."
                ],
                operands: [.init("ID")],
                flags: Self.creation + [
                    .detach, Flag(.keep, "keep the container's state after its end"), .noSubreaper,
                ])
        case .start:
            Command(.start, "start the process of a created container", operands: [.init("ID")])
        case .state:
            Command(.state, "print the state of a container as JSON", operands: [.init("ID")])
        case .kill:
            Command(
                .kill, "send a signal to the container's first process",
                details: [
                    "SIGNAL is a number or a name, with or without SIG, in any case: 9, KILL, sigterm. Default: TERM."
                ],
                operands: [.init("ID"), .init("SIGNAL", isOptional: true)],
                flags: [
                    Flag(
                        .all, short: "a", "signal all processes; one that has ended is no error",
                        isHidden: true), .regex,
                ],
                stopsAtOperand: true)
        case .delete:
            Command(
                .delete, "delete a container that has ended or was never started", operands: [.init("ID")],
                flags: [
                    Flag(.force, short: "f", "kill a running one first; an unknown one is no error"), .regex,
                ])
        case .mounts:
            Command(
                .mounts, "mount more in a container, or unmount",
                details: [
                    "FILE is a JSON array of mounts as in config.json, or - for standard input. All of them are added, or none is; relative sources count from the working directory. Of those to remove only the destination counts."
                ],
                operands: [.init("add|remove"), .init("ID"), .init("FILE")])
        case .pause:
            Command(
                .pause, "stop all processes of a container",
                details: [
                    "They stay where they are, by the freezer of the container's cgroup, until resume."
                ],
                operands: [.init("ID")])
        case .resume:
            Command(.resume, "let the processes of a paused container go on", operands: [.init("ID")])
        case .ps:
            Command(
                .ps, "list the processes in a container",
                details: [
                    "Runs the host's ps with the PS-OPTIONs, or else -ef, and shows the lines of the container's processes. Its output must have a column PID."
                ],
                operands: [.init("ID"), .init("PS-OPTION", isOptional: true, isRepeated: true)],
                flags: [
                    Flag(
                        .format, short: "f", .choice(["table", "json"]), "form of the list", fallback: "table"
                    )
                ],
                stopsAtOperand: true)
        case .events:
            Command(
                .events, "print what a container uses and what befalls it",
                details: [
                    "Prints a JSON object a line, of the type stats at each interval and of the type oom when a process was killed for want of memory, until the container ends."
                ],
                operands: [.init("ID")],
                flags: [
                    Flag(
                        .interval, .text("DURATION"), "time from one set of figures to the next",
                        fallback: "5s"),
                    Flag(.stats, "print one set of figures and end"),
                ])
        case .update:
            Command(
                .update, "change the resource limits of a container",
                details: [
                    "All limits are set, or none is. BYTES may end with k, m, g, t or p. Device rules of FILE are for cgroup v2, and only taken if they are not those that the container has."
                ],
                operands: [.init("ID")], flags: Self.limits)
        case .list:
            Command(
                .list, "list the containers under --root",
                flags: [
                    Flag(
                        .format, short: "f", .choice(["table", "json"]), "form of the list", fallback: "table"
                    ),
                    Flag(.quiet, short: "q", "print only the IDs"),
                ])
        case .spec:
            Command(
                .spec, "write a config.json to start from",
                details: ["Writes to the bundle's directory, and never over a file that is there."],
                flags: [
                    .bundle,
                    Flag(.file, short: "f", .text("FILE"), "file to write", fallback: "config.json"),
                    Flag(.rootless, "for a container without root's rights"),
                ])
        case .features:
            Command(.features, "print what this runtime supports as JSON")
        case .plan:
            Command(
                .plan, "print the steps that would create a container, and take none",
                details: ["Each step names the field of config.json, the option or the rule it comes from."],
                operands: [.init("BUNDLE", isOptional: true)],
                flags: [
                    .bundle,
                    Flag(
                        .format, short: "f", .choice(["text", "json"]), "form of the plan", fallback: "text"),
                    Flag(.config, .text("FILE"), "configuration", fallback: "config.json in the bundle"),
                    .consoleSocket, .noPivot, .noNewKeyring, .preserveFds,
                ])
        case .exec:
            Command(
                .exec, "run a further process in a container",
                operands: [.init("ID"), .init("COMMAND", isOptional: true, isRepeated: true)],
                flags: Self.execution,
                stopsAtOperand: true)
        case .version:
            Command(.version, "print the version")
        case .help:
            Command(
                .help, "show help, of one command if named", operands: [.init("COMMAND", isOptional: true)])
        case .checkpoint: Self.checkpointCommand
        case .restore: Self.restoreCommand
        }
    }

    private static var creation: [Flag] {
        [
            .bundle,
            Flag(.config, short: "f", .text("FILE"), "configuration", fallback: "config.json in the bundle"),
            .consoleSocket, .pidfdSocket(of: "the container's process"), .pidFile, .noPivot, .noNewKeyring,
            .preserveFds, .trace,
        ]
    }

    private static var execution: [Flag] {
        [
            Flag(
                .process, short: "p", .text("FILE"),
                "JSON file of the process; the other options then say nothing"),
            Flag(.cwd, .text("DIR"), "working directory in the container"),
            Flag(.env, short: "e", .text("NAME=VALUE"), "environment variable to set", isRepeatable: true),
            Flag(.tty, short: "t", "give the process a terminal"),
            Flag(.user, short: "u", .text("UID[:GID]"), "user and group of the process"),
            Flag(
                .additionalGids, short: "g", .number("GID"), "further group of the process",
                isRepeatable: true),
            Flag(.cap, short: "c", .text("CAPABILITY"), "capability to add", isRepeatable: true),
            Flag(.noNewPrivs, "forbid the process to gain privileges"),
            Flag(.apparmor, .text("PROFILE"), "AppArmor profile of the process"),
            Flag(.processLabel, .text("LABEL"), "SELinux label of the process"),
            Flag(
                .cgroup, .text("[CONTROLLERS:]PATH"), "existing cgroup below the container's to run in",
                isRepeatable: true),
            Flag(.ignorePaused, "go on even if the container is paused"),
            .detach, .pidFile, .consoleSocket, .pidfdSocket(of: "the new process"), .preserveFds,
            .trace,
        ]
    }
}
