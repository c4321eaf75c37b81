import Foundation
import Testing

@testable import Arguments

@Suite struct Signals {
    @Test(arguments: [
        ("KILL", SIGKILL), ("SIGKILL", SIGKILL), ("sigkill", SIGKILL), ("Kill", SIGKILL), ("TERM", SIGTERM),
        ("hup", SIGHUP), ("WINCH", SIGWINCH), ("SIGSTKFLT", SIGSTKFLT), ("IOT", SIGABRT), ("POLL", SIGIO),
        ("CLD", SIGCHLD), ("9", 9), ("0", 0), ("64", 64), ("+9", 9),
    ])
    func known(_ written: String, _ number: Int32) { #expect(SignalName.number(written) == number) }

    @Test(arguments: [
        "", "SIG", "FOO", "SIGSIGKILL", "RTMIN", "RTMIN+3", "SIGRTMAX", "-9", "65", "99999999999999999999",
        "9 ",
        "0x9", " KILL", "KÍLL",
    ])
    func unknown(_ written: String) { #expect(SignalName.number(written) == nil) }

    /// The C library knows the classic signals too: every one of its names is ours, at the same number.
    @Test func theTableIsWhole() throws {
        for number in Int32(1)...31 {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            process.arguments = ["-c", "kill -l \(number)"]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let name = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(SignalName.number(name.trimmingCharacters(in: .whitespacesAndNewlines)) == number)
        }
    }
}

@Suite struct Paths {
    @Test(arguments: [
        ("/", "/"), ("//", "/"), ("/.", "/"), ("/..", "/"), ("/../../a", "/a"), ("/a/../..", "/"),
        ("/a//b/./c/", "/a/b/c"), ("/a/b/../c", "/a/c"), ("/a/...", "/a/..."), ("/.a/b..", "/.a/b.."),
        ("/é/../ü", "/ü"), ("", "/"),
    ])
    func cleaned(_ written: String, _ path: String) { #expect(Path.cleaned(written) == path) }
}
