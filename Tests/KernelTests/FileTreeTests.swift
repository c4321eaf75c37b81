import Diagnosis
import Foundation
import Glibc
import Testing

@testable import Kernel

@Suite struct FileTreeTests {
    @Test func replacesWholeFiles() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/state.json"
            try FileTree.replace(path, with: Array("one".utf8), mode: 0o600)
            #expect(contents(path) == "one")
            #expect(try FileTree.status(path).mode & 0o777 == 0o600)
            let first = try FileTree.status(path).inode
            try FileTree.replace(path, with: Array("two".utf8), mode: 0o640)
            #expect(contents(path) == "two")
            #expect(try FileTree.status(path).mode & 0o777 == 0o640)
            #expect(try FileTree.status(path).inode != first, "another file, not the same one rewritten")
            #expect(try FileTree.list(directory) == ["state.json"])
        }
    }

    /// Somebody who reads all the while sees one content or another, never a part or none.
    @Test func readersSeeTheOldFileOrTheNew() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/file"
            let versions = (0..<8).map { [UInt8](repeating: UInt8($0), count: 20_000 + $0) }
            try FileTree.replace(path, with: versions[0], mode: 0o600)
            let writer = Thread {
                for round in 0..<400 { try? FileTree.replace(path, with: versions[round % 8], mode: 0o600) }
            }
            writer.start()
            var seen: Set<Int> = []
            while !writer.isFinished {
                let bytes = try FileTree.read(path)
                let version = try #require(bytes.first.map(Int.init))
                try #require(bytes == versions[version])
                seen.insert(version)
            }
            #expect(!seen.isEmpty)
            #expect(try FileTree.list(directory) == ["file"])
        }
    }

    @Test func aFailedReplacementLeavesNothing() throws {
        try withTemporaryDirectory { directory in
            // A directory that is not empty cannot be renamed over.
            let path = directory + "/taken"
            try FileTree.makeDirectories(path + "/inside", mode: 0o700)
            let error = #expect(throws: SystemError.self) {
                try FileTree.replace(path, with: [1], mode: 0o600)
            }
            #expect(error?.errno == Errno(EISDIR))
            #expect(error?.doing == "rename \(directory)/.taken to \(path)")
            #expect(try FileTree.list(directory) == ["taken"])
            #expect(throws: SystemError("open \(directory)/none/.x", Errno(ENOENT))) {
                try FileTree.replace(directory + "/none/x", with: [1], mode: 0o600)
            }
        }
    }

    /// A link that lies in wait under the temporary name is not followed, nor is what it leads to touched.
    @Test func theTemporaryFileIsNobodyElses() throws {
        try withTemporaryDirectory { directory in
            try FileTree.replace(directory + "/victim", with: Array("intact".utf8), mode: 0o600)
            try #require(symlink(directory + "/victim", directory + "/.file") == 0)
            try? FileTree.replace(directory + "/file", with: Array("evil".utf8), mode: 0o600)
            #expect(contents(directory + "/victim") == "intact")
        }
    }

    @Test func directories() throws {
        try withTemporaryDirectory { directory in
            try FileTree.makeDirectories(directory + "/a/b/c", mode: 0o755)
            try FileTree.makeDirectories(directory + "/a/b/c", mode: 0o755)
            #expect(try FileTree.status(directory + "/a/b/c").isDirectory)
            #expect(throws: SystemError("mkdir \(directory)/a", Errno(EEXIST))) {
                try FileTree.makeDirectory(directory + "/a", mode: 0o755)
            }
            try FileTree.removeDirectory(directory + "/a/b/c")
            #expect(throws: SystemError("rmdir \(directory)/a", Errno(ENOTEMPTY))) {
                try FileTree.removeDirectory(directory + "/a")
            }
            try FileTree.replace(directory + "/a/file", with: [], mode: 0o600)
            let error = #expect(throws: SystemError.self) {
                try FileTree.makeDirectories(directory + "/a/file/x", mode: 0o755)
            }
            #expect(error?.errno == Errno(ENOTDIR))
        }
    }

    @Test func lists() throws {
        try withTemporaryDirectory { directory in
            let names = ["...", ".hidden", "with space", "ü", String(repeating: "n", count: 255)]
            for name in names { try FileTree.makeDirectory("\(directory)/\(name)", mode: 0o700) }
            #expect(try Set(FileTree.list(directory)) == Set(names))
            #expect(throws: SystemError("open \(directory)/none", Errno(ENOENT))) {
                _ = try FileTree.list(directory + "/none")
            }
        }
    }

    @Test func fifos() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/exec.fifo"
            try FileTree.makeFIFO(path, mode: 0o622)
            #expect(try FileTree.status(path).mode == S_IFIFO | 0o622, "whatever the umask")
            #expect(throws: SystemError("mkfifo \(path)", Errno(EEXIST))) {
                try FileTree.makeFIFO(path, mode: 0o622)
            }
        }
    }

    @Test func linksAndNames() throws {
        try withTemporaryDirectory { directory in
            try #require(symlink("/nowhere", directory + "/dangling") == 0)
            #expect(FileTree.exists(directory + "/dangling"))
            #expect(!FileTree.exists(directory + "/none"))
            #expect(try FileTree.readLink(directory + "/dangling") == "/nowhere")
            #expect(throws: SystemError("readlink \(directory)", Errno(EINVAL))) {
                _ = try FileTree.readLink(directory)
            }
            try #require(symlink(directory, directory + "/back") == 0)
            #expect(
                try FileTree.canonical(directory + "/back/./back") == FileTree.canonical(directory))
            #expect(throws: SystemError("resolve \(directory)/dangling", Errno(ENOENT))) {
                _ = try FileTree.canonical(directory + "/dangling")
            }
        }
    }

    @Test func texts() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/text"
            for (bytes, text) in [("", ""), ("a\n", "a"), ("a\n\n", "a\n"), ("a", "a")] {
                try FileTree.replace(path, with: Array(bytes.utf8), mode: 0o600)
                #expect(try FileTree.readText(path) == text)
            }
            try FileTree.write("over", to: path)
            #expect(contents(path) == "over")
            #expect(throws: SystemError("open \(directory)/none", Errno(ENOENT))) {
                try FileTree.write("x", to: directory + "/none")
            }
        }
    }

    @Test func absolutePaths() throws {
        #expect(try WorkingDirectory.absolute("/a/../b") == "/a/../b")
        let here = try WorkingDirectory.current()
        #expect(here.hasPrefix("/"))
        #expect(try WorkingDirectory.absolute("x/y") == here + "/x/y")
        #expect(throws: SystemError("chdir to /nowhere", Errno(ENOENT))) {
            try WorkingDirectory.change(to: "/nowhere")
        }
    }
}
