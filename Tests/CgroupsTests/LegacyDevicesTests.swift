import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

@Suite struct LegacyDevicesTests {
    /// `-` or `+`, then the rule: `+c 1:3 rw`.
    private func filter(_ rules: [String]) throws -> DeviceFilter {
        let configured = rules.map { text in
            var rule = Resources.DeviceRule(allow: text.hasPrefix("+"))
            let fields = text.dropFirst().split(separator: " ")
            let numbers = fields[1].split(separator: ":")
            rule.type = .init(rawValue: String(fields[0]))
            rule.major = Int64(numbers[0])
            rule.minor = Int64(numbers[1])
            rule.access = String(fields[2])
            return rule
        }
        // All default devices are configured away; what is left are four rules of defaults without a path.
        let nodes = DeviceFilter.defaults.map(\.path).filter { !$0.isEmpty }.map {
            Device(type: .c, path: $0)
        }
        return try DeviceFilter(configured, at: "/linux/resources/devices", nodes: nodes)
    }

    private static let rest = ["c *:* m", "b *:* m", "c 136:* rwm", "c 5:2 rwm", "c 10:200 rwm"]

    private func lines(_ rules: [String], from list: String = "a *:* rwm") throws -> [String] {
        try LegacyDevices(filter(rules)).writes(from: LegacyDevices(list: list)).map {
            "\($0.file) \($0.line)"
        }
    }

    @Test func aNewCgroupIsClosedAndOpenedAgain() throws {
        #expect(try lines([]) == ["devices.deny a"] + Self.rest.map { "devices.allow \($0)" })
        #expect(
            try lines(["-a *:* rwm", "+c 1:3 rw", "+b 8:* r"])
                == ["devices.deny a", "devices.allow c 1:3 rw", "devices.allow b 8:* r"]
                + Self.rest.map { "devices.allow \($0)" })
    }

    @Test func lastRuleWins() throws {
        let devices = try LegacyDevices(
            filter(["+c 1:3 rw", "+c 1:5 r", "-c 1:3 w", "+c 1:5 w", "-b *:* rwm"]))
        #expect(devices.exceptions.map(\.line) == ["c 1:3 r", "c 1:5 rw"] + Self.rest)
        // A wider rule takes back narrower ones.
        let taken = try LegacyDevices(filter(["+c 1:3 rw", "+c 2:1 rw", "-c 1:* rwm"]))
        #expect(taken.exceptions.map(\.line) == ["c 2:1 rw"] + Self.rest)
    }

    @Test func everythingAllowedButSome() throws {
        #expect(
            try lines(["+a *:* rwm", "-c 1:3 w", "-b *:* w"])
                == ["devices.allow a", "devices.deny c 1:3 w", "devices.deny b *:* w"])
        #expect(try lines(["-c 1:3 w", "+a *:* rwm"]) == ["devices.allow a"])
    }

    @Test func bothKindsAreTwoRules() throws {
        #expect(
            try LegacyDevices(filter(["+a 1:3 r"])).exceptions.map(\.line).prefix(2) == [
                "b 1:3 r", "c 1:3 r",
            ])
    }

    @Test(arguments: [
        ["+c 1:* rwm", "-c 1:3 w"], ["+a *:* rwm", "-c 1:* w", "+c 1:3 w"], ["+c *:3 r", "-c 1:* r"],
    ])
    func holesAreRefused(_ rules: [String]) throws {
        let filter = try filter(rules)
        let failure = #expect(throws: Failure.self) { try LegacyDevices(filter) }
        #expect(failure?.origin == .config("/linux/resources/devices"))
        #expect(failure?.reason.hasPrefix("cgroup v1 cannot ") == true)
    }

    @Test func partsThatDoNotTouchAreNoHoles() throws {
        #expect(try LegacyDevices(filter(["+c 1:* r", "-c 1:3 w"])).exceptions.first?.line == "c 1:* r")
    }

    @Test func anUpdateChangesOnlyWhatDiffers() throws {
        let list = (["c 1:3 rw", "c 1:5 rwm"] + Self.rest).joined(separator: "\n")
        #expect(try lines(["+c 1:3 rw", "+c 1:5 rwm"], from: list) == [])
        #expect(
            try lines(["+c 1:5 r", "+c 1:7 r"], from: list)
                == ["devices.allow c 1:7 r", "devices.deny c 1:3 rw", "devices.deny c 1:5 wm"])
    }

    @Test func oddLinesOfAListAreNoDevices() {
        #expect(LegacyDevices(list: "x 1:3 r\nc 1 r\n\nc 1:3") == LegacyDevices(list: ""))
    }
}
