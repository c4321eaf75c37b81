import CKernel
import Diagnosis
import Glibc
import Testing

@testable import Kernel

@Suite struct FileDescriptorTests {
    @Test func writesAndReadsBack() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/file"
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            do {
                let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(bytes)
                try file.writeAll([])
            }
            let file = try FileDescriptor.open(path, O_RDONLY)
            #expect(try file.readAll() == bytes)
            #expect(try file.readAll() == [], "at the end")
            #expect(try file.status().size == 100_000)
            #expect(try file.status().mode == S_IFREG | 0o600)
        }
    }

    @Test(arguments: [0, 1, 4095, 4096, 4097, 9999, 10_000, 10_001, Int.max])
    func limits(_ limit: Int) throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/file"
            try FileDescriptor.open(path, O_WRONLY | O_CREAT, mode: 0o600)
                .writeAll([UInt8](repeating: 7, count: 10_000))
            #expect(try FileTree.read(path, limit: limit).count == min(limit, 10_000))
        }
    }

    /// A pipe says nothing of its size, and gives what it has bit by bit.
    @Test func readsAPipeToItsEnd() throws {
        let pipe = try Pipe.make()
        let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(bytes.withUnsafeBytes { write(pipe.writeNumber, $0.baseAddress, $0.count) } == 30_000)
        let end = pipe.takeReadEnd()
        #expect(try end.read(10) == Array(bytes[..<10]))
        #expect(try end.readAll() == Array(bytes[10...]))
        #expect(try end.read(10) == [])
    }

    @Test func closesAndReleases() throws {
        let number: Int32
        do {
            let file = try FileDescriptor.open("/dev/null", O_RDONLY)
            number = fcntl(file.number, F_DUPFD_CLOEXEC, 700)
        }
        #expect(number >= 700)
        var file = FileDescriptor(owning: number)
        let released = file.release()
        #expect(released == number)
        #expect(isOpen(number))
        file = FileDescriptor(owning: number)
        _ = consume file
        #expect(!isOpen(number))
    }

    @Test func alwaysClosesOnExec() throws {
        let file = try FileDescriptor.open("/dev/null", O_RDWR)
        #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
        let reference = try FileDescriptor.reference("/dev/null")
        #expect(fcntl(reference.number, F_GETFD) == FD_CLOEXEC)
        let below = try FileDescriptor.open("null", O_RDWR, below: try directory("/dev"), resolve: 0)
        #expect(fcntl(below.number, F_GETFD) == FD_CLOEXEC)
    }

    @Test func refusals() throws {
        #expect(throws: SystemError("open /nowhere/x", Errno(ENOENT))) {
            _ = try FileDescriptor.open("/nowhere/x", O_RDONLY)
        }
        let readOnly = try FileDescriptor.open("/dev/null", O_RDONLY)
        #expect(throws: SystemError("write the null device", Errno(EBADF))) {
            try readOnly.writeAll([1], name: "the null device")
        }
        #expect(throws: SystemError("write it", Errno(EBADF))) { try readOnly.write("1", name: "it") }
        let writeOnly = try FileDescriptor.open("/dev/null", O_WRONLY)
        #expect(throws: SystemError("read it", Errno(EBADF))) { _ = try writeOnly.readAll(name: "it") }
        #expect(throws: SystemError("read it", Errno(EBADF))) { _ = try writeOnly.read(1, name: "it") }
        let directory = try FileDescriptor.open("/", O_RDONLY)
        #expect(throws: SystemError("read /", Errno(EISDIR))) { _ = try directory.readAll(name: "/") }
        let full = try FileDescriptor.open("/dev/full", O_WRONLY)
        #expect(throws: SystemError("write file", Errno(ENOSPC))) { try full.write("1") }
    }

    @Test func aReferenceDoesNotFollowLinks() throws {
        try withTemporaryDirectory { directory in
            try #require(symlink("/nowhere", directory + "/link") == 0)
            let link = try FileDescriptor.reference(directory + "/link")
            #expect(try link.status().isSymbolicLink)
            #expect(throws: SystemError.self) { _ = try FileDescriptor.open(directory + "/link", O_PATH) }
        }
    }

    @Test func staysBelow() throws {
        try withTemporaryDirectory { path in
            try #require(symlink("/etc", path + "/out") == 0)
            try #require(symlink(".", path + "/self") == 0)
            let top = try FileDescriptor.open(path, O_PATH | O_DIRECTORY)
            let beneath = Int32(RESOLVE_BENEATH)
            _ = try FileDescriptor.open("self", O_PATH, below: top.number, resolve: beneath)
            for outside in ["..", "/", "out", "self/../..", "out/passwd"] {
                #expect(throws: SystemError("open \(outside)", Errno(EXDEV))) {
                    _ = try FileDescriptor.open(outside, O_PATH, below: top.number, resolve: beneath)
                }
            }
            #expect(throws: SystemError("open self", Errno(ELOOP))) {
                _ = try FileDescriptor.open(
                    "self", O_RDONLY, below: top.number, resolve: Int32(RESOLVE_NO_SYMLINKS))
            }
            // The root of the descriptor stands for the root.
            let root = try FileDescriptor.open(
                "/../..", O_PATH, below: top.number, resolve: Int32(RESOLVE_IN_ROOT))
            #expect(try root.status().inode == top.status().inode)
        }
    }

    @Test func status() throws {
        let null = try FileDescriptor.open("/dev/null", O_RDONLY).status()
        #expect(null.rdev == 0x103)
        #expect(null.mode & S_IFMT == S_IFCHR)
        #expect(!null.isDirectory && !null.isRegular && !null.isSymbolicLink)
        #expect(try FileTree.status("/proc/self").isDirectory)
        #expect(try FileTree.statusOfLink("/proc/self").isSymbolicLink)
        let proc = try FileDescriptor.open("/proc", O_PATH)
        #expect(try proc.fileSystemMagic() == Int(PROC_SUPER_MAGIC))
        #expect(FileTree.isFileSystem("/proc", magic: Int(PROC_SUPER_MAGIC)))
        #expect(!FileTree.isFileSystem("/proc", magic: 1))
        #expect(!FileTree.isFileSystem("/nowhere", magic: Int(PROC_SUPER_MAGIC)))
    }

    @Test func aTableKeepsAndCloses() throws {
        var numbers: [Int32] = []
        do {
            let table = DescriptorTable()
            for _ in 0..<3 {
                let file = try FileDescriptor.open("/dev/null", O_RDONLY)
                numbers.append(
                    table.keep(FileDescriptor(owning: fcntl(file.number, F_DUPFD_CLOEXEC, 800))))
            }
            #expect(numbers.allSatisfy { isOpen($0) })
            withExtendedLifetime(table) {}
        }
        #expect(numbers.allSatisfy { !isOpen($0) })
    }

    private func directory(_ path: String) throws -> Int32 {
        // Leaked on purpose: it must outlive the call it is for.
        try FileDescriptor.open(path, O_PATH | O_DIRECTORY).release()
    }
}

/// Whether a descriptor of this process has the number.
func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }
