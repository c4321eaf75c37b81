import Arguments
import Foundation
import Testing

@testable import Manual

/// The pages, as text and as the two programs that set them see them.
@Suite struct ManualTests {
    @Test func everyCommandHasAPage() {
        let names = Page.all.map(\.name)
        #expect(Set(names).count == names.count)
        for verb in Verb.allCases where verb != .help && verb != .version {
            #expect(names.contains("apus-\(verb.rawValue)"))
        }
        #expect(names.first == "apus")
    }

    /// Options that help leaves out are here too.
    @Test(arguments: Verb.allCases)
    func everyOptionIsThere(_ verb: Verb) {
        let text = Page.of(verb).text
        for flag in verb.command.flags {
            #expect(text.contains("\\fB\(Roff.escaped("--" + flag.name.rawValue))\\fR"), "\(flag.name)")
            if !flag.short.isEmpty { #expect(text.contains("\\fB\\-\(flag.short)\\fR, "), "-\(flag.short)") }
        }
        for operand in verb.command.operands {
            #expect(text.contains("\\fI\(Roff.escaped(operand.name))\\fR"))
        }
    }

    @Test func programsOptionsAndCommands() {
        let text = Page.program.text
        for flag in Flag.globals {
            #expect(text.contains("\\fB\(Roff.escaped("--" + flag.name.rawValue))\\fR"))
        }
        for verb in Verb.allCases { #expect(text.contains(verb.rawValue)) }
    }

    @Test func escapes() {
        #expect(Roff.escaped(#"a-b\c"d'e"#) == #"a\-b\ec\(dqd\(aqe"#)
        #expect(Roff.marked("a `--b` c") == #"a \fB\-\-b\fR c"#)
        var roff = Roff()
        roff.line(".x")
        roff.line("'y")
        #expect(roff.text == "\\&.x\n\\&'y\n")
    }

    static let checkers: [[String]] = [
        ["/usr/bin/mandoc", "-T", "lint", "-W", "warning"],
        ["/usr/bin/groff", "-man", "-ww", "-T", "utf8", "-z"],
    ]

    /// Neither has anything to complain of.
    @Test(arguments: Page.all.map(\.name), checkers)
    func isWellFormed(_ name: String, _ checker: [String]) throws {
        try withKnownProgram(checker[0]) {
            let page = try #require(Page.all.first { $0.name == name })
            #expect(try output(of: checker, given: page.text) == "")
        }
    }

    /// What a reader sees.
    @Test func reads() throws {
        try withKnownProgram("/usr/bin/mandoc") {
            let text = try output(
                of: ["/usr/bin/mandoc", "-T", "ascii", "-O", "width=79"], given: Page.of(.kill).text)
            let plain = text.replacing(/.\u{8}/, with: "")
            #expect(plain.contains("apus-kill - send a signal to the container's first process"))
            #expect(plain.contains("apus [global-option...] kill [option...] ID [SIGNAL]"))
            #expect(plain.contains("-r, --regex"))
            #expect(plain.contains("apus kill --regex '^web-[0-9]+$' KILL"))
        }
    }

    private func withKnownProgram(_ path: String, _ body: () throws -> Void) throws {
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("skipped: manual: there is no \(path)")
            return
        }
        try body()
    }

    /// Standard output and error together.
    private func output(of command: [String], given text: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}
