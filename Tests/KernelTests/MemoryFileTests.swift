import CKernel
import Diagnosis
import Foundation
import Glibc
import Testing

@testable import Kernel

@Suite struct MemoryFileTests {
    @Test(arguments: [false, true])
    func aSealedFileStaysAsItIs(_ isExecutable: Bool) throws {
        let bytes = Array("#!/bin/true\n".utf8)
        let file = try MemoryFile.sealed("test", bytes, executable: isExecutable)
        try expectUnchangeable(file.number, bytes)
        let all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
        #expect(fcntl(file.number, 1034 /* F_GET_SEALS */) & all == all)
        #expect(fcntl(file.number, F_ADD_SEALS, 0) == -1 && errno == EPERM)
    }

    /// Neither can whoever opens it anew, nor through a shared mapping.
    private func expectUnchangeable(_ number: Int32, _ bytes: [UInt8]) throws {
        #expect(write(number, "x", 1) == -1 && errno == EPERM)
        #expect(pwrite(number, "x", 1, 0) == -1 && errno == EPERM)
        #expect(ftruncate(number, 0) == -1 && errno == EPERM)
        #expect(ftruncate(number, 100_000) == -1 && errno == EPERM)
        #expect(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, number, 0) == MAP_FAILED)
        let again = open("/proc/self/fd/\(number)", O_RDWR | O_CLOEXEC)
        #expect(again >= 0)
        #expect(write(again, "x", 1) == -1 && errno == EPERM)
        close(again)
        let reader = try FileDescriptor.open("/proc/self/fd/\(number)", O_RDONLY)
        #expect(try reader.readAll() == bytes)
    }

    /// The last word of an image may be padding.
    @Test(arguments: [1, 7, 8, 9, 15, 16])
    func words(_ size: Int) throws {
        let words: [UInt64] = [0x0807_0605_0403_0201, 0x100f_0e0d_0c0b_0a09]
        let file = try MemoryFile.sealed("test", words: words, size: size, executable: false)
        let reader = try FileDescriptor.open("/proc/self/fd/\(file.number)", O_RDONLY)
        #expect(try reader.readAll() == (1...UInt8(size)).map { $0 })
    }

    @Test func readableFromTheBeginning() throws {
        let file = try MemoryFile.readable("test", Array("{}".utf8))
        #expect(try file.readAll() == Array("{}".utf8))
        let empty = try MemoryFile.plain("test")
        #expect(try empty.readAll() == [])
    }

    @Test func aSharedPageShowsLaterWrites() throws {
        let file = try MemoryFile.plain("test")
        try file.resize(to: 4096)
        let page = try SharedPage(file, size: 4096)
        #expect(page.snapshot() == [UInt8](repeating: 0, count: 4096))
        let number = file.number
        #expect(pwrite(number, "abc", 3, 1) == 3)
        #expect(Array(page.snapshot()[0..<5]) == [0, 0x61, 0x62, 0x63, 0])
        #expect(throws: SystemError("resize it", Errno(EINVAL))) { try file.resize(to: -1, name: "it") }
    }

    // MARK: programs

    /// A program as the stage is kept: words, and the number of bytes in them.
    private static func image(_ path: String) throws -> (words: [UInt64], size: Int) {
        var bytes = try FileTree.read(path, limit: 64 << 20)
        let size = bytes.count
        bytes += [UInt8](repeating: 0, count: (8 - size % 8) % 8)
        return (bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }, size)
    }

    private func run(_ program: Int32) throws -> Kernel.ExitStatus? {
        let null = try FileDescriptor.open("/dev/null", O_RDWR)
        let child = try Child.spawn(
            "/proc/self/fd/\(program)", arguments: ["false"], environment: [], input: null.number,
            output: null.number)
        return ProcessControl.wait(pid: child.pid)
    }

    @Test func anImageRuns() throws {
        let (words, size) = try Self.image("/bin/false")
        let program = try ExecutableImage.open("false", words: words, size: size)
        #expect(try run(program.number) == .exited(1))
        #expect(write(program.number, "x", 1) == -1)
    }

    /// Where executable memory files are forbidden: a file on a file system of its own.
    @Test(.enabled(if: geteuid() == 0, "mounting takes root"))
    func anImageOnADetachedMountRuns() throws {
        let (words, size) = try Self.image("/bin/false")
        let program = try ExecutableImage.onDetachedMount("false", words: words, size: size)
        let number = program.number
        #expect(try run(number) == .exited(1))
        #expect(try program.status().size == Int64(size))
        #expect(try program.fileSystemMagic() == 0x0102_1994, "a tmpfs")
        #expect(write(number, "x", 1) == -1 && errno == EBADF)
        for flags in [O_RDWR, O_WRONLY, O_RDWR | O_TRUNC] {
            #expect(open("/proc/self/fd/\(number)", flags) == -1 && errno == EROFS)
        }
        #expect(fchmod(number, 0o777) == -1 && errno == EROFS)
        #expect(ftruncate(number, 0) == -1)
        // Nobody else can come across it.
        let mounts = try FileTree.readText("/proc/self/mountinfo").split(separator: "\n")
        let device = try program.status().device
        let name = "\(device >> 8 & 0xfff):\(device & 0xff | device >> 12 & 0xfff00)"
        #expect(!mounts.contains { $0.split(separator: " ")[2] == name })
    }
}
