/// A message (D-Bus Specification, "Message Protocol").
public struct Message: Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        case methodCall = 1
        case methodReturn = 2
        case error = 3
        case signal = 4
    }

    public var kind: Kind
    /// Nobody waits for an answer.
    public var expectsNoReply = false
    public var serial: UInt32
    public var path: String?
    public var interface: String?
    public var member: String?
    public var errorName: String?
    public var replySerial: UInt32?
    public var destination: String?
    /// Written by the bus: who it names is who sent it.
    public var sender: String?
    public var body: [Value] = []

    public init(_ kind: Kind, serial: UInt32) {
        self.kind = kind
        self.serial = serial
    }

    /// The largest that is sent or taken, in bytes. The specification allows 2²⁷; what a service manager has to
    /// tell is a thousandth of it.
    public static let maximumSize = 1 << 22

    /// How many bytes tell the size of the whole.
    static let prefixSize = 16

    /// The size in bytes of the message that begins so.
    ///
    /// - Parameter prefix: ``prefixSize`` bytes.
    static func size(_ prefix: ArraySlice<UInt8>) throws(DBusError) -> Int {
        let parts = try Prefix(prefix)
        // Neither is over 2³²: no sum of them overflows.
        let header = (prefixSize + parts.fields + 7) / 8 * 8
        let size = header + parts.body
        guard size <= maximumSize else { throw .malformed("it is \(size) bytes long") }
        return size
    }

    private struct Prefix {
        let order: Decoder.Order
        let kind: UInt8
        let flags: UInt8
        let body: Int
        let serial: UInt32
        let fields: Int

        init(_ bytes: ArraySlice<UInt8>) throws(DBusError) {
            guard let first = bytes.first, let order = Decoder.Order(rawValue: first) else {
                throw .malformed("it has no byte order")
            }
            self.order = order
            var decoder = Decoder(bytes, order: order)
            var values: [Value] = []
            for type: DataType in [.byte, .byte, .byte, .byte, .uint32, .uint32, .uint32] {
                values.append(try decoder.decode(type))
            }
            guard case .byte(let kind) = values[1], case .byte(let flags) = values[2],
                case .byte(let version) = values[3], case .uint32(let body) = values[4],
                case .uint32(let serial) = values[5], case .uint32(let fields) = values[6]
            else { throw .malformed("it has no header") }
            guard version == 1 else { throw .malformed("its protocol is version \(version)") }
            guard serial != 0 else { throw .malformed("its serial number is 0") }
            self.kind = kind
            self.flags = flags
            self.body = Int(body)
            self.serial = serial
            self.fields = Int(fields)
        }
    }

    /// Reads a message of exactly these bytes.
    ///
    /// - Returns: `nil` for one of a kind that is not known, which the specification wants ignored.
    static func decode(_ bytes: [UInt8]) throws(DBusError) -> Message? {
        let prefix = try Prefix(bytes.prefix(prefixSize))
        let headerType = DataType.array(.structure([.byte, .variant]))
        var decoder = Decoder(bytes[...], order: prefix.order)
        for type: DataType in [.uint32, .uint32, .uint32] { _ = try decoder.decode(type) }
        guard case .array(_, let fields) = try decoder.decode(headerType) else {
            throw .malformed("it has no header")
        }
        try decoder.align(to: 8)
        guard prefix.kind != 0 else { throw .malformed("it is of kind 0") }
        guard let kind = Kind(rawValue: prefix.kind) else { return nil }
        var message = Message(kind, serial: prefix.serial)
        message.expectsNoReply = prefix.flags & 1 != 0
        var signature = ""
        for field in fields { try message.take(field, &signature) }
        try message.checkFields()
        for type in DataType.list(signature.utf8) ?? [] { message.body.append(try decoder.decode(type)) }
        guard decoder.isAtEnd else { throw .malformed("it has more than its signature says") }
        return message
    }

    private mutating func take(_ field: Value, _ signature: inout String) throws(DBusError) {
        guard case .structure(let parts) = field, parts.count == 2, case .byte(let code) = parts[0],
            case .variant(let value) = parts[1]
        else { throw .malformed("a header field") }
        switch (code, value) {
        case (1, .objectPath(let text)): path = text
        case (2, .string(let text)): interface = text
        case (3, .string(let text)): member = text
        case (4, .string(let text)): errorName = text
        case (5, .uint32(let serial)): replySerial = serial
        case (6, .string(let text)): destination = text
        case (7, .string(let text)): sender = text
        case (8, .signature(let text)): signature = text
        case (9, .uint32): break
        case (0...9, _): throw .malformed("header field \(code) of type \(value.type.code)")
        default: break
        }
    }

    private func checkFields() throws(DBusError) {
        let isComplete =
            switch kind {
            case .methodCall: path != nil && member != nil
            case .methodReturn: replySerial != nil
            case .error: replySerial != nil && errorName != nil
            case .signal: path != nil && interface != nil && member != nil
            }
        guard isComplete else { throw .malformed("it lacks a header field") }
    }

    /// As it goes on the wire.
    func encoded() throws(DBusError) -> [UInt8] {
        var body = Encoder()
        for value in self.body { try body.encode(value) }
        let signature = self.body.map(\.type.code).joined()
        guard DataType.list(signature.utf8) != nil else { throw .unsendable("arguments \"\(signature)\"") }
        var fields: [Value] = []
        func add(_ code: UInt8, _ value: Value?) {
            if let value { fields.append(.structure([.byte(code), .variant(value)])) }
        }
        add(1, path.map { .objectPath($0) })
        add(2, interface.map { .string($0) })
        add(3, member.map { .string($0) })
        add(4, errorName.map { .string($0) })
        add(5, replySerial.map { .uint32($0) })
        add(6, destination.map { .string($0) })
        add(7, sender.map { .string($0) })
        if !signature.isEmpty { add(8, .signature(signature)) }
        var message = Encoder()
        message.append([Decoder.Order.little.rawValue, kind.rawValue, expectsNoReply ? 1 : 0, 1])
        message.integer(UInt32(truncatingIfNeeded: body.bytes.count))
        message.integer(serial)
        try message.encode(.array(of: .structure([.byte, .variant]), fields))
        message.pad(to: 8)
        message.append(body.bytes)
        guard message.bytes.count <= Self.maximumSize else {
            throw .unsendable("a message of \(message.bytes.count) bytes")
        }
        return message.bytes
    }
}
