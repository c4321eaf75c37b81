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

    private func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    @Test func nothingButAFileIsTaken() throws {
        try withFile { path, _ in
            let link = path + ".link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            defer { try? FileManager.default.removeItem(atPath: link) }
            for refused in [link, "/dev/null", NSTemporaryDirectory()] {
                #expect(throws: SystemError.self) { _ = try LogFile.open(refused) }
            }
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
