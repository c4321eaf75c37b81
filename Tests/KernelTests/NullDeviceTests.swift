import Glibc
import Testing

@testable import Kernel

@Suite struct NullDeviceTests {
    @Test func nobodyElseHasIt() throws {
        let one = try NullDevice.open()
        let two = try NullDevice.open()
        let host = try FileDescriptor.open("/dev/null", O_RDONLY)
        let isShared = try (NamespaceFile.areSame(one, two), NamespaceFile.areSame(one, host))
        #expect(isShared == (false, false))
        let found = try one.read(10)
        #expect(found.isEmpty)
        // As /dev/stdin is opened.
        let again = try FileTree.read("/proc/self/fd/\(one.number)")
        #expect(again.isEmpty)
    }
}
