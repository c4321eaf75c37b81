import Foundation
import Testing

@testable import Kernel

@Suite struct ClockTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"), (1_795_225_545, "2026-11-21T01:45:45Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"), (Int.max, "9999-12-31T23:59:59Z"),
        (-62_167_219_200, "0000-01-01T00:00:00Z"), (Int.min, "0000-01-01T00:00:00Z"),
    ])
    func wholeSeconds(_ seconds: Int, _ text: String) {
        #expect(Timestamp(seconds: seconds, nanoseconds: 0).rfc3339 == text)
        #expect(Timestamp(seconds: seconds, nanoseconds: 0).rfc3339Nano == text)
    }

    @Test(arguments: [
        (1, "0.000000001Z"), (120_000_000, "0.12Z"), (999_999_999, "0.999999999Z"), (1_000_000, "0.001Z"),
    ])
    func fractions(_ nanoseconds: Int, _ end: String) {
        #expect(Timestamp(seconds: 0, nanoseconds: nanoseconds).rfc3339Nano == "1970-01-01T00:00:0" + end)
    }

    /// Every day of 400 years against the C library's calendar.
    @Test func everyDayOfACycle() {
        for day in stride(from: -36_525, through: 109_572, by: 1) {
            var time = time_t(day * 86_400 + 3_661)
            var parts = tm()
            gmtime_r(&time, &parts)
            let date = Timestamp.civil(day)
            #expect(date.year == Int(parts.tm_year) + 1900)
            #expect(date.month == Int(parts.tm_mon) + 1)
            #expect(date.day == Int(parts.tm_mday))
        }
    }

    @Test func now() {
        let before = time(nil)
        let now = Timestamp.now()
        #expect(before <= now.seconds && now.seconds <= time(nil))
        #expect((0..<1_000_000_000).contains(now.nanoseconds))
    }
}
