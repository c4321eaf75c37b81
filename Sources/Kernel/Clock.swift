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
        return rfc3339.dropLast() + "." + padded(fraction, digits) + "Z"
    }

    /// RFC 3339 in UTC, whole seconds.
    public var rfc3339: String {
        var parts = tm()
        var time = time_t(seconds)
        gmtime_r(&time, &parts)
        let date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }

    private func two(_ value: Int32) -> String { padded(Int(value), 2) }

    private func padded(_ value: Int, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
