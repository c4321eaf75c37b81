/// What both ends of a pod monitor's socket agree on.
///
/// The socket is of the type SOCK_SEQPACKET: a packet is a message. A request is `kind: byte, number: word, fields`;
/// a reply is the same, with the number of the request that it answers, and an event has the number 0. Numbers are
/// little endian; a text is its length, a word, and so many bytes of UTF-8 without NUL; a list is its count and its
/// elements; what may be absent is a byte 0, or 1 and the value. Whatever is left over, or is not there, makes a
/// message malformed.
public enum Wire {
    /// Rises with every change that the other end could misunderstand. The first message on a connection says it.
    public static let version: UInt32 = 1
    /// Bytes of a message, in either direction.
    public static let packetLimit = 128 << 10
    /// Bytes kept of the end of what a runtime writes to standard error, and of its log.
    public static let errorTailLimit = 64 << 10
    /// The same of standard output. Both, with what is around them, fit in a message.
    public static let outputTailLimit = 60 << 10
    /// Bytes of a container's ID.
    public static let nameLimit = 255
    /// Descriptors that go with a message, at most.
    public static let descriptorLimit = 3

    /// Whether a container may be called so: it becomes a file's name. Letters, digits, `_`, `-` and `.`, the last not
    /// in front.
    public static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= nameLimit, text.utf8.first != UInt8(ascii: ".") else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}

/// A message that says nothing: which field, and what is wrong with it.
public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
    public var field: String
    public var reason: String

    public init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(field): \(reason)" }
}

/// What has a form in a message.
protocol WireValue {
    init(from reader: inout WireReader) throws(Malformed)
    func write(to writer: inout WireWriter)
}
