extension Verb {
    static var checkpointCommand: Command {
        Command(
            .checkpoint, "save the state of a running container with CRIU",
            details: [
                "Ends the container then and deletes it, unless --leave-running or --pre-dump is given."
            ],
            operands: [.init("ID")], flags: checkpointing)
    }

    static var restoreCommand: Command {
        Command(
            .restore, "bring a container back from a checkpoint",
            details: [
                "Exits with the status of the container's process, or 128 + the signal that ended it, unless detached."
            ],
            operands: [.init("ID")], flags: restoring)
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
            .bundle, .detach, .pidFile, .consoleSocket, .noSubreaper, .noPivot, .noNewKeyring,
            Flag(.lsmProfile, .text("TYPE:NAME"), "security profile to restore with"),
            Flag(.lsmMountContext, .text("CONTEXT"), "SELinux context of the mounts"),
        ] + criu
    }
}
