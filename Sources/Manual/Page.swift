import Arguments

/// A page of the manual, made of the tables that the command line is parsed by.
public struct Page: Equatable, Sendable {
    /// Without the section: `apus-create`.
    public var name: String
    /// man(7).
    public var text: String

    /// The section of all pages: user commands.
    public static let section = "1"

    /// Every page: the program's, and one for each command but `help` and `version`, which are its own options.
    public static var all: [Page] {
        [program] + Verb.allCases.filter { $0 != .help && $0 != .version }.map { of($0) }
    }

    /// The page of a command.
    public static func of(_ verb: Verb) -> Page {
        let command = verb.command
        let name = "apus-\(verb.rawValue)"
        var roff = begin(name, command.summary)
        roff.request("SH", "SYNOPSIS")
        roff.line(
            "\(Roff.bold("apus")) [\(Roff.italic("global-option"))...] \(Roff.bold(verb.rawValue)) "
                + (["[\(Roff.italic("option"))...]"] + command.operands.map(synopsis)).joined(separator: " "))
        roff.request("SH", "DESCRIPTION")
        for paragraph in command.details + verb.explanation { roff.paragraph(paragraph) }
        if command.details.isEmpty && verb.explanation.isEmpty {
            roff.paragraph("Does what its name says: \(command.summary).")
        }
        if !command.flags.isEmpty {
            roff.request("SH", "OPTIONS")
            options(command.flags, &roff)
        }
        end(verb, &roff)
        return Page(name: name, text: roff.text)
    }

    /// The program's page.
    static var program: Page {
        var roff = begin("apus", "Open Container Initiative runtime")
        roff.request("SH", "SYNOPSIS")
        roff.line(
            "\(Roff.bold("apus")) [\(Roff.italic("option"))...] \(Roff.italic("command")) "
                + "[\(Roff.italic("option"))...] [\(Roff.italic("argument"))...]")
        roff.request("SH", "DESCRIPTION")
        for paragraph in ProgramText.description { roff.paragraph(paragraph) }
        roff.request("SH", "COMMANDS")
        for verb in Verb.allCases {
            let command = verb.command
            let hasPage = verb != .help && verb != .version
            roff.item(
                hasPage ? "\(Roff.bold("apus-\(verb.rawValue)"))(\(section))" : Roff.bold(verb.rawValue),
                sentence(command.summary))
        }
        roff.request("SH", "OPTIONS")
        roff.paragraph(ProgramText.options)
        options(Flag.globals, &roff)
        for (title, items) in [
            ("ANNOTATIONS", ProgramText.annotations), ("ENVIRONMENT", ProgramText.environment),
            ("FILES", ProgramText.files), ("EXIT STATUS", ProgramText.exitStatus),
        ] {
            roff.request("SH", title)
            if title == "ANNOTATIONS" { roff.paragraph(ProgramText.aboutAnnotations) }
            for item in items { roff.item(Roff.bold(item.term), item.meaning) }
        }
        roff.request("SH", "EXAMPLES")
        for example in ProgramText.examples {
            roff.paragraph(example.words)
            roff.example(example.lines)
        }
        roff.request("SH", "SEE ALSO")
        roff.line(
            Verb.allCases.filter { $0 != .help && $0 != .version }
                .map { "\(Roff.bold("apus-\($0.rawValue)"))(\(section))" }.joined(separator: ",\n"))
        return Page(name: "apus", text: roff.text)
    }

    // MARK: parts

    private static func begin(_ name: String, _ summary: String) -> Roff {
        var roff = Roff()
        roff.title(name, section, date: ProgramText.date)
        roff.request("SH", "NAME")
        roff.line("\(Roff.escaped(name)) \\- \(Roff.escaped(summary))")
        return roff
    }

    private static func end(_ verb: Verb, _ roff: inout Roff) {
        if !verb.examples.isEmpty {
            roff.request("SH", "EXAMPLES")
            for example in verb.examples {
                roff.paragraph(example.words)
                roff.example(example.lines)
            }
        }
        roff.request("SH", "EXIT STATUS")
        roff.paragraph(verb.exitStatus)
        roff.request("SH", "SEE ALSO")
        let others = ["apus"] + verb.related.map { "apus-\($0.rawValue)" }
        roff.line(others.map { "\(Roff.bold($0))(\(section))" }.joined(separator: ",\n"))
    }

    private static func synopsis(_ operand: Command.Operand) -> String {
        let name = Roff.italic(operand.name) + (operand.isRepeated ? "..." : "")
        return operand.isOptional ? "[\(name)]" : name
    }

    private static func options(_ flags: [Flag], _ roff: inout Roff) {
        for flag in flags {
            var words = sentence(flag.meaning)
            if flag.isRepeatable { words += " May be repeated." }
            if !flag.fallback.isEmpty { words += " Default: \(flag.fallback)." }
            if let more = ProgramText.more[flag.name] { words += " " + more }
            roff.item(term(flag), words)
        }
    }

    /// How the option is written: `-b, --bundle DIR`.
    private static func term(_ flag: Flag) -> String {
        var term = flag.short.isEmpty ? "" : Roff.bold("-\(flag.short)") + ", "
        term += Roff.bold("--\(flag.name.rawValue)")
        switch flag.value {
        case .toggle: return term
        case .text(let placeholder), .number(let placeholder): return "\(term) \(Roff.italic(placeholder))"
        case .choice(let words): return "\(term) \(words.map(Roff.bold).joined(separator: "|"))"
        }
    }

    /// The tables' phrases have neither a capital nor a full stop.
    private static func sentence(_ phrase: String) -> String {
        phrase.prefix(1).uppercased() + phrase.dropFirst() + "."
    }
}
