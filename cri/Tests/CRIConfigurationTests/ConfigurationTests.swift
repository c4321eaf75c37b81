import Foundation
import Testing

@testable import CRIConfiguration

struct ConfigurationTests {
    private func findings(_ text: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try Configuration(text, file: "c.toml")
            return []
        } catch {
            return error.findings.map(\.description)
        }
    }

    @Test func theDefaultTextIsTheDefaults() throws {
        #expect(try Configuration(Configuration.defaultText, file: "default") == Configuration())
        #expect(try Configuration("", file: "empty") == Configuration())
    }

    @Test func theDefaultTextHasEverySettingAndFitsALine() {
        let lines = Configuration.defaultText.split(separator: "\n")
        for section in Settings.sections {
            for setting in section.settings { #expect(lines.contains { $0.hasPrefix("\(setting.name) = ") }) }
        }
        for setting in Settings.handler { #expect(lines.contains { $0.hasPrefix("\(setting.name) = ") }) }
        #expect(lines.allSatisfy { $0.count <= 120 })
    }

    /// Each setting is given the default's text with something else in it, so that none goes where another should.
    @Test func eachSettingChangesItsOwnFieldOnly() throws {
        var seen: [Configuration] = [Configuration()]
        for section in Settings.sections {
            for setting in section.settings {
                let shown = setting.show(Configuration())
                let value =
                    switch shown {
                    case "true": "false"
                    case "false": "true"
                    case #""info""#: #""debug""#
                    case #""text""#: #""json""#
                    case #""auto""#: #""systemd""#
                    case #""unconfined""#: #""runtime/default""#
                    case #""0660""#: #""0600""#
                    case #""apus""#: #""crun""#
                    case #""system_u:system_r:container_t""#: #""a:b:c""#
                    case #""system_u:object_r:container_file_t""#: #""a:b:c""#
                    case #""""#:
                        setting.name == "name" || setting.name == "apparmor_profile" ? #""n""# : #""/x""#
                    case "[]": setting.name == "ulimits" ? #"["core=0"]"# : #"["/x"]"#
                    case _ where setting.name == "capabilities": "[]"
                    case _ where setting.name == "exec_output": "1"
                    case _ where shown.hasPrefix("["): #"["/x"]"#
                    case _ where shown.hasPrefix("\"/"): #""/x""#
                    case _ where Int(shown) != nil: "7"
                    default: shown.contains("B\"") ? "\"7KiB\"" : "\"7s\""
                    }
                let path = (section.path + [setting.name]).joined(separator: ".")
                let changed = try Configuration(
                    "\(path) = \(value)\n[handlers.crun]\npath = \"/usr/bin/crun\"", file: path)
                var handlerless = changed
                handlerless.handlers["crun"] = nil
                #expect(!seen.contains(handlerless), "\(path) changes nothing, or what another one changes")
                seen.append(handlerless)
                // What is written and read again is the same.
                #expect(setting.show(changed) != shown, "\(path)")
            }
        }
        #expect(seen.count > 50)
    }

    @Test func handlersAreAddedToTheDefaultOne() throws {
        let read = try Configuration(
            """
            default_handler = "crun"
            [handlers.crun]
            path = "/usr/bin/crun"
            arguments = ["--cgroup-manager=disabled"]
            pod_annotations = ["a.*"]
            [handlers.apus]
            privileged_without_host_devices = true
            """, file: "c.toml")
        #expect(read.handlers.keys.sorted() == ["apus", "crun"])
        #expect(read.handlers["crun"]?.kind == .oci)
        #expect(read.handlers["crun"]?.arguments == ["--cgroup-manager=disabled"])
        #expect(read.handlers["apus"]?.path == "/usr/bin/apus")
        #expect(read.handlers["apus"]?.privilegedWithoutHostDevices == true)
    }

    @Test func valuesWithUnits() throws {
        let read = try Configuration(
            """
            images = { stall_timeout = "1500ms", limits = { layer = "3GiB", path = 100 } }
            pods.kill_timeout = "2m"
            pods.ulimits = ["nofile=1024:unlimited", "core=0"]
            socket.mode = "0600"
            """, file: "c.toml")
        #expect(read.images.stallTimeout.duration == .milliseconds(1500))
        #expect(read.images.limits.layer.bytes == 3 << 30)
        #expect(read.images.limits.path.bytes == 100)
        #expect(read.pods.killTimeout.duration == .seconds(120))
        #expect(read.pods.ulimits.map(\.hard) == [.max, 0])
        #expect(read.pods.ulimits.map(\.soft) == [1024, 0])
        #expect(read.socket.mode.rawValue == 0o600)
    }

    @Test(arguments: [
        ("rot = \"/x\"", #"c.toml:1:1: rot is no setting; did you mean "root"?"#),
        ("\n[imagse]\n", #"c.toml:2:2: imagse is no setting; did you mean "images"?"#),
        (
            "[images]\n  dowloads = 3",
            #"c.toml:2:3: images.dowloads is no setting; did you mean "downloads"?"#
        ),
        ("[pods]\nxyzzy = 1", "c.toml:2:1: pods.xyzzy is no setting"),
        ("[images.limits]\n\"a b\" = 1", #"c.toml:2:1: images.limits."a b" is no setting"#),
        (
            "[images]\ndownloads = \"3\"",
            #"c.toml:2:13: images.downloads is "3", which is not a whole number"#
        ),
        ("[images]\ndownloads = 0", "c.toml:2:13: images.downloads is 0: it has to be 1 or more"),
        (
            "[images]\ndownloads = 1.5",
            "c.toml:2:13: images.downloads is a floating-point number, which is not a whole number"
        ),
        ("root = \"x\"", #"c.toml:1:8: root is "x", which is not an absolute path"#),
        ("images = 5", "c.toml:1:10: images is the number 5, which is not a table: [images]"),
        ("[[images]]\n", "c.toml:1:3: images is an array, which is not a table: [images]"),
        (
            "[log]\nlevel = \"loud\"",
            #"c.toml:2:9: log.level is "loud", which is not "trace", "debug", "info", "notice", "warning", "error" or "critical""#
        ),
        (
            "[socket]\nmode = 660",
            #"c.toml:2:8: socket.mode is the number 660, which is not an octal number up to "0777" in quotes"#
        ),
        (
            "[socket]\nmode = \"1777\"",
            #"c.toml:2:8: socket.mode is "1777", which is not an octal number up to "0777" in quotes"#
        ),
        (
            "[network]\nplugins = [\n  \"/a\",\n  7,\n]",
            "c.toml:4:3: network.plugins[1] is the number 7, which is not text in quotes"
        ),
        (
            "[pods]\nulimits = [\"nofil=1\"]",
            #"c.toml:2:12: pods.ulimits[0] has the name "nofil", which getrlimit(2) does not know; did you mean "nofile"?"#
        ),
        (
            "[pods]\nulimits = [\"nofile=2:1\"]",
            "c.toml:2:12: pods.ulimits[0] has a soft limit above the hard one"
        ),
        (
            "[pods]\ncapabilities = [\"CAP_CHWON\"]",
            #"c.toml:2:16: pods.capabilities has "CAP_CHWON", which is no capability; did you mean "CAP_CHOWN"?"#
        ),
        (
            "[pods]\nexec_output = \"17MiB\"",
            #"c.toml:2:15: pods.exec_output is "17MiB": it has to be from 1 to "16MiB""#
        ),
        (
            "[pods]\nkill_timeout = \"9223372036854775807h\"",
            #"c.toml:2:16: pods.kill_timeout is "9223372036854775807h", which is not a time, such as "500ms", "10s", "5m" or "1h""#
        ),
        ("[handlers.crun]\n", "c.toml:1:11: handlers.crun has no path; give the executable's"),
        (
            "[handlers.crun]\npath = \"crun\"",
            #"c.toml:2:8: handlers.crun.path is "crun", which is not an absolute path"#
        ),
        (
            "[handlers.\"../x\"]\n",
            #"c.toml:1:11: "../x" cannot be a handler's name: it has letters, digits, "-", "_" and ".", begins with a letter or digit, and has at most 63 of them"#
        ),
        (
            "[handlers.apus]\npaht = \"/x\"",
            #"c.toml:2:1: handlers.apus.paht is no setting; did you mean "path"?"#
        ),
        (
            "default_handler = \"runc\"",
            #"c.toml:1:19: default_handler is "runc", and the handlers are: apus"#
        ),
        ("root = \"/\u{0}\"", "c.toml: has a NUL character"),
    ])
    func mistakesAreNamedWithTheirPlace(_ text: String, _ finding: String) {
        #expect(findings(text) == [finding])
    }

    @Test func allMistakesAreToldAtOnceInTheOrderOfTheFile() {
        let all = findings("rot = 1\nrun = 2\n[log]\nlevel = 3\nforamt = 4\n")
        #expect(all.map { $0.prefix(11) } == ["c.toml:1:1:", "c.toml:2:7:", "c.toml:4:9:", "c.toml:5:1:"])
    }

    @Test func whatIsNoTOMLHasAPlace() throws {
        let all = findings("root = \"/x\"\nrun = \n")
        #expect(all.count == 1)
        #expect(try #require(all.first).hasPrefix("c.toml:2:"))
    }

    @Test func aFileThatIsMissingIsTheDefaultsOnlyIfNobodyNamedIt() throws {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try Configuration.read("/nowhere/config.toml")
        }
        #expect(error?.description == "/nowhere/config.toml: no such file or directory (ENOENT)")
    }

    @Test func aFileIsRead() throws {
        let file = "/tmp/apus-cri-config-\(UUID().uuidString).toml"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data("[log]\nlevel = \"debug\"\n".utf8).write(to: URL(filePath: file))
        #expect(try Configuration.read(file).log.level == .debug)
        try Data([0x23, 0xff, 0x0a]).write(to: URL(filePath: file))
        let error = #expect(throws: ConfigurationError.self) { _ = try Configuration.read(file) }
        #expect(error?.description == "\(file): is not UTF-8")
    }
}

struct TOMLPlacesTests {
    private func key(_ text: String, _ path: String...) -> String? {
        TOMLPlaces(of: text).keys[path].map { "\($0.line):\($0.column)" }
    }

    private func value(_ text: String, _ path: String...) -> String? {
        TOMLPlaces(of: text).values[path].map { "\($0.line):\($0.column)" }
    }

    @Test func keysOfEveryForm() {
        let text = """
            # a = 1
            a.b = { c = 1, 'd e' = [1, { f = 2 }] }  # g = 1
            [ x . "y\\u0041" ]
            z = \"""
            q = 1
            \"""
            ä = 1; 
            [[t]]
            u = 1
            [[t]]
            u = 2
            """
        #expect(key(text, "a") == "2:1")
        #expect(key(text, "a", "b") == "2:3")
        #expect(key(text, "a", "b", "c") == "2:9")
        #expect(key(text, "a", "b", "d e") == "2:16")
        #expect(value(text, "a", "b", "d e", "0") == "2:25")
        #expect(key(text, "a", "b", "d e", "1", "f") == "2:30")
        #expect(key(text, "g") == nil)
        #expect(key(text, "x", "yA", "z") == "4:1")
        #expect(key(text, "x", "yA", "q") == nil)
        #expect(key(text, "x", "yA", "ä") == "7:1")
        #expect(key(text, "t", "0", "u") == "9:1")
        #expect(value(text, "t", "1", "u") == "11:5")
    }

    @Test func stringsThatLookLikeSomethingElse() {
        #expect(key("a = '''\nb = 1'''''\nc = 1", "b") == nil)
        #expect(key("a = '''\nb = 1'''''\nc = 1", "c") == "3:1")
        #expect(key("a = \"\\\"\" # b = 1\nc = '\\'\nd = 1", "d") == "3:1")
        #expect(key("a = [ # ]\n 1, # b = 1\n]\nc = 1", "c") == "4:1")
    }

    @Test func whatIsMalformedHarmsNothing() {
        let pieces = ["[", "]", "\"", "'''", "a", "=", "{", "}", ".", ",", "#", "\n", "\\", "\\u12", " "]
        var state: UInt64 = 1
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            // Ends, and does not trap.
            _ = TOMLPlaces(of: text)
        }
    }
}
