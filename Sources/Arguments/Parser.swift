/// Reads a command line by the rules that runc's callers have come to depend on:
///
/// - Options of the program go before the command, those of a command anywhere after it; after the
///   first operand of a command that `stopsAtOperand`, every word is an operand.
/// - Any option may be written with one dash or two; its value follows as a word of its own, whatever
///   that starts with, or after `=`.
/// - An option without a value takes `=true` and `=false`.
/// - `--` makes operands of all that follows; a single `-` is an operand.
public struct Parser {
    private let words: [String]
    private var position = 0
    private let program: String

    /// The request of a command line, its first word being the program's name.
    public static func parse(_ arguments: [String]) -> Request {
        var parser = Parser(arguments)
        var globals = Values()
        let action: Request.Action
        do throws(Misuse) {
            try parser.checkEncoding()
            action = try parser.program(&globals)
        } catch {
            action = .misuse(error)
        }
        return Request(program: parser.program, globals: globals, action: action)
    }

    private init(_ arguments: [String]) {
        words = arguments
        program = arguments.first ?? "apus"
        position = arguments.isEmpty ? 0 : 1
    }

    /// Bytes that are not UTF-8 have come here as U+FFFD: the path they were in is not known any more.
    private func checkEncoding() throws(Misuse) {
        for word in words where word.unicodeScalars.contains("\u{fffd}") {
            throw Misuse("argument \"\(word)\" is not UTF-8", topic: .none)
        }
    }

    private mutating func program(_ globals: inout Values) throws(Misuse) -> Request.Action {
        let flags = Flag.globals
        while position < words.count {
            let word = words[position]
            if word == "--" {
                position += 1
                break
            }
            guard let option = Option(word) else { break }
            position += 1
            try take(option, of: flags, topic: .program, into: &globals)
        }
        if globals.isOn(.help) { return .help(nil) }
        if globals.isOn(.version) { return .version }
        guard position < words.count else { return .help(nil) }
        let word = words[position]
        position += 1
        guard let verb = Verb(rawValue: word) else { throw Self.unknownCommand(word) }
        return try command(verb)
    }

    private mutating func command(_ verb: Verb) throws(Misuse) -> Request.Action {
        let command = verb.command
        let flags = command.flags + [.showHelp]
        var options = Values()
        var operands: [String] = []
        while position < words.count {
            let word = words[position]
            if word == "--" {
                operands += words[(position + 1)...]
                break
            }
            if command.stopsAtOperand && !operands.isEmpty {
                operands += words[position...]
                break
            }
            position += 1
            if let option = Option(word) {
                try take(option, of: flags, topic: .command(verb), into: &options)
            } else {
                operands.append(word)
            }
        }
        if options.isOn(.help) { return .help(verb) }
        try checkCount(of: operands, command)
        switch verb {
        case .version: return .version
        case .help:
            guard let topic = operands.first else { return .help(nil) }
            guard let verb = Verb(rawValue: topic) else { throw Self.unknownCommand(topic) }
            return .help(verb)
        default: return .command(Invocation(verb: verb, options: options, operands: operands))
        }
    }

    private mutating func take(
        _ option: Option, of flags: [Flag], topic: Misuse.Topic, into values: inout Values
    ) throws(Misuse) {
        guard let flag = flags.first(where: { $0.isWritten(option.name) }) else {
            throw Self.unknownOption(option, flags, topic)
        }
        if flag.value == .toggle {
            guard let written = option.value else { return values.add(flag.name, Values.on) }
            guard let truth = Values.truth(written) else {
                throw Misuse(
                    "invalid value \"\(written)\" for \(option.written): not true or false", topic: topic)
            }
            return values.add(flag.name, truth ? Values.on : Values.off)
        }
        var value = option.value
        if value == nil, position < words.count {
            value = words[position]
            position += 1
        }
        guard let value else { throw Misuse("\(option.written) needs a value", topic: topic) }
        if case .number = flag.value, Int(value) == nil {
            throw Misuse("invalid value \"\(value)\" for \(option.written): not a whole number", topic: topic)
        }
        values.add(flag.name, value)
    }

    /// runc's words: callers and its test suite know them.
    private func checkCount(of operands: [String], _ command: Command) throws(Misuse) {
        let least = command.minimum
        let most = command.maximum
        let demand: String
        if least == most && operands.count != least {
            demand = "exactly \(least)"
        } else if operands.count < least {
            demand = "a minimum of \(least)"
        } else if let most, operands.count > most {
            demand = "a maximum of \(most)"
        } else {
            return
        }
        throw Misuse(
            "\(program): \"\(command.verb.rawValue)\" requires \(demand) argument(s)",
            topic: .command(command.verb))
    }

    private static func unknownCommand(_ word: String) -> Misuse {
        var names: [String] = []
        for verb in Verb.allCases { names.append(verb.rawValue) }
        let question = Spelling.question(word, names) { "\"\($0)\"" }
        return Misuse("unknown command \"\(word)\"" + question, topic: .none)
    }

    private static func unknownOption(_ option: Option, _ flags: [Flag], _ topic: Misuse.Topic) -> Misuse {
        let message = "unknown option \(option.written)"
        if topic != .program, Flag.globals.contains(where: { $0.isWritten(option.name) }) {
            return Misuse(message + "; it belongs before the command", topic: topic)
        }
        var names: [String] = []
        for flag in flags where !flag.isHidden { names.append(flag.name.rawValue) }
        return Misuse(message + Spelling.question(option.name, names) { "--" + $0 }, topic: topic)
    }
}

/// A word that starts with a dash, taken apart.
private struct Option {
    /// The word without its value: `--root`.
    var written: String
    /// Without dashes.
    var name: String
    /// What stands after `=`.
    var value: String?

    init?(_ word: String) {
        let bytes = word.utf8
        let dash = UInt8(ascii: "-")
        guard bytes.first == dash, bytes.count > 1 else { return nil }
        let end = bytes.firstIndex(of: UInt8(ascii: "=")) ?? bytes.endIndex
        var start = bytes.index(after: bytes.startIndex)
        if bytes[start] == dash { start = bytes.index(after: start) }
        written = String(word[..<end])
        name = start < end ? String(word[start..<end]) : ""
        value = end == bytes.endIndex ? nil : String(word[bytes.index(after: end)...])
    }
}

extension Flag {
    func isWritten(_ written: String) -> Bool {
        written == name.rawValue || (!short.isEmpty && written == short)
    }
}
