import Arguments

/// What a shell can offer for a word of the command line, as far as the tables tell.
enum Offer: Equatable {
    /// The word is free text, or a name that only the container knows.
    case nothing
    case words([String])
    case files
    case directories
    /// The IDs of the containers that there are.
    case containers

    /// Goes by the placeholder of help: a host's path is a FILE, a PATH or a DIR, and words to choose from have
    /// bars between them.
    fileprivate init(placeholder: String) {
        switch placeholder {
        case "FILE", "PATH": self = .files
        case "DIR", "BUNDLE": self = .directories
        case let words where words.contains("|"):
            self = .words(words.split(separator: "|").map(String.init))
        default: self = .nothing
        }
    }
}

extension Flag {
    /// What may follow the option; `nil` if nothing does.
    var offer: Offer? {
        switch (name, value) {
        case (_, .toggle): nil
        case (_, .choice(let words)): .words(words)
        // Directories, but not the caller's: in the container, and beside the new image.
        case (.cwd, _), (.parentPath, _): .nothing
        case (_, .text(let placeholder)), (_, .number(let placeholder)): Offer(placeholder: placeholder)
        }
    }

    /// Both ways to write the option, the long one first.
    var spellings: [String] { ["--\(name.rawValue)"] + (short.isEmpty ? [] : ["-\(short)"]) }

    /// `--help`, which every command takes though its table does not have it.
    static var help: [Flag] { globals.filter { $0.name == .help } }
}

extension Command {
    /// Everything that may be given to the command itself.
    var options: [Flag] { flags + Flag.help }

    /// What each operand may be, in their order. Of one that is repeated the shell is offered nothing, for it is
    /// another program's.
    var offers: [(operand: Operand, offer: Offer)] { operands.map { ($0, offer($0)) } }

    private func offer(_ operand: Operand) -> Offer {
        switch operand.name {
        case "ID": verb.makesContainer ? .nothing : .containers
        case "SIGNAL": .words(SignalNames.all)
        case "COMMAND" where verb == .help: .words(Verb.allCases.map(\.rawValue))
        default: Offer(placeholder: operand.name)
        }
    }
}

extension Verb {
    /// Whether the ID is that of a container which is not there yet.
    var makesContainer: Bool { self == .create || self == .run || self == .restore }
}

/// The signals that can be named.
enum SignalNames {
    /// One name each, without `SIG`, in the order of their numbers. `SignalName` knows which number a name has.
    static let all = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ]
}
