/// Permission bits of a file, written as an octal number in quotes.
public struct FileMode: RawRepresentable, Equatable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A time of whole milliseconds: `"500ms"`, `"10s"`, `"5m"`, `"1h"`.
public struct TimeSpan: Equatable, Sendable {
    public var milliseconds: Int

    public init(milliseconds: Int) { self.milliseconds = milliseconds }
    public init(seconds: Int) { milliseconds = seconds * 1000 }

    public var duration: Duration { .milliseconds(milliseconds) }
}

/// A count of bytes: `4095`, or `"16MiB"`.
public struct ByteCount: Equatable, Sendable {
    public var bytes: UInt64
    public init(_ bytes: UInt64) { self.bytes = bytes }
}

/// A count that is not 0, which stands for none.
public struct PositiveCount: Equatable, Sendable {
    public var value: Int
    public init(_ value: Int) { self.value = value }
}

/// A limit of setrlimit(2): `"nofile=1024:4096"`, soft and hard, or one number for both; `unlimited` is a number.
public struct ResourceLimit: Equatable, Sendable {
    /// In lower case, without RLIMIT_.
    public var name: String
    public var soft: UInt64
    public var hard: UInt64

    public init(name: String, soft: UInt64, hard: UInt64) {
        self.name = name
        self.soft = soft
        self.hard = hard
    }

    /// getrlimit(2)'s.
    static let names = [
        "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc",
        "rss",
        "rtprio", "rttime", "sigpending", "stack",
    ]
    /// RLIM_INFINITY.
    static let unlimited = UInt64.max
}
