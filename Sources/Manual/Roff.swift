/// Text for man(7), as groff and mandoc set it.
struct Roff {
    private(set) var text = ""
    private var isAfterHeading = false

    /// A line of the request `name`, its arguments quoted.
    mutating func request(_ name: String, _ arguments: String...) {
        text += "." + name
        for argument in arguments { text += " \"" + Self.escaped(argument) + "\"" }
        text += "\n"
        isAfterHeading = name == "SH"
    }

    /// The first line: the page's name, in capitals, and who it is from.
    mutating func title(_ name: String, _ section: String, date: String) {
        // A date is read by programs: its dashes stay dashes.
        text +=
            ".TH \"\(Self.escaped(name.uppercased()))\" \"\(section)\" \"\(date)\" \"apus\" \"User Commands\"\n"
    }

    /// A paragraph of its own.
    mutating func paragraph(_ words: String) {
        // The first one begins with its heading.
        if !isAfterHeading { request("PP") }
        line(Self.marked(words))
    }

    /// A term, already marked up, and what is said of it.
    mutating func item(_ term: String, _ words: String) {
        request("TP")
        line(term)
        line(Self.marked(words))
    }

    /// Lines that stay as they are.
    mutating func example(_ lines: [String]) {
        request("PP")
        request("nf")
        request("RS", "4")
        for some in lines { line(Self.escaped(some)) }
        request("RE")
        request("fi")
    }

    /// A line of text that is set as it is: a full stop or an apostrophe at its front would make it a request.
    mutating func line(_ marked: String) {
        isAfterHeading = false
        if marked.hasPrefix(".") || marked.hasPrefix("'") { text += "\\&" }
        text += marked + "\n"
    }

    static func bold(_ words: String) -> String { "\\fB\(escaped(words))\\fR" }
    static func italic(_ words: String) -> String { "\\fI\(escaped(words))\\fR" }

    /// Backslashes and the characters that typesetters make others of.
    static func escaped(_ words: String) -> String {
        var result = ""
        for character in words {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            default: result.append(character)
            }
        }
        return result
    }

    /// Escaped, with what stands between grave accents in bold.
    static func marked(_ words: String) -> String {
        var result = ""
        for (position, part) in words.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
            result += position % 2 == 1 ? bold(String(part)) : escaped(String(part))
        }
        return result
    }
}
