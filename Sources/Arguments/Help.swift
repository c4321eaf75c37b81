/// The text of `--help`.
public enum Help {
    /// Help on a command, or on the whole program.
    public static func text(_ verb: Verb?) -> String {
        guard let verb else { return program }
        let command = verb.command
        var text = "NAME:\n   apus \(verb.rawValue) - \(command.summary)\n\n"
        text += "USAGE:\n   apus \(verb.rawValue) [OPTION...]"
        for operand in command.operands {
            let name = operand.name + (operand.isRepeated ? "..." : "")
            text += operand.isOptional ? " [\(name)]" : " \(name)"
        }
        text += "\n"
        if !command.details.isEmpty {
            text += "\nDESCRIPTION:\n"
            for paragraph in command.details { text += wrapped(paragraph, indent: 3, first: 3) + "\n" }
        }
        return text + "\nOPTIONS:\n" + options(command.flags + [.showHelp])
    }

    private static var program: String {
        var text = """
            NAME:
               apus - Open Container Initiative runtime

            USAGE:
               apus [OPTION...] COMMAND [OPTION...] [ARGUMENT...]

            DESCRIPTION:
               A container is created from a bundle: a directory with a config.json and,
               usually, the container's root file system.

            COMMANDS:

            """
        for verb in Verb.allCases { text += line(verb.rawValue, verb.command.summary, column: 16) }
        return text + "\nOPTIONS:\n" + options(Flag.globals)
            + "\n\"apus COMMAND --help\" tells more of a command.\n"
    }

    private static func options(_ flags: [Flag]) -> String {
        var text = ""
        for flag in flags where !flag.isHidden {
            var help = flag.meaning
            if flag.isRepeatable { help += "; may be repeated" }
            if !flag.fallback.isEmpty { help += " (default: \(flag.fallback))" }
            text += line(flag.synopsis, help, column: 28)
        }
        return text
    }

    /// A name and, in the given column, what it is; on a line of its own if the name is too long.
    private static func line(_ name: String, _ meaning: String, column: Int) -> String {
        let start = "   " + name
        let room = column - start.utf8.count
        if room < 2 { return start + "\n" + wrapped(meaning, indent: column, first: column) + "\n" }
        return start + String(repeating: " ", count: room)
            + wrapped(meaning, indent: column, first: 0, used: column)
            + "\n"
    }

    /// `text` in lines of at most 79 columns, where it has spaces to break at.
    private static func wrapped(_ text: String, indent: Int, first: Int, used: Int = 0) -> String {
        var result = String(repeating: " ", count: first)
        var width = max(first, used)
        var isLineEmpty = true
        for word in text.split(separator: " ") {
            if !isLineEmpty && width + 1 + word.count > 79 {
                result += "\n" + String(repeating: " ", count: indent)
                width = indent
                isLineEmpty = true
            }
            if !isLineEmpty {
                result += " "
                width += 1
            }
            result += word
            width += word.count
            isLineEmpty = false
        }
        return result
    }
}

extension Flag {
    /// How the option is written: `-b, --bundle DIR`.
    public var synopsis: String {
        let names = (short.isEmpty ? "" : "-\(short), ") + "--\(name.rawValue)"
        switch value {
        case .toggle: return names
        case .text(let placeholder), .number(let placeholder): return "\(names) \(placeholder)"
        case .choice(let words): return "\(names) \(words.joined(separator: "|"))"
        }
    }
}
