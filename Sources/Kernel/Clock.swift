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

    /// RFC 3339 in UTC with all nine digits of the nanoseconds, as lines of a container's log begin.
    public var rfc3339Full: String { dateAndTime + "." + padded(nanoseconds, 9) + "Z" }

    /// - Parameter rfc3339: a moment in UTC, `Z` at its end, with a fraction of up to nine digits or without.
    /// - Returns: `nil` if it is something else.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] as [(Int, Unicode.Scalar)]
        for (place, mark) in marks where UInt32(bytes[place]) != mark.value { return nil }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var nanoseconds = 0
        if bytes.count > 20 {
            let digits = bytes.count - 21
            guard bytes[19] == UInt8(ascii: "."), (1...9).contains(digits),
                let fraction = number(20..<(20 + digits))
            else { return nil }
            nanoseconds = fraction
            for _ in digits..<9 { nanoseconds *= 10 }
        }
        // As in civil: years from March, in cycles of 400.
        let fromMarch = month <= 2 ? year - 1 : year
        let cycle = (fromMarch >= 0 ? fromMarch : fromMarch - 399) / 400
        let yearOfCycle = fromMarch - cycle * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
        let days = cycle * 146_097 + dayOfCycle - 719_468
        self.init(
            seconds: days * 86_400 + hour * 3600 + minute * 60 + second, nanoseconds: nanoseconds)
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
