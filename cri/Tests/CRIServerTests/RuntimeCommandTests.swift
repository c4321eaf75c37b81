import Foundation
import Kernel
import Testing

@testable import CRIServer

/// An executable file as long as it is held.
final class Script: Sendable {
    let path = NSTemporaryDirectory() + "apus-script-\(UUID().uuidString.prefix(8))"

    init(_ body: String) throws { try write(body) }

    func write(_ body: String) throws {
        try FileTree.replace(path, with: Array("#!/bin/sh\n\(body)\n".utf8), mode: 0o755)
    }

    deinit { try? FileTree.unlink(path) }
}

@Suite(.timeLimit(.minutes(1))) struct RuntimeCommandTests {
    @Test func outputAndStatus() async throws {
        let result = try await CommandResult.of(["/bin/sh", "-c", "echo out; echo bad >&2; exit 3"])
        #expect((result.status, result.output, result.words) == (3, "out\n", "bad"))
    }

    @Test func oneThatHangsIsKilledWithWhatItStarted() async throws {
        let fifo = NSTemporaryDirectory() + "apus-fifo-\(UUID().uuidString.prefix(8))"
        try FileTree.makeFIFO(fifo, mode: 0o600)
        defer { try? FileTree.unlink(fifo) }
        let reader = try FileDescriptor.open(fifo, 0o4000)
        await #expect {
            try await CommandResult.of(
                ["/bin/sh", "-c", "exec 9>\(fifo); echo stuck >&2; sleep 60 & sleep 60"],
                limit: .milliseconds(200))
        } throws: { error in
            let error = error as? CRIError
            return error?.code == .deadlineExceeded && error?.message.hasSuffix("killed: stuck") == true
        }
        // The end of the pipe: nobody has it open any more.
        #expect(try Poll.readable([reader.number], timeout: 20_000) == [true])
        #expect(try reader.read(1).isEmpty)
    }

    @Test func featuresAreAskedForAgainAfterAFailure() async throws {
        let program = try Script("exit 1")
        let handler = RuntimeHandler(name: "one", program: program.path, stateRoot: "/nowhere")
        let cache = RuntimeFeatureCache(pause: .zero)
        #expect(await cache.of(handler).recursiveReadOnlyMounts == false)
        try program.write(#"echo '{"mountOptions": ["rro"]}'"#)
        #expect(await cache.of(handler).recursiveReadOnlyMounts == true)
        // And not again after an answer.
        try program.write("exit 1")
        #expect(await cache.of(handler).recursiveReadOnlyMounts == true)
    }

    @Test func featuresThatAreNotThereAreNotAskedForAllTheTime() async throws {
        let program = try Script("exit 1")
        let handler = RuntimeHandler(name: "one", program: program.path, stateRoot: "/nowhere")
        let cache = RuntimeFeatureCache(pause: .seconds(3600))
        #expect(await cache.of(handler).recursiveReadOnlyMounts == false)
        try program.write(#"echo '{"mountOptions": ["rro"]}'"#)
        #expect(await cache.of(handler).recursiveReadOnlyMounts == false)
    }
}
