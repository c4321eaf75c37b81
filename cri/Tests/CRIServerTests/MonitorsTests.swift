import Foundation
import Kernel
import Logging
import MonitorProtocol
import Synchronization
import Testing

@testable import CRIServer

/// The monitors of a daemon whose pod "p" has one that a test plays.
private final class Rig {
    let monitors: Monitors
    let layout: Layout
    private let requests: Requests

    /// What was asked for, in words, but for how it is greeted.
    var asked: [String] { requests.all }

    /// - Parameter answer: to a request and those before it.
    init(_ answer: @escaping @Sendable (MonitorRequest, [String]) -> MonitorReply) throws {
        let run = NSTemporaryDirectory() + "apus-run-\(UUID().uuidString.prefix(8))"
        layout = Layout(root: run, run: run)
        try FileTree.makeDirectories(layout.pod("p") + "/exits", mode: 0o700)
        let requests = Requests()
        self.requests = requests
        played = try PlayedMonitor(at: layout.monitorSocket("p")) { number, request, _ in
            [(number, answer(request, requests.note(request)))]
        }
        monitors = try Monitors(
            layout: layout, program: "/bin/false", cgroup: "", log: Logger(label: "test"))
    }

    private let played: PlayedMonitor

    deinit { try? FileTree.removeTree(layout.run) }
}

private final class Requests: Sendable {
    private let words = Mutex<[String]>([])

    var all: [String] { words.withLock { $0 } }

    func note(_ request: MonitorRequest) -> [String] {
        words.withLock { words in
            defer {
                switch request {
                case .kill(let id, let signal): words.append("kill \(id) \(signal)")
                case .forget(let id): words.append("forget \(id)")
                case .wait(let id): words.append("wait \(id)")
                case .list: words.append("list")
                default: words.append("another")
                }
            }
            return words
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct MonitorsTests {
    private static let report = ExitReport(
        id: "c", pid: 5, exitCode: 137, signal: 9, finishedAt: Timestamp(seconds: 9, nanoseconds: 1))

    @Test func oneThatHasJustEndedIsForgottenWhenItsEndIsTold() async throws {
        let rig = try Rig { request, before in
            switch request {
            case .list: .containers([])
            case .wait: .exited(Self.report)
            case .forget where !before.contains("wait c"):
                .failed(MonitorFailure(.busy, "the container c has not ended"))
            default: .done
            }
        }
        _ = try await rig.monitors.reconnect("p")
        await rig.monitors.forget("c", of: "p")
        #expect(rig.asked == ["list", "forget c", "wait c", "forget c"])
    }

    @Test func oneThatIsBeingMadeIsWaitedFor() async throws {
        let rig = try Rig { request, before in
            if case .kill = request, before.count < 2 {
                return .failed(MonitorFailure(.busy, "the container c is being made"))
            }
            return .done
        }
        try await rig.monitors.dismiss("c", of: "p")
        #expect(rig.asked == ["kill c 9", "kill c 9", "kill c 9", "forget c"])
    }

    @Test func oneThatIsNotThereIsDismissed() async throws {
        let rig = try Rig { _, _ in .failed(MonitorFailure(.unknownContainer, "there is none")) }
        try await rig.monitors.dismiss("c", of: "p")
        #expect(rig.asked == ["kill c 9"])
        // Nor is a monitor.
        try await rig.monitors.dismiss("c", of: "another")
        try await rig.monitors.end("another")
    }
}
