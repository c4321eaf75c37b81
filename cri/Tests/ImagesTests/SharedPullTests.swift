import Foundation
import Synchronization
import Testing

@testable import Images

@Suite("Pulls side by side", .timeLimit(.minutes(1)))
struct SharedPullTests {
    private let image = FakeImage([FakeImage.noise(300_000, 1)])

    /// A registry that holds the layer up after a part of it.
    private func holding() async throws -> FakeRegistry {
        try await FakeRegistry { request in
            var reply = image.answer(request)
            if request.path.hasSuffix(image.blobPath(0)) { reply.holdAfter = 100_000 }
            return reply
        }
    }

    private func wait(_ what: String, until condition: () throws -> Bool) async throws {
        for _ in 0..<500 {
            if try condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("waited in vain until \(what)")
    }

    @Test("fetch a layer once")
    func shared() async throws {
        let registry = try await holding()
        let rig = try Rig()
        let name = "\(registry.authority)/a:t"
        async let one = rig.pull(name)
        async let two = rig.pull(name)
        // Both have the configuration, and so are about to want the layer.
        try await wait("both are there") { registry.count("/blobs/\(Digest(of: image.config))") == 2 }
        try await wait("it is asked for") { registry.count(image.blobPath(0)) > 0 }
        registry.release()
        let digests = try await [one.configDigest, two.configDigest]
        #expect(Set(digests) == [Digest(of: image.config)])
        #expect(registry.count(image.blobPath(0)) == 1)
        #expect(rig.sink.unpacked.allSatisfy { $0.bytes == image.layers[0] })
        #expect(try rig.leftovers() == [])
    }

    @Test("go on when one of them is given up, and stop with the last")
    func cancellation() async throws {
        let registry = try await holding()
        let rig = try Rig()
        let name = "\(registry.authority)/a:t"
        let told = (0..<2).map { _ in Signal() }
        let pulls = told.map { signal in
            Task {
                try await rig.puller.pull(try ImageReference(name)) { if $0.received > 0 { signal.set() } }
            }
        }
        try await wait("both receive") { told.allSatisfy(\.isSet) || registry.count(image.blobPath(0)) > 1 }
        pulls[0].cancel()
        let first = await pulls[0].result
        #expect(throws: ImageError.self) { try first.get() }
        if case .failure(let error) = first {
            #expect((error as? ImageError)?.kind == .cancelled, "\(error)")
        }
        #expect(registry.cut == 0)
        // The last one goes: so does the connection, and what came stays for the next try.
        pulls[1].cancel()
        let second = await pulls[1].result
        if case .failure(let error) = second {
            #expect((error as? ImageError)?.kind == .cancelled, "\(error)")
        }
        try await wait("the connection is closed") { registry.cut == 1 }
        #expect(try rig.root.names(in: "ingest") == [image.fileName(0, of: registry.authority)])
        registry.release()
        _ = try await rig.pull(name)
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
        let starts = registry.requests.filter { $0.path.hasSuffix(image.blobPath(0)) }.map(\.rangeStart)
        #expect(
            starts.count == 2 && (starts.last ?? nil).map { $0 > 0 && $0 <= 100_000 } == true, "\(starts)")
        #expect(try rig.leftovers() == [])
    }

    @Test("give each its own credentials' try")
    func ownCredentials() async throws {
        let good = "Bearer good"
        let registry = try await FakeRegistry { request in
            var reply = image.answer(request)
            guard request.path.hasSuffix(image.blobPath(0)) else { return reply }
            guard request.authorization == good else {
                // Refused late, so that the other one has joined by then.
                return .init(status: .forbidden, body: [UInt8](repeating: 0x20, count: 2), holdAfter: 1)
            }
            reply.headers = []
            return reply
        }
        let rig = try Rig()
        let name = "\(registry.authority)/a:t"
        let bad = Task { try await rig.pull(name, try RegistryCredentials(registryToken: "bad")) }
        try await wait("the first one asks") { registry.count(image.blobPath(0)) == 1 }
        let fine = Task { try await rig.pull(name, try RegistryCredentials(registryToken: "good")) }
        try await wait("the second one is there") {
            registry.count("/blobs/\(Digest(of: image.config))") == 2
        }
        try await Task.sleep(for: .milliseconds(100))
        registry.release()
        let refused = await bad.result
        if case .failure(let error) = refused { #expect((error as? ImageError)?.kind == .denied, "\(error)") }
        #expect(throws: ImageError.self) { try refused.get() }
        _ = try await fine.value
        #expect(rig.sink.unpacked.map(\.bytes) == image.layers)
    }

    @Test("receive no more at a time than they may")
    func bounded() async throws {
        let many = FakeImage((0..<8).map { FakeImage.noise(20_000, UInt8($0)) })
        let registry = try await FakeRegistry { request in
            var reply = many.answer(request)
            if many.layers.indices.contains(where: { request.path.hasSuffix(many.blobPath($0)) }) {
                reply.holdAfter = 10
            }
            return reply
        }
        let rig = try Rig { $0.concurrentFetches = 2 }
        let pull = Task { try await rig.pull("\(registry.authority)/a:t") }
        try await wait("two are asked for") { registry.count("/blobs/") == 3 }
        try await Task.sleep(for: .milliseconds(100))
        #expect(registry.count("/blobs/") == 3)
        registry.release()
        _ = try await pull.value
        #expect(rig.sink.unpacked.map(\.bytes) == many.layers)
    }

    @Test("leave nothing when a layer cannot be unpacked")
    func unpackFails() async throws {
        let registry = try await FakeRegistry { image.answer($0) }
        let rig = try Rig(sink: FakeSink(failure: ImageError(.corrupt, doing: "unpack", "a bomb")))
        let error = await #expect(throws: ImageError.self) {
            _ = try await rig.pull("\(registry.authority)/a:t")
        }
        #expect(error?.description == "layer \(Digest(of: image.layers[0])): unpack: a bomb")
        #expect(try rig.leftovers() == [])
    }

    @Test("obey a deadline wherever they wait")
    func deadline() async throws {
        let silent = try await FakeRegistry { request in
            .init(body: [UInt8](repeating: 0x20, count: 10), holdAfter: request.path.hasSuffix("t") ? 1 : 0)
        }
        let busy = try await FakeRegistry { _ in .status(.tooManyRequests, [("Retry-After", "50")]) }
        let rig = try Rig()
        for registry in [silent, busy] {
            let pull = Task { try await rig.pull("\(registry.authority)/a:t") }
            try await wait("it is asked") { registry.requests.count == 1 }
            try await Task.sleep(for: .milliseconds(30))
            let start = ContinuousClock.now
            pull.cancel()
            let result = await pull.result
            #expect(ContinuousClock.now - start < .seconds(5))
            if case .failure(let error) = result {
                #expect((error as? ImageError)?.kind == .cancelled, "\(error)")
            }
            #expect(throws: ImageError.self) { try result.get() }
        }
    }
}

/// Something that has happened.
final class Signal: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}
