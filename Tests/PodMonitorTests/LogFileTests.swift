import Diagnosis
import Foundation
import Kernel
import Testing

@testable import PodMonitor

@Suite struct LogFileTests {
    private func withFile(_ body: (String, LogFile) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "apus-log-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path, LogFile(try LogFile.open(path), path: path))
    }

    /// Runs `body` with a limit on the size of files, which the kernel answers a longer one with EFBIG.
    private func withSizeLimit(_ bytes: UInt64, _ body: () throws -> Void) rethrows {
        var before = rlimit()
        getrlimit(__rlimit_resource_t(1), &before)
        let handler = signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: before.rlim_max)
        setrlimit(__rlimit_resource_t(1), &limit)
        defer {
            setrlimit(__rlimit_resource_t(1), &before)
            signal(SIGXFSZ, handler)
        }
        try body()
    }

    private func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    @Test func whatDoesNotFitIsCounted() throws {
        try withFile { path, log in
            log.append(Array("T stdout F one\n".utf8), time: "T")
            withSizeLimit(40) {
                // The second is torn by the limit, and taken back.
                log.append(Array("T stdout F two\nT stdout F three-and-more\n".utf8), time: "T")
                log.append(Array("T stdout F four\n".utf8), time: "T")
            }
            #expect(text(path) == "T stdout F one\nT stdout F two\n")
            log.append(Array("T stdout F five\n".utf8), time: "U")
            #expect(
                text(path) == """
                    T stdout F one
                    T stdout F two
                    U stderr F apus: 2 lines (42 bytes) of this log are lost: file too large (EFBIG)
                    T stdout F five

                    """)
            #expect(log.confess("V"))
        }
    }

    @Test func anotherFile() throws {
        try withFile { path, log in
            log.append(Array("a\n".utf8), time: "T")
            try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
            defer { try? FileManager.default.removeItem(atPath: path + ".1") }
            log.append(Array("b\n".utf8), time: "T")
            try log.reopen()
            log.append(Array("c\n".utf8), time: "T")
            #expect(text(path + ".1") == "a\nb\n")
            #expect(text(path) == "c\n")
        }
    }

    @Test func whatIsThereStays() throws {
        try withFile { path, log in
            log.append(Array("a\n".utf8), time: "T")
            LogFile(try LogFile.open(path), path: path).append(Array("b\n".utf8), time: "T")
            #expect(text(path) == "a\nb\n")
        }
    }
}
