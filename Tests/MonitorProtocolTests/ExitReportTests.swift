import Diagnosis
import Kernel
import MonitorProtocol
import Testing

@Suite struct ExitReportTests {
    @Test func theFile() throws {
        let report = Samples.report
        #expect(
            String(decoding: report.json, as: UTF8.self) == """
                {"id":"c.1_x-Y","pid":4711,"exitCode":137,"signal":9,"finishedAt":"2026-09-21T14:13:20.000000005Z"}

                """)
        #expect(try ExitReport(json: report.json) == report)
    }

    @Test func fromAStatus() {
        let time = Timestamp(seconds: 1, nanoseconds: 0)
        let killed = ExitReport(id: "a", pid: 1, .killed(signal: 15), finishedAt: time)
        #expect(killed.exitCode == 143)
        #expect(killed.signal == 15)
        let left = ExitReport(id: "a", pid: 1, .exited(137), finishedAt: time)
        #expect(left.exitCode == 137)
        #expect(left.signal == 0)
    }

    @Test func whatIsRefused() {
        for text in [
            "", "{}", #"{"id":"a","pid":1,"exitCode":0,"signal":0}"#,
            #"{"id":"a","pid":1,"exitCode":0,"signal":0,"finishedAt":"yesterday"}"#,
            #"{"id":"a","pid":1,"exitCode":0,"signal":0,"finishedAt":"2026-13-01T00:00:00Z"}"#,
            #"{"id":"a","pid":1,"exitCode":0,"signal":0,"finishedAt":"2026-11-01T00:00:00+01:00"}"#,
        ] {
            #expect(throws: Failure.self) { try ExitReport(json: Array(text.utf8)) }
        }
    }

    @Test func timesComeBack() {
        for seconds in [
            0, 1, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 4_107_542_399, -1, -86_401,
        ] {
            for nanoseconds in [0, 1, 120_000_000, 999_999_999] {
                let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
                #expect(Timestamp(rfc3339: time.rfc3339Nano) == time)
                #expect(Timestamp(rfc3339: time.rfc3339Full) == time)
                #expect(time.rfc3339Full.utf8.count == 30)
            }
        }
    }
}
