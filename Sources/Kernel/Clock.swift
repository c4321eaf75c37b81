import Glibc

/// A moment in UTC.
public struct Timestamp: Equatable, Sendable {
    public let seconds: Int
    public let nanoseconds: Int

    public init(seconds: Int, nanoseconds: Int) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// clock_gettime(CLOCK_REALTIME).
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    /// RFC 3339 in UTC, with nanoseconds, trailing zeros dropped as Go's RFC3339Nano does.
    public var rfc3339Nano: String {
        guard nanoseconds > 0 else { return rfc3339 }
        var fraction = nanoseconds
        var digits = 9
        while fraction % 10 == 0 {
            fraction /= 10
            digits -= 1
        }
        return dateAndTime + "." + padded(fraction, digits) + "Z"
    }

    /// RFC 3339 in UTC, whole seconds. Moments outside the years 0 to 9999, which it has no form for, come
    /// out as the first or the last one in them.
    ///
    /// Not by gmtime_r(3): glibc's reads the file that $TZ names, or /etc/localtime, even for UTC.
    public var rfc3339: String { dateAndTime + "Z" }

    private var dateAndTime: String {
        let seconds = min(max(seconds, -62_167_219_200), 253_402_300_799)
        var day = seconds / 86_400
        var second = seconds % 86_400
        if second < 0 {
            second += 86_400
            day -= 1
        }
        let date = Timestamp.civil(day)
        return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T"
            + padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2)
    }

    /// The date of a day counted from 1970-01-01, in the Gregorian calendar carried backwards.
    ///
    /// Counts years from March, so that the leap day is a year's last, and in cycles of 400 years, which
    /// all have 146,097 days.
    static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
        let sinceYear0 = day + 719_468
        let cycle = (sinceYear0 >= 0 ? sinceYear0 : sinceYear0 - 146_096) / 146_097
        let dayOfCycle = sinceYear0 - cycle * 146_097
        let leapDays = dayOfCycle / 1_460 - dayOfCycle / 36_524 + dayOfCycle / 146_096
        let yearOfCycle = (dayOfCycle - leapDays) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        // From March on, every five months have 153 days.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let date = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0), month, date)
    }

    private func padded(_ value: Int, _ digits: Int) -> String {
        var text = String(value)
        while text.utf8.count < digits { text = "0" + text }
        return text
    }
}
