import Foundation
import Testing

@testable import Images

/// Against a registry that is not of ours: `APUS_TEST_IMAGE` names an image in one, and `APUS_TEST_IMAGE_ID` says what
/// its id should be; `APUS_TEST_CERTS_D` may name a directory of hosts.toml files.
@Suite("A registry that is not of ours")
struct RealRegistryTests {
    private static let name = ProcessInfo.processInfo.environment["APUS_TEST_IMAGE"]

    @Test("gives an image", .enabled(if: name != nil, "APUS_TEST_IMAGE names no image"))
    func pull() async throws {
        let directory = ProcessInfo.processInfo.environment["APUS_TEST_CERTS_D"]
        let rig = try Rig { $0.registryDirectory = directory }
        let start = ContinuousClock.now
        let content = try await rig.pull(try #require(Self.name))
        print("pulled \(content.size) bytes in \(ContinuousClock.now - start)")
        #expect(content.configDigest.description == ProcessInfo.processInfo.environment["APUS_TEST_IMAGE_ID"])
        #expect(rig.sink.unpacked.map(\.diffID) == content.configuration.diffIDs)
        #expect(Int64(rig.sink.unpacked.reduce(0) { $0 + $1.bytes.count }) == content.layersSize)
        #expect(try await rig.puller.resolve(content.reference) == content.resolvedDigest)
        #expect(try rig.leftovers() == [])
        await rig.puller.shutDown()
    }
}
