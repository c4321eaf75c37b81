/// A message of netlink(7).
public struct Message: Equatable, Sendable {
    public var type: UInt16
    public var flags: UInt16
    public var sequence: UInt32
    public var body: [UInt8]

    public init(type: UInt16, flags: UInt16, sequence: UInt32 = 0, body: [UInt8]) {
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.body = body
    }

    static let headerSize = 16

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendNative(UInt32(Self.headerSize + body.count))
        bytes.appendNative(type)
        bytes.appendNative(flags)
        bytes.appendNative(sequence)
        // The port: the kernel knows where it comes from.
        bytes.appendNative(UInt32(0))
        return bytes + body
    }

    /// The messages of a datagram; `nil` if it is malformed.
    public static func parse(_ datagram: [UInt8]) -> [Message]? {
        var rest = datagram[...]
        var messages: [Message] = []
        while !rest.isEmpty {
            guard let length = rest.native(0, as: UInt32.self).map(Int.init), length >= headerSize,
                length <= rest.count, let type = rest.native(4, as: UInt16.self),
                let flags = rest.native(6, as: UInt16.self),
                let sequence = rest.native(8, as: UInt32.self)
            else { return nil }
            messages.append(
                Message(
                    type: type, flags: flags, sequence: sequence,
                    body: Array(rest.dropFirst(headerSize).prefix(length - headerSize))))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return messages
    }

    /// What an NLMSG_ERROR or the NLMSG_DONE of a dump says; `nil` if it is malformed.
    var verdict: (errno: Int32, words: String)? {
        guard let number = body[...].native(0, as: Int32.self), number <= 0, number > -4096 else {
            return nil
        }
        var words = ""
        if flags & Flags.hasWords != 0 {
            // Behind the request's own header, and, unless it was left out, its body.
            var start = 4
            if type == Kind.error {
                let length = body[...].native(4, as: UInt32.self).map(Int.init) ?? 0
                start += flags & Flags.isCapped != 0 ? Self.headerSize : (length + 3) & ~3
            }
            words = Attributes(body.dropFirst(start))?[1]?.text ?? ""
        }
        return (-number, words)
    }

    enum Kind {
        static let error: UInt16 = 2
        static let done: UInt16 = 3
    }

    enum Flags {
        static let request: UInt16 = 0x1
        static let acknowledge: UInt16 = 0x4
        static let dump: UInt16 = 0x300
        static let create: UInt16 = 0x400
        static let exclusive: UInt16 = 0x200
        /// Of an answer: something changed during the dump.
        static let interrupted: UInt16 = 0x10
        /// Of an acknowledgement.
        static let isCapped: UInt16 = 0x100
        static let hasWords: UInt16 = 0x200
    }
}

/// The attributes behind a message's fixed part, by number.
struct Attributes: Equatable, Sendable {
    private var values: [UInt16: ArraySlice<UInt8>] = [:]

    /// `nil` if they are malformed.
    init?(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while rest.count >= 4 {
            guard let length = rest.native(0, as: UInt16.self).map(Int.init), length >= 4,
                length <= rest.count,
                let type = rest.native(2, as: UInt16.self)
            else { return nil }
            // The two highest bits say what is in it.
            values[type & 0x3fff] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    subscript(_ type: UInt16) -> ArraySlice<UInt8>? { values[type] }

    static func bytes(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendNative(UInt16(4 + value.count))
        bytes.appendNative(type)
        bytes += value
        bytes.align()
        return bytes
    }

    static func bytes(_ type: UInt16, _ text: String) -> [UInt8] { bytes(type, Array(text.utf8) + [0]) }

    static func bytes(_ type: UInt16, _ number: UInt32) -> [UInt8] {
        var value: [UInt8] = []
        value.appendNative(number)
        return bytes(type, value)
    }
}
