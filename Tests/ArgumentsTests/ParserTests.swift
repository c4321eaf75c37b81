import Testing

@testable import Arguments

/// The invocation that a command line amounts to, or an issue.
func invocation(_ words: String...) throws -> Invocation {
    let request = Parser.parse(["apus"] + words)
    guard case .command(let invocation) = request.action else {
        throw NotACommand(action: "\(request.action)")
    }
    return invocation
}

struct NotACommand: Error { var action: String }

func misuse(_ words: String...) -> Misuse? {
    guard case .misuse(let misuse) = Parser.parse(["apus"] + words).action else { return nil }
    return misuse
}

@Suite struct OptionForms {
    @Test(arguments: [
        ["--bundle", "/b"], ["-bundle", "/b"], ["--bundle=/b"], ["-bundle=/b"], ["-b", "/b"], ["-b=/b"],
        ["--b", "/b"],
    ])
    func oneDashOrTwoAndBothPlacesOfTheValue(_ option: [String]) throws {
        for words in [["create"] + option + ["c1"], ["create", "c1"] + option] {
            let request = Parser.parse(["apus"] + words)
            guard case .command(let invocation) = request.action else {
                Issue.record("\(words): \(request.action)")
                continue
            }
            #expect(invocation.verb == .create)
            #expect(invocation.options.text(.bundle) == "/b")
            #expect(invocation.operands == ["c1"])
        }
    }

    @Test(arguments: [
        ("--no-pivot", true), ("-no-pivot", true), ("--no-pivot=true", true), ("--no-pivot=1", true),
        ("--no-pivot=T", true), ("--no-pivot=false", false), ("--no-pivot=0", false),
        ("-no-pivot=FALSE", false),
    ])
    func toggles(_ option: String, _ isOn: Bool) throws {
        #expect(try invocation("create", option, "c1").options.isOn(.noPivot) == isOn)
    }

    @Test func aToggleTakesNoWordForItsValue() throws {
        let list = misuse("list", "--quiet", "false")
        #expect(list?.message == "apus: \"list\" requires exactly 0 argument(s)")
    }

    @Test(arguments: ["--quiet=yes", "-q=", "--quiet=2"])
    func toggleValuesThatAreNone(_ option: String) {
        #expect(misuse("list", option)?.message.contains("not true or false") == true)
        #expect(misuse("list", option)?.topic == .command(.list))
    }

    @Test func valuesMayStartWithADash() throws {
        let update = try invocation(
            "update", "--memory-swap", "-1", "--cpu-quota=-1", "--resources", "-", "c1")
        #expect(update.options.text(.memorySwap) == "-1")
        #expect(update.options.text(.cpuQuota) == "-1")
        #expect(update.options.text(.resources) == "-")
        #expect(update.operands == ["c1"])
        #expect(try invocation("create", "--bundle", "--no-pivot", "c").options.text(.bundle) == "--no-pivot")
        #expect(try invocation("create", "--bundle", "--", "c").options.text(.bundle) == "--")
    }

    @Test func valuesMayHoldEqualsSignsAndBeEmpty() throws {
        #expect(try invocation("exec", "-e=A=B=C", "c1", "sh").options.text(.env) == "A=B=C")
        let create = try invocation("create", "--bundle=", "--pid-file", "", "c1")
        #expect(create.options.text(.bundle) == "")
        #expect(create.options.text(.pidFile) == "")
    }

    @Test func repeatableOptionsAreNotSplit() throws {
        let exec = try invocation("exec", "--env", "A=1,B=2", "-e", "C=3", "--cap=X", "c1", "sh")
        #expect(exec.options.all(.env) == ["A=1,B=2", "C=3"])
        #expect(exec.options.all(.cap) == ["X"])
    }

    @Test func ofOtherOptionsTheLastOneHolds() throws {
        let create = try invocation(
            "create", "-b", "one", "--no-pivot", "--bundle", "two", "--no-pivot=false", "c")
        #expect(create.options.text(.bundle) == "two")
        #expect(!create.options.isOn(.noPivot))
        #expect(create.options.isGiven(.noPivot))
        #expect(!create.options.isGiven(.pidFile))
    }

    @Test(arguments: ["x", "", "1.5", "0x10", "99999999999999999999", " 1"])
    func wholeNumbersOnly(_ written: String) {
        #expect(
            misuse("create", "--preserve-fds", written, "c1")?.message.contains("not a whole number") == true)
    }

    @Test func numbers() throws {
        #expect(try invocation("create", "--preserve-fds", "3", "c1").options.number(.preserveFds) == 3)
        #expect(try invocation("create", "--preserve-fds=-1", "c1").options.number(.preserveFds) == -1)
        #expect(try invocation("create", "c1").options.number(.preserveFds) == nil)
    }

    @Test func aValueThatIsMissing() {
        #expect(misuse("create", "c1", "--bundle")?.message == "--bundle needs a value")
        #expect(misuse("--root")?.message == "--root needs a value")
        #expect(misuse("--root")?.topic == .program)
    }
}

@Suite struct Operands {
    @Test func optionsMayFollowThem() throws {
        let create = try invocation("create", "c1", "--bundle", "/b", "--no-pivot")
        #expect(create.operands == ["c1"])
        #expect(create.options.isOn(.noPivot))
    }

    @Test func exceptWhereTheyBelongToAnotherProgram() throws {
        let exec = try invocation("exec", "-t", "--cwd", "/", "c1", "ls", "-l", "--tty", "--", "-d")
        #expect(exec.operands == ["c1", "ls", "-l", "--tty", "--", "-d"])
        #expect(exec.options.isOn(.tty))
        #expect(!exec.options.isOn(.detach))
        #expect(try invocation("ps", "--format", "table", "c1", "-ef").operands == ["c1", "-ef"])
        #expect(try invocation("kill", "--all", "c1", "9").options.isOn(.all))
        // `-a` is the second operand here, and so a signal that does not exist.
        #expect(try invocation("kill", "c1", "-a").operands == ["c1", "-a"])
    }

    @Test func helpAfterThemIsTheOtherProgramsToo() throws {
        #expect(try invocation("exec", "c1", "--help").operands == ["c1", "--help"])
        #expect(Parser.parse(["apus", "create", "c1", "--help"]).action == .help(.create))
    }

    @Test func twoDashesEndTheOptions() throws {
        #expect(try invocation("state", "--", "-c1").operands == ["-c1"])
        #expect(try invocation("create", "--no-pivot", "--", "--").operands == ["--"])
        // As runc has it, those directly after the container's ID are not the command's.
        #expect(try invocation("exec", "c1", "--", "ls", "--").operands == ["c1", "ls", "--"])
        #expect(try invocation("exec", "--", "c1", "-l").operands == ["c1", "-l"])
        #expect(try invocation("--", "state", "c1").operands == ["c1"])
    }

    @Test func aDashAndAnEmptyWordAreOperands() throws {
        #expect(try invocation("state", "-").operands == ["-"])
        #expect(try invocation("state", "").operands == [""])
    }

    @Test(arguments: [
        (["state"], "\"state\" requires exactly 1 argument(s)"),
        (["state", "a", "b"], "\"state\" requires exactly 1 argument(s)"),
        (["list", "a"], "\"list\" requires exactly 0 argument(s)"),
        (["kill"], "\"kill\" requires a minimum of 1 argument(s)"),
        (["kill", "a", "9", "c"], "\"kill\" requires a maximum of 2 argument(s)"),
        (["exec"], "\"exec\" requires a minimum of 1 argument(s)"),
        (["plan", "a", "b"], "\"plan\" requires a maximum of 1 argument(s)"),
    ])
    func theirNumber(_ words: [String], _ message: String) throws {
        let request = Parser.parse(["/usr/bin/apus"] + words)
        let verb = try #require(Verb(rawValue: words[0]))
        #expect(request.action == .misuse(Misuse("/usr/bin/apus: " + message, topic: .command(verb))))
    }
}

@Suite struct WholeLines {
    @Test func optionsOfTheProgramGoBeforeTheCommand() throws {
        let request = Parser.parse([
            "apus", "--root", "/r", "--log", "/l", "-log-format", "json", "--systemd-cgroup",
            "--rootless=false",
            "delete", "--force", "c1",
        ])
        #expect(request.globals.text(.root) == "/r")
        #expect(request.globals.text(.log) == "/l")
        #expect(request.globals.text(.logFormat) == "json")
        #expect(request.globals.isOn(.systemdCgroup))
        #expect(request.globals.text(.rootless) == "false")
        guard case .command(let delete) = request.action else {
            Issue.record("\(request.action)")
            return
        }
        #expect(delete.options.isOn(.force))
        #expect(
            misuse("delete", "--root", "/r", "c1")?.message
                == "unknown option --root; it belongs before the command")
    }

    @Test func optionsOfTheProgramOutliveMisuseOfTheCommand() {
        let request = Parser.parse(["apus", "--log", "/l", "create", "--nonsense"])
        #expect(request.globals.text(.log) == "/l")
        guard case .misuse = request.action else {
            Issue.record("\(request.action)")
            return
        }
    }

    @Test func aNameThatTwoTablesShareIsReadByItsPlace() throws {
        let request = Parser.parse(["apus", "--rootless", "auto", "spec", "--rootless"])
        #expect(request.globals.text(.rootless) == "auto")
        guard case .command(let spec) = request.action else {
            Issue.record("\(request.action)")
            return
        }
        #expect(spec.options.isOn(.rootless))
    }

    @Test(arguments: [
        ([], Request.Action.help(nil)), (["--help"], .help(nil)), (["-h"], .help(nil)),
        (["help"], .help(nil)),
        (["-h", "state"], .help(nil)), (["help", "kill"], .help(.kill)), (["kill", "-h"], .help(.kill)),
        (["kill", "--help"], .help(.kill)), (["state", "a", "b", "-h"], .help(.state)),
        (["help", "--help"], .help(.help)), (["-v"], .version), (["--version"], .version),
        (["version"], .version), (["--version", "list"], .version), (["--help=false", "-v"], .version),
        (["--help", "--version"], .help(nil)),
    ])
    func helpAndVersion(_ words: [String], _ action: Request.Action) {
        #expect(Parser.parse(["apus"] + words).action == action)
    }

    @Test func noWordsAtAll() { #expect(Parser.parse([]).action == .help(nil)) }

    @Test func whatEnginesWrite() throws {
        let create = try invocation(
            "--root", "/run/containerd/runc/k8s.io", "--log", "/b/log.json", "--log-format", "json",
            "--systemd-cgroup", "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--console-socket",
            "/s",
            "c1")
        #expect(create.options.text(.consoleSocket) == "/s")
        let restore = try invocation(
            "restore", "--image-path", "/i", "--detach", "--pid-file", "/p", "-no-subreaper", "--bundle",
            "/b", "c1")
        #expect(restore.options.isOn(.noSubreaper))
        #expect(try invocation("events", "--interval=5s", "c1").options.text(.interval) == "5s")
        #expect(try invocation("update", "--resources=-", "c1").options.text(.resources) == "-")
        #expect(try invocation("list", "--format=json").options.text(.format) == "json")
        #expect(try invocation("kill", "-a", "c1", "15").operands == ["c1", "15"])
    }
}

@Suite struct Mistakes {
    @Test(arguments: [
        ("crate", "create"), ("dlete", "delete"), ("lsit", "list"),
        ("feature", "features"),
    ])
    func commands(_ typed: String, _ meant: String) {
        #expect(misuse(typed)?.message == "unknown command \"\(typed)\"; did you mean \"\(meant)\"?")
        #expect(misuse(typed)?.topic == Misuse.Topic.none)
        #expect(misuse("help", typed)?.message == "unknown command \"\(typed)\"; did you mean \"\(meant)\"?")
    }

    @Test func bytesThatAreNoText() {
        let path = String(decoding: [0x2f, 0xff, 0x62] as [UInt8], as: UTF8.self)
        #expect(misuse("create", "--pid-file", path, "c1")?.message == "argument \"/\u{fffd}b\" is not UTF-8")
        #expect(misuse("create", "--pid-file", "/é🐦", "c1") == nil)
    }

    @Test func severalAreAsNear() {
        #expect(misuse("stat")?.message == "unknown command \"stat\"; did you mean \"start\" or \"state\"?")
    }

    @Test func nothingIsNear() {
        #expect(misuse("x")?.message == "unknown command \"x\"")
        #expect(misuse("")?.message == "unknown command \"\"")
        #expect(misuse(String(repeating: "c", count: 100_000))?.message.contains("did you mean") == false)
    }

    @Test func options() {
        #expect(
            misuse("create", "--bundel", "/b", "c")?.message
                == "unknown option --bundel; did you mean --bundle?")
        #expect(
            misuse("create", "--pidfile=x", "c")?.message
                == "unknown option --pidfile; did you mean --pid-file?")
        #expect(misuse("--rot", "/r", "list")?.message == "unknown option --rot; did you mean --root?")
        #expect(misuse("create", "-x", "c")?.message == "unknown option -x")
        #expect(misuse("create", "--=x", "c")?.message == "unknown option --")
        #expect(misuse("create", "-=x", "c")?.message == "unknown option -")
        #expect(misuse("create", "---bundle", "c")?.topic == .command(.create))
    }

    @Test func distances() {
        func distance(_ left: String, _ right: String) -> Int {
            Spelling.distance(Array(left.utf8), Array(right.utf8))
        }
        #expect(distance("", "") == 0)
        #expect(distance("", "abc") == 3)
        #expect(distance("abc", "") == 3)
        #expect(distance("abc", "acb") == 1)
        #expect(distance("kitten", "sitting") == 3)
        #expect(distance("ca", "abc") == 3)
    }
}
