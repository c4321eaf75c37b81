import Foundation
import Glibc
import Kernel
import Synchronization
import Testing

@testable import Images

@Suite struct ResolutionTests {
    /// openat2(2) gives up at a `..` when anything at all is renamed meanwhile, be it elsewhere on the host.
    @Test func renamesElsewhereDoNotMatter() throws {
        let root = try TemporaryDirectory()
        try root.write("a/b/file", "text")
        try root.write("one", "text")
        let isOver = Atomic(false)
        let ended = DispatchSemaphore(value: 0)
        let path = root.path
        Thread {
            while !isOver.load(ordering: .relaxed) {
                rename("\(path)/one", "\(path)/two")
                rename("\(path)/two", "\(path)/one")
            }
            ended.signal()
        }.start()
        defer {
            isOver.store(true, ordering: .relaxed)
            ended.wait()
        }
        let directory = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        for _ in 0..<50_000 { _ = try FileDescriptor.reference("a/../a/b/file", in: directory) }
    }
}
