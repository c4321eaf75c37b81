/// What CRIU is asked for.
public struct Request: Equatable, Sendable {
    public enum Kind: UInt32, Sendable {
        case dump = 1
        case restore = 2
        case preDump = 4
        case notify = 6
        case featureCheck = 9
        case version = 10
    }

    public var kind: Kind
    public var options: Options?
    /// In answer to a notification: whether CRIU is to go on.
    public var goesOn: Bool?
    /// For a feature check: those that are asked about.
    public var features: Set<Feature> = []

    public init(_ kind: Kind, _ options: Options? = nil) {
        self.kind = kind
        self.options = options
    }

    var bytes: [UInt8] {
        var writer = WireWriter()
        writer.field(1, kind.rawValue)
        if let options { writer.field(2) { writer in options.encode(to: &writer) } }
        if let goesOn { writer.field(3, goesOn) }
        if !features.isEmpty {
            writer.field(5) { writer in
                for feature in features.sorted(by: { $0.rawValue < $1.rawValue }) {
                    writer.field(feature.rawValue, true)
                }
            }
        }
        return writer.bytes
    }
}

/// What the kernel and CRIU may or may not have together, by the field of the feature check.
public enum Feature: Int, CaseIterable, Sendable {
    case memoryTracking = 1
    case lazyPages = 2
}

/// What CRIU says: to a request, or that it has come to some point of its work.
public struct Response: Equatable, Sendable {
    /// The number of a ``Request/Kind``; others are of requests that are never made.
    public var kind: UInt32
    public var isSuccess: Bool
    /// Of a restore.
    public var pid: Int32?
    public var notification: Notification?
    /// Of a feature check: those that are there.
    public var features: Set<Feature> = []
    public var version: Version?
    /// An errno, 0 for none.
    public var error: Int32 = 0
    /// CRIU's first error, since 3.17.
    public var message: String?

    public struct Notification: Equatable, Sendable {
        public var script: String
        public var pid: Int32?
    }

    init(_ bytes: [UInt8]) throws(MalformedMessage) {
        var kind: UInt32?
        var isSuccess: Bool?
        var reader = WireReader(bytes[...])
        while let (field, value) = try reader.next() {
            switch field {
            case 1: kind = value.int32.map(UInt32.init(bitPattern:))
            case 2: isSuccess = value.bool
            case 4: pid = try Self.last(1, in: value)?.int32
            case 5:
                let pid = try Self.last(2, in: value)?.int32
                notification = Notification(script: try Self.last(1, in: value)?.text ?? "", pid: pid)
            case 7: error = value.int32 ?? 0
            case 8:
                for feature in Feature.allCases
                where try Self.last(feature.rawValue, in: value)?.bool == true {
                    features.insert(feature)
                }
            case 9: message = value.text
            case 10:
                version = Version(
                    major: try Self.last(1, in: value)?.int32 ?? 0,
                    minor: try Self.last(2, in: value)?.int32 ?? 0,
                    sublevel: try Self.last(4, in: value)?.int32 ?? 0)
            default: break
            }
        }
        guard let kind, let isSuccess else { throw MalformedMessage("it says neither what nor whether") }
        self.kind = kind
        self.isSuccess = isSuccess
    }

    /// A field of a message within this one; the last counts, if there are several.
    private static func last(
        _ field: Int, in value: WireReader.Value
    ) throws(MalformedMessage) -> WireReader.Value? {
        guard let message = value.message else { throw MalformedMessage("a number where a message belongs") }
        var reader = WireReader(message)
        var found: WireReader.Value?
        while let (number, value) = try reader.next() {
            if number == field { found = value }
        }
        return found
    }
}

/// Of CRIU.
public struct Version: Equatable, Comparable, Sendable, CustomStringConvertible {
    public var major: Int32
    public var minor: Int32
    public var sublevel: Int32

    public init(major: Int32, minor: Int32, sublevel: Int32 = 0) {
        self.major = major
        self.minor = minor
        self.sublevel = sublevel
    }

    public static func < (one: Version, other: Version) -> Bool {
        (one.major, one.minor, one.sublevel) < (other.major, other.minor, other.sublevel)
    }

    public var description: String { "\(major).\(minor)" + (sublevel == 0 ? "" : ".\(sublevel)") }
}
