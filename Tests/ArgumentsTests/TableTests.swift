import Testing

@testable import Arguments

@Suite struct CommandTable {
    @Test(arguments: Verb.allCases)
    func entriesAreWhole(_ verb: Verb) {
        let command = verb.command
        #expect(command.verb == verb)
        #expect(!command.summary.isEmpty)
        check(command.flags + [.showHelp])
        // An optional operand before a demanded one could not be told from it.
        let optionals = command.operands.map(\.isOptional)
        #expect(optionals == optionals.sorted { !$0 && $1 })
        #expect(command.operands.dropLast().allSatisfy { !$0.isRepeated })
    }

    @Test func optionsOfTheProgram() { check(Flag.globals) }

    /// Names and letters share one space, as one dash or two may stand before either.
    private func check(_ flags: [Flag]) {
        var names = Set<String>()
        for flag in flags {
            #expect(names.insert(flag.name.rawValue).inserted, "\(flag.name) is there twice")
            if !flag.short.isEmpty {
                #expect(flag.short.count == 1)
                #expect(names.insert(flag.short).inserted, "-\(flag.short) is there twice")
            }
            #expect(!flag.meaning.isEmpty && flag.meaning.last != ".")
            #expect(flag.name.rawValue.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
            if flag.value == .toggle { #expect(!flag.isRepeatable && flag.fallback.isEmpty) }
        }
    }

    @Test func everyNameIsUsed() {
        var used = Set(Flag.globals.map(\.name))
        for verb in Verb.allCases { used.formUnion(verb.command.flags.map(\.name)) }
        #expect(Set(Flag.Name.allCases).subtracting(used).isEmpty)
    }

    /// runc's commands and options as of 1.5, which its callers may write; ours are these and more.
    @Test(arguments: [
        (
            "checkpoint",
            "auto-dedup empty-ns ext-unix-sk file-locks image-path lazy-pages leave-running link-remap manage-cgroups-mode page-server parent-path pre-dump shell-job status-fd tcp-established tcp-skip-in-flight work-path"
        ),
        ("create", "b bundle console-socket no-new-keyring no-pivot pid-file pidfd-socket preserve-fds"),
        ("delete", "f force"), ("events", "interval stats"),
        (
            "exec",
            "additional-gids apparmor c cap cgroup console-socket cwd d detach e env g ignore-paused no-new-privs p pid-file pidfd-socket preserve-fds process process-label t tty u user"
        ),
        ("features", ""), ("kill", "a all"), ("list", "f format q quiet"), ("pause", ""), ("ps", "f format"),
        (
            "restore",
            "auto-dedup b bundle console-socket d detach empty-ns ext-unix-sk file-locks image-path lazy-pages lsm-mount-context lsm-profile manage-cgroups-mode no-pivot no-subreaper pid-file shell-job tcp-established work-path"
        ),
        ("resume", ""),
        (
            "run",
            "b bundle console-socket d detach keep no-new-keyring no-pivot no-subreaper pid-file pidfd-socket preserve-fds"
        ),
        ("spec", "b bundle rootless"), ("start", ""), ("state", ""),
        (
            "update",
            "blkio-weight cpu-burst cpu-idle cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-share cpuset-cpus cpuset-mems kernel-memory kernel-memory-tcp l3-cache-schema mem-bw-schema memory memory-reservation memory-swap pids-limit r resources"
        ),
    ])
    func nothingOfRuncIsMissing(_ name: String, _ options: String) throws {
        let flags = try #require(Verb(rawValue: name)).command.flags + [.showHelp]
        for option in (options + " h help").split(separator: " ").map({ String($0) }) {
            #expect(flags.contains { $0.isWritten(option) }, "\(name) lacks \(option)")
        }
    }
}

/// crun's options that runc lacks.
@Suite struct CrunOptions {
    @Test(arguments: [
        ("create", "f config"), ("run", "f config"), ("delete", "r regex"), ("kill", "r regex"),
        ("spec", "f file"),
    ])
    func areThere(_ name: String, _ options: String) throws {
        let flags = try #require(Verb(rawValue: name)).command.flags
        for option in options.split(separator: " ").map({ String($0) }) {
            #expect(flags.contains { $0.isWritten(option) }, "\(name) lacks \(option)")
        }
    }
}

@Suite struct HelpText {
    @Test func ofOneCommand() {
        #expect(
            Help.text(.kill) == """
                NAME:
                   apus kill - send a signal to the container's first process

                USAGE:
                   apus kill [OPTION...] ID [SIGNAL]

                DESCRIPTION:
                   SIGNAL is a number or a name, with or without SIG, in any case: 9, KILL,
                   sigterm. Default: TERM.

                OPTIONS:
                   -r, --regex              take ID for an extended regular expression, and
                                            every container it is found in
                   -h, --help               show help

                """)
    }

    @Test func ofTheProgram() {
        let text = Help.text(nil)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // The first lines as runc's own test suite looks for them.
        #expect(lines[0] == "NAME:")
        #expect(lines[1] == "   apus - Open Container Initiative runtime")
        for verb in Verb.allCases { #expect(text.contains("\n   \(verb.rawValue) ")) }
        for flag in Flag.globals { #expect(text.contains("--\(flag.name.rawValue)")) }
    }

    @Test(arguments: Verb.allCases)
    func isCompleteAndFitsTheScreen(_ verb: Verb) {
        let text = Help.text(verb)
        for line in text.split(separator: "\n") {
            #expect(line.count <= 79, "\(line)")
            #expect(line.last != " ", "\(line)")
        }
        #expect(text.hasPrefix("NAME:\n   apus \(verb.rawValue) - "))
        for flag in verb.command.flags {
            #expect(text.contains("   \(flag.synopsis)") == !flag.isHidden, "\(flag.name)")
        }
    }

    @Test func sayWhatHoldsOtherwise() {
        #expect(Help.text(.list).contains("form of the list (default: table)"))
        #expect(Help.text(.exec).contains("environment variable to set; may be repeated"))
    }
}
