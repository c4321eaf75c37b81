import CKernel
import Diagnosis
import Glibc
import Testing

@testable import Kernel

@Suite struct NamespaceTests {
    @Test(arguments: [
        ("cgroup", CLONE_NEWCGROUP), ("ipc", CLONE_NEWIPC), ("mnt", CLONE_NEWNS), ("net", CLONE_NEWNET),
        ("pid", CLONE_NEWPID), ("user", CLONE_NEWUSER), ("uts", CLONE_NEWUTS),
    ])
    func types(_ name: String, _ flag: Int32) throws {
        let file = try FileDescriptor.open("/proc/self/ns/\(name)", O_RDONLY)
        #expect(NamespaceFile.type(of: file) == flag)
    }

    @Test(arguments: ["/dev/null", "/proc/self/stat", "/proc/self/ns", "/etc/passwd"])
    func others(_ path: String) throws {
        let file = try FileDescriptor.open(path, O_RDONLY)
        #expect(NamespaceFile.type(of: file) == nil)
    }

    @Test func procfs() throws {
        let proc = try ProcFS.open()
        let status = try proc.status()
        #expect(status.isDirectory && status.inode == 1)
        let own = try FileDescriptor.open("self/stat", O_RDONLY, at: proc.number).readAll()
        #expect(String(decoding: own, as: UTF8.self).hasPrefix("\(getpid()) ("))
        let flags = fcntl(proc.number, F_GETFL)
        #expect(flags & O_PATH == O_PATH)
    }
}

@Suite struct SystemCallTests {
    @Test func refusalsBecomeErrors() {
        #expect(throws: SystemError("do it", Errno(ENOTTY))) {
            _ = try system("do it") {
                errno = ENOTTY
                return -1
            }
        }
        #expect(throws: SystemError("do it", Errno(ENOTTY))) { _ = try raw("do it") { -Int(ENOTTY) } }
    }

    @Test func interruptedCallsAreMadeAgain() throws {
        var calls = 0
        let answer = try system("do it") {
            calls += 1
            errno = EINTR
            return calls < 3 ? -1 : 5
        }
        #expect(answer == 5 && calls == 3)
        calls = 0
        let other = try raw("do it") {
            calls += 1
            return calls < 3 ? -Int(EINTR) : 6
        }
        #expect(other == 6 && calls == 3)
    }
}
