extension Verb {
    /// The entries of commands that are parsed and documented, but not carried out yet.
    var unsupportedCommand: Command {
        var command = futureCommand
        command.isSupported = false
        return command
    }

    private var futureCommand: Command {
        switch self {
        case .pause: Command(.pause, "stop all processes of a container", operands: [.init("ID")])
        case .resume:
            Command(.resume, "let the processes of a paused container go on", operands: [.init("ID")])
        case .ps:
            Command(
                .ps, "list the processes in a container",
                operands: [.init("ID"), .init("PS-OPTION", isOptional: true, isRepeated: true)],
                flags: [
                    Flag(
                        .format, short: "f", .choice(["table", "json"]), "form of the list", fallback: "table"
                    )
                ],
                stopsAtOperand: true)
        case .events:
            Command(
                .events, "print what a container uses and what befalls it", operands: [.init("ID")],
                flags: [
                    Flag(
                        .interval, .text("DURATION"), "time from one set of figures to the next",
                        fallback: "5s"),
                    Flag(.stats, "print one set of figures and end"),
                ])
        case .update:
            Command(
                .update, "change the resource limits of a container", operands: [.init("ID")],
                flags: Self.limits)
        case .checkpoint:
            Command(
                .checkpoint, "save the state of a running container with CRIU", operands: [.init("ID")],
                flags: Self.checkpointing)
        case .restore:
            Command(
                .restore, "bring a container back from a checkpoint", operands: [.init("ID")],
                flags: Self.restoring)
        default:
            Command(self, "")
        }
    }

    private static var limits: [Flag] {
        [
            Flag(
                .resources, short: "r", .text("FILE"),
                "JSON file of the limits, - for standard input; the other options then say nothing"),
            Flag(.blkioWeight, .number("WEIGHT"), "weight for block I/O, 10 to 1000"),
            Flag(
                .cpuPeriod, .text("MICROSECONDS"), "period that the CPU quota counts for, 0 for the system's"),
            Flag(.cpuQuota, .text("MICROSECONDS"), "CPU time in a period"),
            Flag(.cpuBurst, .text("MICROSECONDS"), "unused CPU time that may be carried over"),
            Flag(.cpuShare, .text("SHARES"), "CPU weight against other containers"),
            Flag(.cpuRtPeriod, .text("MICROSECONDS"), "period that the realtime quota counts for"),
            Flag(.cpuRtRuntime, .text("MICROSECONDS"), "realtime CPU time in a period"),
            Flag(.cpuIdle, .text("0|1"), "1 to run only on CPUs that are idle"),
            Flag(.cpusetCpus, .text("LIST"), "CPUs to use"),
            Flag(.cpusetMems, .text("LIST"), "memory nodes to use"),
            Flag(.memory, .text("BYTES"), "memory limit; -1 for none"),
            Flag(.memoryReservation, .text("BYTES"), "memory that is reclaimed last"),
            Flag(.memorySwap, .text("BYTES"), "limit of memory and swap together; -1 for none"),
            Flag(.kernelMemory, .text("BYTES"), "no effect", isHidden: true),
            Flag(.kernelMemoryTcp, .text("BYTES"), "no effect", isHidden: true),
            Flag(.pidsLimit, .number("N"), "number of processes; -1 for no limit"),
            Flag(.l3CacheSchema, .text("SCHEMA"), "Intel RDT schema of the L3 cache"),
            Flag(.memBwSchema, .text("SCHEMA"), "Intel RDT schema of the memory bandwidth"),
        ]
    }

    private static var criu: [Flag] {
        [
            Flag(.workPath, .text("DIR"), "directory for CRIU's logs"),
            Flag(.tcpEstablished, "allow open TCP connections"),
            Flag(.extUnixSk, "allow unix sockets with a peer outside"),
            Flag(.shellJob, "allow a terminal that is the caller's"),
            Flag(.lazyPages, "bring memory back only when it is touched"),
            Flag(.fileLocks, "allow file locks"),
            Flag(
                .manageCgroupsMode, .choice(["soft", "full", "strict", "ignore"]), "how CRIU treats cgroups",
                fallback: "soft"),
            Flag(.emptyNs, .text("NAMESPACE"), "restore this namespace empty", isRepeatable: true),
            Flag(.autoDedup, "drop pages of the image that a later one replaces"),
        ]
    }

    private static var checkpointing: [Flag] {
        [
            Flag(.imagePath, .text("DIR"), "directory for the image", fallback: "./checkpoint"),
            Flag(.parentPath, .text("DIR"), "earlier image, relative to the new one"),
            Flag(.leaveRunning, "let the container go on"),
            Flag(.preDump, "save only memory, and let the container go on"),
            Flag(.tcpSkipInFlight, "leave out TCP connections that are being made"),
            Flag(.linkRemap, "allow deleted files, by linking them anew"),
            Flag(.statusFd, .number("FD"), "descriptor told when --lazy-pages is ready", fallback: "-1"),
            Flag(.pageServer, .text("ADDRESS:PORT"), "server to send memory to"),
        ] + criu
    }

    private static var restoring: [Flag] {
        [
            Flag(.imagePath, .text("DIR"), "directory of the image", fallback: "./checkpoint"),
            .bundle, .detach, .pidFile, .consoleSocket, .noSubreaper, .noPivot,
            Flag(.lsmProfile, .text("TYPE:NAME"), "security profile to restore with"),
            Flag(.lsmMountContext, .text("CONTEXT"), "SELinux context of the mounts"),
        ] + criu
    }
}
