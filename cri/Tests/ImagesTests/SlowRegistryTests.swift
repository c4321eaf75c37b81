import Foundation
import Synchronization
import Testing

@testable import Images

@Suite("Registries that are slow, on purpose or not", .timeLimit(.minutes(1)))
struct SlowRegistryTests {
    private let image = FakeImage((0..<3).map { FakeImage.noise(100_000, UInt8($0)) })

    @Test("are given up if they send next to nothing, and asked once more", arguments: [false, true])
    func dribble(document: Bool) async throws {
        let path = document ? "/manifests/t" : image.blobPath(0)
        let registry = try await FakeRegistry { request in
            var reply = image.answer(request)
            if request.path.hasSuffix(path) { reply.dribble = 50 }
            return reply
        }
        let rig = try Rig { $0.patience = 1 }
        let error = await #expect(throws: ImageError.self) {
            _ = try await rig.pull("\(registry.authority)/a:t")
        }
        #expect(error?.kind == .unavailable)
        #expect(error?.description.contains("sends next to nothing") == true, "\(String(describing: error))")
        #expect(registry.count(path) == 2)
    }

    @Test("are given up if they fall silent, and asked once more")
    func silence() async throws {
        let registry = try await FakeRegistry { request in
            var reply = image.answer(request)
            if request.path.hasSuffix(image.blobPath(0)) { reply.holdAfter = 10 }
            return reply
        }
        let rig = try Rig { $0.patience = 1 }
        let error = await #expect(throws: ImageError.self) {
            _ = try await rig.pull("\(registry.authority)/a:t")
        }
        #expect(error?.description.contains("the server fell silent") == true, "\(String(describing: error))")
        #expect(registry.count(image.blobPath(0)) == 2)
    }

    @Test("make way for a mirror that is not")
    func mirror() async throws {
        let slow = try await FakeRegistry { request in
            var reply = image.answer(request)
            if request.path.hasSuffix(image.blobPath(1)) { reply.dribble = 50 }
            return reply
        }
        let fast = try await FakeRegistry { image.answer($0) }
        let rig = try Rig { $0.patience = 1 }
        try rig.root.write(
            "certs.d/r.io/hosts.toml",
            "server = \"http://\(fast.authority)\"\n[host.\"http://\(slow.authority)\"]")
        _ = try await rig.pull("r.io/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        #expect(slow.count(image.blobPath(1)) == 1 && fast.count(image.blobPath(1)) == 1)
    }

    @Test("hold up nobody who wants the same blobs from another")
    func others() async throws {
        let slow = try await FakeRegistry { request in
            var reply = image.answer(request)
            if image.layers.indices.contains(where: { request.path.hasSuffix(image.blobPath($0)) }) {
                reply.holdAfter = 10
            }
            return reply
        }
        let fast = try await FakeRegistry { image.answer($0) }
        let rig = try Rig { $0.concurrentFetches = 2 }
        let held = Mutex<Set<Int>>([])
        let waiting = Task {
            try await rig.puller.pull(try ImageReference("\(slow.authority)/a:t")) { step in
                if step.received > 0 { _ = held.withLock { $0.insert(step.index) } }
            }
        }
        while held.withLock({ $0.count }) < 2 { try await Task.sleep(for: .milliseconds(10)) }
        _ = try await rig.pull("\(fast.authority)/a:t")
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        #expect(slow.requests.filter { $0.path.contains("/blobs/") }.count == 3)
        slow.release()
        _ = try await waiting.value
        #expect(try rig.leftovers() == [])
    }
}
