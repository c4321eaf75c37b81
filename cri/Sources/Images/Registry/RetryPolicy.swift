import Foundation

/// How often and for how long servers are asked again.
struct RetryPolicy: Sendable {
    /// How often all servers are asked in all.
    var rounds = 5
    /// The pause after the first round; each later one is twice as long.
    var pause: Duration = .milliseconds(250)
    var longestPause: Duration = .seconds(10)
    /// The longest pause that is granted to a server that asks for one.
    var longestWish: Duration = .seconds(60)
    /// How often a transfer that made some way is gone on with at once, without a new round.
    var resumptions = 8

    /// - Parameter round: from 0.
    func pause(after round: Int) -> Duration {
        let whole = min(pause * (1 << min(round, 16)), longestPause)
        // Not all at the same moment.
        return whole / 2 + whole * Double.random(in: 0...0.5)
    }

    /// The meaning of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3).
    static func wish(_ header: String?, now: Date = Date()) -> Duration? {
        guard let text = header?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Int64(text) { return .seconds(min(max(seconds, 0), 1 << 31)) }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard let date = format.date(from: text) else { return nil }
        return .seconds(max(date.timeIntervalSince(now), 0))
    }
}
