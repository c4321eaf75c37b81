import Diagnosis
import Foundation
import Glibc
import OCISpec
import Testing

@testable import CRISpec

/// The host's own files, in a directory made for each test.
@Suite struct LocalFilesTests {
    /// Runs `body` with a fresh directory, and removes it.
    func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/crispec-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { try? FileManager.default.removeItem(atPath: made) }
        try body(made)
    }

    func write(_ text: String, _ path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }

    let files = LocalFiles()

    @Test func accountsStayInTheRoot() throws {
        try withDirectory { base in
            try write("secret:x:0:0::/:\n", base + "/outside")
            let root = base + "/root"
            mkdir(root, 0o755)
            mkdir(root + "/etc", 0o755)
            // What leads out of the root leads into it: there is no such file.
            for target in [
                "../../outside", "/../outside", base + "/outside", "/proc/self/root\(base)/outside",
            ] {
                symlink(target, root + "/etc/passwd")
                #expect(try files.read("etc/passwd", in: root, limit: 100) == nil, "\(target)")
                unlink(root + "/etc/passwd")
            }
            try write("inside", root + "/real")
            symlink("/../real", root + "/etc/passwd")
            #expect(try files.read("etc/passwd", in: root, limit: 100) == Array("inside".utf8))
            #expect(try files.read("etc/nothing/passwd", in: root, limit: 100) == nil)
        }
    }

    @Test func whatIsNoFileIsRefused() throws {
        try withDirectory { root in
            mkdir(root + "/etc", 0o755)
            // Nobody ever writes into it: to open it would block.
            mkfifo(root + "/etc/passwd", 0o644)
            var error = #expect(throws: SystemError.self) {
                try files.read("etc/passwd", in: root, limit: 100)
            }
            #expect(error?.errno == Errno(EINVAL))
            try write(String(repeating: "x", count: 101), root + "/etc/group")
            error = #expect(throws: SystemError.self) { try files.read("etc/group", in: root, limit: 100) }
            #expect(error?.errno == Errno(EFBIG))
            let refused = #expect(throws: SpecificationError.self) {
                try ContainerSpecification.sample {
                    $0.files = LocalFiles()
                    $0.rootfs = root
                }.compile()
            }
            #expect(refused?.failure.origin.source == "/config/image")
        }
    }

    @Test func missingPathsAreResolvedAsFarAsTheyGo() throws {
        try withDirectory { base in
            let real = try files.canonical(base).path
            mkdir(base + "/real", 0o755)
            symlink("real", base + "/link")
            #expect(
                try files.canonical(base + "/link/a/b/") == HostPath(path: real + "/real/a/b", exists: false))
            #expect(try files.canonical(base + "/link") == HostPath(path: real + "/real", exists: true))
            symlink("nowhere", base + "/dangling")
            #expect(throws: SystemError.self) { try files.canonical(base + "/dangling") }
            try files.makeDirectories(real + "/real/a/b")
            #expect(try files.entry(base + "/link/a/b") == .directory)
        }
    }

    @Test func subPathsStayInTheImage() throws {
        try withDirectory { base in
            let real = try files.canonical(base).path
            mkdir(base + "/image", 0o755)
            mkdir(base + "/image/lib", 0o755)
            symlink("/lib", base + "/image/link")
            symlink("/../../etc", base + "/image/out")
            #expect(try files.path("link", in: base + "/image") == real + "/image/lib")
            #expect(throws: SystemError.self) { try files.path("out", in: base + "/image") }
        }
    }

    @Test func devicesHaveTheirNumbers() throws {
        guard case .device(let null) = try files.entry("/dev/null") else {
            Issue.record("/dev/null is no device")
            return
        }
        #expect(null.type == .c && null.major == 1 && null.minor == 3)
    }

    @Test func theHostIsKnown() throws {
        let host = try HostFacts.detect()
        #expect(!host.machine.isEmpty && !host.hostname.isEmpty)
        #expect(host.hasSeccomp)
        let table = try files.mountTable()
        #expect(table.mount(of: "/proc")?.mountPoint == "/proc")
    }
}
