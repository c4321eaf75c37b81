import Diagnosis
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Kernel

/// Device rules, as the kernel applies them.
@Suite(.serialized, .enabled(if: hasTree, "needs root and a cgroup v2 tree"))
final class KernelDeviceTests: KernelTree {
    /// A shell that runs the script once it was told to.
    private func shell(_ script: String) throws -> (
        process: Foundation.Process, go: Foundation.Pipe, output: Foundation.Pipe
    ) {
        let process = Foundation.Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "read go; \(script)"]
        let (go, output) = (Foundation.Pipe(), Foundation.Pipe())
        process.standardInput = go
        process.standardOutput = output
        try process.run()
        return (process, go, output)
    }

    private func deny(_ rules: (Bool, Resources.DeviceRule.Kind?, Int64?, Int64?, String)...) -> Resources {
        var resources = Resources()
        for (allow, type, major, minor, access) in rules {
            var rule = Resources.DeviceRule(allow: allow)
            rule.type = type
            rule.major = major
            rule.minor = minor
            rule.access = access
            resources.devices.append(rule)
        }
        return resources
    }

    /// What a process in the cgroup may do: one word each.
    private func probe(_ cgroup: Cgroup) throws -> [String] {
        let node = FileManager.default.temporaryDirectory.appending(path: "apus-node-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: node) }
        let (process, go, output) = try shell(
            """
            try() { word=$1; shift; if "$@" 2>/dev/null; then echo $word; fi; }
            try null-read sh -c ': </dev/null'
            try null-write sh -c 'echo >/dev/null'
            try kmsg-read sh -c ': </dev/kmsg'
            try kmsg-write sh -c 'exec 3>/dev/kmsg'
            try kmsg-both sh -c 'exec 3<>/dev/kmsg'
            try node mknod \(node) b 7 99
            """)
        try cgroup.add(pid: process.processIdentifier)
        try go.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func devicesAreGuarded() throws {
        let cgroup = try create("/c1").cgroup
        let free = try probe(cgroup)
        #expect(free == ["null-read", "null-write", "kmsg-read", "kmsg-write", "kmsg-both", "node"])

        #expect(try cgroup.apply(Limits(deny((false, nil, nil, nil, "rwm"))), on: host) == [])
        #expect(try probe(cgroup) == ["null-read", "null-write", "node"])

        // Replaced in one step: there is still a single program.
        let reading = deny((false, nil, nil, nil, "rwm"), (true, .c, 1, 11, "r"))
        #expect(try cgroup.apply(Limits(reading), on: host) == [])
        #expect(try DeviceProgram.attached(to: cgroup.directory()).count == 1)
        #expect(try probe(cgroup) == ["null-read", "null-write", "kmsg-read", "node"])

        let hole = deny((true, nil, nil, nil, "rwm"), (false, .c, 1, 11, "w"))
        #expect(try cgroup.apply(Limits(hole), on: host) == [])
        #expect(try probe(cgroup) == ["null-read", "null-write", "kmsg-read", "node"])

        #expect(try cgroup.apply(Limits(deny((true, nil, nil, nil, "rwm"))), on: host) == [])
        #expect(try DeviceProgram.attached(to: cgroup.directory()) == [])
        #expect(try probe(cgroup) == free)

        // No rules of one's own: the defaults.
        #expect(try cgroup.apply(Limits(Resources()), on: host) == [])
        #expect(try probe(cgroup) == ["null-read", "null-write", "node"])
    }

    @Test func severalOldProgramsAreTakenOff() throws {
        let cgroup = try create("/c1").cgroup
        let directory = try cgroup.directory()
        let limits = try Limits(deny((false, nil, nil, nil, "rwm")))
        // Other programs beside the first, as systemd leaves them.
        try DeviceProgram.load(limits.devices.instructions).attach(to: directory)
        try DeviceProgram.load([.move32(0, immediate: 1), .exit]).attachBeside(others: directory)
        try DeviceProgram.load([.move32(0, immediate: 0), .exit]).attachBeside(others: directory)
        #expect(try DeviceProgram.attached(to: directory).count == 3)
        #expect(try cgroup.apply(limits, on: host) == [])
        #expect(try DeviceProgram.attached(to: directory).count == 1)
        #expect(try probe(cgroup) == ["null-read", "null-write", "node"])
    }

    @Test func kernelTakesRandomLists() throws {
        var random = Seeded(state: 0xfeed)
        for count in [0, 1, 5, 40, 300, 1000] {
            var resources = Resources()
            resources.devices = (0..<count).map { _ in
                var rule = DeviceFilterTests.randomRule(&random)
                // Numbers of their own, so that no rule covers another.
                rule.major = Int64.random(in: 0...5000, using: &random)
                return rule
            }
            let program = try Limits(resources).devices.instructions
            _ = try DeviceProgram.load(program)
        }
    }

    @Test func verifierIsQuoted() {
        // Falls off the end.
        let error = #expect(throws: SystemError.self) {
            _ = try DeviceProgram.load([.move32(0, immediate: 1)])
        }
        #expect(error?.errno == Errno(EINVAL))
        #expect(error?.doing.contains("verifier: ") == true)
    }
}
