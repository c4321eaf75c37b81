import Diagnosis
import Glibc
import Testing

@Suite struct FailureTests {
    @Test func everyPart() {
        let failure = Failure(
            .config("/mounts/3"), doing: "mount tmpfs on /run", errno: Errno(EINVAL),
            reason: "unknown option \"sise=64k\"", remedy: "write \"size=64k\"")
        #expect(
            "\(failure)" == """
                /mounts/3: mount tmpfs on /run: invalid argument (EINVAL): unknown option "sise=64k"; \
                write "size=64k"
                """)
    }

    @Test func partsThatAreMissingLeaveNoTrace() {
        #expect("\(Failure("container does not exist"))" == "container does not exist")
        #expect("\(Failure("no", remedy: "yes"))" == "no; yes")
        #expect("\(Failure(at: "/process/cwd", "required"))" == "/process/cwd: required")
        #expect("\(Failure(at: "/a", "b", remedy: "c"))" == "/a: b; c")
        #expect("\(Failure(.option("--bundle"), reason: "missing"))" == "--bundle: missing")
        #expect("\(Failure(doing: "clone3"))" == "clone3")
        #expect("\(Failure(errno: Errno(EPERM)))" == "operation not permitted (EPERM)")
    }

    /// The whole document has the empty pointer, which would read as a stray colon.
    @Test func theWholeDocument() {
        #expect("\(Failure(at: Pointer(), "not an object"))" == "not an object")
    }

    @Test func systemErrors() {
        let error = SystemError("open /run/x", Errno(ENOENT))
        #expect("\(error)" == "open /run/x: no such file or directory (ENOENT)")
        let failure = Failure(.option("--root"), error, remedy: "make it")
        #expect(failure.errno == Errno(ENOENT))
        #expect("\(failure)" == "--root: open /run/x: no such file or directory (ENOENT); make it")
    }

    @Test func blaming() throws {
        let value = try Failure.blaming { () throws(SystemError) in 7 }
        #expect(value == 7)
        let failure = #expect(throws: Failure.self) {
            try Failure.blaming(.config("/root/path"), remedy: "look") { () throws(SystemError) in
                throw SystemError("stat /x", Errno(ENOTDIR))
            }
        }
        #expect(
            failure
                == Failure(.config("/root/path"), doing: "stat /x", errno: Errno(ENOTDIR), remedy: "look"))
    }

    @Test func equality() {
        #expect(Failure(at: "/a", "x") == Failure(at: "/a", "x"))
        #expect(Failure(at: "/a", "x") != Failure(at: "/b", "x"))
        #expect(Failure(at: "/a", "x") != Failure(.option("/a"), reason: "x"))
    }
}
