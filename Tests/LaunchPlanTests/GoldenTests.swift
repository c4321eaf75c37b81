import Foundation
import LaunchPlan
import Testing

/// The listings in `spec-fixtures/plans`. APUS_UPDATE_GOLDEN=1 writes them anew; then read the difference.
@Suite(.serialized) struct GoldenTests {
    struct Golden: CustomTestStringConvertible, Sendable {
        var name: String
        var config: String
        var circumstances: Circumstances

        var testDescription: String { name }

        init(_ name: String, of config: String? = nil, _ circumstances: Circumstances = .ordinary) {
            self.name = name
            self.config = config ?? name
            self.circumstances = circumstances
        }
    }

    static let goldens = [
        Golden("all-hooks"), Golden("bare"), Golden("device-nodes"), Golden("joined"), Golden("joined-mount"),
        Golden("mounts"), Golden("paths-and-propagation"), Golden("process-confined"),
        Golden("process-privileged-filter"), Golden("sysctls"), Golden("user-namespace-new"),
        Golden("cgroup-mount"), Golden("seccomp-agent"),
        Golden("spec-default"), Golden("spec-rootless", of: nil, Circumstances.all[4]),
        Golden("engine-docker"),
        Golden("engine-podman"),
        Golden("cgroup-mount-hybrid", of: "cgroup-mount", Circumstances.all[1]),
        Golden("cgroup-mount-none", of: "cgroup-mount", Circumstances.all[2]),
        Golden("user-namespace-old-kernel", of: "user-namespace-new", Circumstances.all[3]),
        Golden("joined-without-privilege", of: "joined", Circumstances.all[4]),
    ]

    @Test(arguments: goldens)
    func listing(_ golden: Golden) throws {
        var config = try Sample(golden.config).config
        // What engines and `spec` write for a terminal is otherwise what they write without.
        config.process?.terminal = false
        let plan = try golden.circumstances.compile(config)
        // How long a filter is depends on the host's libseccomp.
        let listing = plan.listing.replacing(/\(\d+ instructions\) +/, with: "(n instructions) ")
        let file = fixtures.appending(path: "plans/\(golden.name).plan")
        if ProcessInfo.processInfo.environment["APUS_UPDATE_GOLDEN"] == "1" {
            try Data(listing.utf8).write(to: file)
        }
        let expected = try String(contentsOf: file, encoding: .utf8)
        let difference = Self.difference(expected, listing)
        #expect(difference.isEmpty, "\(golden.name).plan:\n\(difference)")
    }

    /// Every golden listing belongs to a test.
    @Test func noneIsForgotten() throws {
        let files = try FileManager.default.contentsOfDirectory(
            atPath: fixtures.appending(path: "plans").path)
        let plans = files.filter { $0.hasSuffix(".plan") }.map { String($0.dropLast(5)) }
        #expect(plans.sorted() == Self.goldens.map(\.name).sorted())
    }

    private static func difference(_ expected: String, _ actual: String) -> String {
        let expected = expected.split(separator: "\n")
        let actual = actual.split(separator: "\n")
        return actual.difference(from: expected).map { change in
            switch change {
            case .insert(_, let line, _): "+ \(line)"
            case .remove(_, let line, _): "- \(line)"
            }
        }.joined(separator: "\n")
    }
}
