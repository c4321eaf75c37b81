import Foundation
import Testing

@testable import Presentation

@Suite struct LogLines {
    private let time = "2026-11-21T01:45:45Z"

    @Test func json() {
        #expect(
            LogLine(.error, "container does not exist", time: time).text(.json)
                == #"{"level":"error","msg":"container does not exist","time":"2026-11-21T01:45:45Z"}"# + "\n"
        )
    }

    @Test func text() {
        #expect(
            LogLine(.warning, "so it goes", time: time).text(.text)
                == #"time="2026-11-21T01:45:45Z" level=warning msg="so it goes""# + "\n")
    }

    @Test(arguments: [
        "", "quote \" backslash \\ slash /", "two\nlines\r\n", "tab\t bell\u{7} escape\u{1b}[31m nul\u{0}",
        "del\u{7f} c1\u{9b}31m", "ünïcödé 🐦 \u{2028}", "e\u{301}", "</script>&",
    ])
    func anyMessageIsOneLineAndComesBackWhole(_ message: String) throws {
        let json = LogLine(.error, message, time: time).text(.json)
        let text = LogLine(.error, message, time: time).text(.text)
        for line in [json, text] {
            #expect(line.unicodeScalars.filter { $0 == "\n" }.count == 1)
            #expect(line.unicodeScalars.last == "\n")
            #expect(line.unicodeScalars.dropLast().allSatisfy { !$0.isControl })
        }
        let decoded = try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
        #expect(decoded == ["level": "error", "msg": message, "time": time])
    }

    @Test func toTheJournal() {
        let entry = LogLine(.warning, "so it goes", time: time).journalEntry(identifier: "c1")
        #expect(
            String(decoding: entry, as: UTF8.self)
                == "PRIORITY=4\nSYSLOG_IDENTIFIER=c1\nID=c1\nMESSAGE=so it goes\n")
        // A value of several lines could be taken for further fields.
        let lines = LogLine(.error, "a\nPRIORITY=7", time: time).journalEntry(identifier: "c1")
        let end = Array("MESSAGE\n".utf8) + [12, 0, 0, 0, 0, 0, 0, 0] + Array("a\nPRIORITY=7\n".utf8)
        #expect(Array(lines.suffix(end.count)) == end)
        #expect(lines.starts(with: Array("PRIORITY=3\n".utf8)))
    }

    @Test func toSyslog() {
        let packet = LogLine(.debug, "so it goes", time: time).syslogPacket(identifier: "c1")
        #expect(String(decoding: packet, as: UTF8.self) == "<15>c1: so it goes")
    }

    @Test func escapesOfTheTextForm() {
        #expect(
            LogLine(.debug, "a\"b\\c\n\u{1b}\u{9b}", time: time).text(.text)
                == #"time="2026-11-21T01:45:45Z" level=debug msg="a\"b\\c\n\x1b\u009b""# + "\n")
    }
}
