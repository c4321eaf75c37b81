import Arguments
import Testing

@testable import Completion

/// Everything that the tables have is in every script, where it belongs.
@Suite struct TableTests {
    /// What the parser takes: those that help leaves out, too, and --help.
    static func options(_ verb: Verb) -> [Flag] {
        verb.command.flags + Flag.globals.filter { $0.name.rawValue == "help" }
    }

    @Test(arguments: Verb.allCases)
    func bashHasTheCommand(_ verb: Verb) throws {
        let text = Script.bash.text
        let lists = text.split(separator: "\n").filter { $0.hasPrefix("    \(verb.rawValue)) list='") }
        let list = try #require(lists.first)
        let words = list.split { " '".contains($0) }.map(String.init)
        for flag in Self.options(verb) {
            for spelling in flag.spellings { #expect(words.contains(spelling)) }
            let name = "    \(verb.rawValue)/\(flag.name.rawValue)"
            #expect(text.contains("\(name) ") || text.contains("\(name))") || flag.value == .toggle)
        }
        #expect(text.contains("kind=words list='\(Verb.allCases.map(\.rawValue).joined(separator: " "))'"))
    }

    @Test(arguments: Verb.allCases)
    func zshHasTheCommand(_ verb: Verb) throws {
        let text = Script.zsh.text
        #expect(text.contains("        '\(verb.rawValue):"))
        let start = try #require(text.range(of: "\n    \(verb.rawValue))\n"))
        let end = try #require(text[start.upperBound...].range(of: ";;"))
        let branch = text[start.upperBound..<end.lowerBound]
        for flag in Self.options(verb) {
            for spelling in flag.spellings { #expect(branch.contains(spelling)) }
        }
        for operand in verb.command.operands {
            #expect(branch.contains(":\(operand.name):"))
        }
    }

    @Test(arguments: Verb.allCases)
    func fishHasTheCommand(_ verb: Verb) {
        let lines = Script.fish.text.split(separator: "\n")
        let front = "complete -c apus -n"
        #expect(lines.contains { $0.hasPrefix("\(front) __apus_wants_command -a \(verb.rawValue) -d '") })
        let own = lines.filter { $0.hasPrefix("\(front) '__apus_wants_option \(verb.rawValue)' ") }
        #expect(own.count == Self.options(verb).count)
        for flag in Self.options(verb) {
            let short = flag.short.isEmpty ? "" : "-s \(flag.short) "
            #expect(own.contains { $0.contains("' \(short)-l \(flag.name.rawValue) ") })
        }
    }

    @Test func programsOptions() {
        for flag in Flag.globals {
            for spelling in flag.spellings {
                #expect(Script.bash.text.contains(spelling))
                #expect(Script.zsh.text.contains(spelling))
            }
            #expect(
                Script.fish.text.split(separator: "\n").contains {
                    $0.hasPrefix("complete -c apus -n '__apus_wants_command' ")
                        && $0.contains(" -l \(flag.name.rawValue) ")
                })
        }
    }

    /// Each is a signal, and no signal has two.
    @Test func signals() {
        #expect(SignalNames.all.compactMap(SignalName.number) == Array(1...31))
    }

    /// Paths in the container are not looked for on the host.
    @Test func whatFollowsOptions() throws {
        func offer(_ verb: Verb, _ name: Flag.Name) throws -> Offer? {
            try #require(verb.command.flags.first { $0.name == name }).offer
        }
        #expect(try offer(.create, .bundle) == .directories)
        #expect(try offer(.create, .config) == .files)
        #expect(try offer(.create, .consoleSocket) == .files)
        #expect(try offer(.create, .noPivot) == nil)
        #expect(try offer(.create, .preserveFds) == .nothing)
        #expect(try offer(.exec, .cwd) == .nothing)
        #expect(try offer(.exec, .cgroup) == .nothing)
        #expect(try offer(.update, .cpuIdle) == .words(["0", "1"]))
        #expect(try offer(.list, .format) == .words(["table", "json"]))
        #expect(Verb.run.command.offers.map(\.offer) == [.nothing])
        #expect(Verb.mounts.command.offers.map(\.offer) == [.words(["add", "remove"]), .containers, .files])
        #expect(Verb.exec.command.offers.map(\.offer) == [.containers, .nothing])
        #expect(Verb.plan.command.offers.map(\.offer) == [.directories])
    }
}
