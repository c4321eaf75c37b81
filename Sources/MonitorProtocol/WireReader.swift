/// Takes a message apart. Nothing in it is believed: no length is reserved before its bytes are there.
struct WireReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var left: Int { bytes.count - position }

    /// All of it has been read.
    func end() throws(Malformed) {
        if left != 0 { throw Malformed("message", "\(left) bytes too many") }
    }

    mutating func byte(_ field: String) throws(Malformed) -> UInt8 {
        guard left >= 1 else { throw Malformed(field, "is not there") }
        position += 1
        return bytes[position - 1]
    }

    mutating func flag(_ field: String) throws(Malformed) -> Bool {
        let value = try byte(field)
        guard value <= 1 else { throw Malformed(field, "\(value) is neither 0 nor 1") }
        return value == 1
    }

    mutating func word(_ field: String) throws(Malformed) -> UInt32 {
        guard left >= 4 else { throw Malformed(field, "is not there") }
        var value: UInt32 = 0
        for place in 0..<4 { value |= UInt32(bytes[position + place]) << UInt32(8 * place) }
        position += 4
        return value
    }

    mutating func signed(_ field: String) throws(Malformed) -> Int32 {
        Int32(bitPattern: try word(field))
    }

    mutating func long(_ field: String) throws(Malformed) -> Int64 {
        let low = try word(field)
        return Int64(bitPattern: UInt64(low) | UInt64(try word(field)) << 32)
    }

    mutating func data(_ field: String) throws(Malformed) -> [UInt8] {
        let count = try word(field)
        guard count <= left else { throw Malformed(field, "is \(count) bytes long, and \(left) are there") }
        defer { position += Int(count) }
        return Array(bytes[position..<(position + Int(count))])
    }

    mutating func text(_ field: String) throws(Malformed) -> String {
        let data = try data(field)
        guard !data.contains(0) else { throw Malformed(field, "has a NUL in it") }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Malformed(field, "is not UTF-8")
        }
        return text
    }

    mutating func optionalText(_ field: String) throws(Malformed) -> String? {
        try flag(field) ? try text(field) : nil
    }

    mutating func texts(_ field: String) throws(Malformed) -> [String] {
        var values: [String] = []
        for _ in 0..<(try count(field, least: 4)) { values.append(try text(field)) }
        return values
    }

    mutating func optional<Value: WireValue>(_ field: String) throws(Malformed) -> Value? {
        try flag(field) ? try Value(from: &self) : nil
    }

    mutating func list<Value: WireValue>(_ field: String) throws(Malformed) -> [Value] {
        var values: [Value] = []
        for _ in 0..<(try count(field, least: 1)) { values.append(try Value(from: &self)) }
        return values
    }

    /// - Parameter least: bytes that an element has.
    private mutating func count(_ field: String, least: Int) throws(Malformed) -> Int {
        let count = Int(try word(field))
        guard count <= left / least else { throw Malformed(field, "\(count) elements do not fit") }
        return count
    }

    /// The name of a container.
    mutating func name(_ field: String) throws(Malformed) -> String {
        let name = try text(field)
        guard Wire.isName(name) else { throw Malformed(field, "\"\(name)\" is no container's ID") }
        return name
    }

    /// An absolute path.
    mutating func path(_ field: String) throws(Malformed) -> String {
        let path = try text(field)
        guard path.utf8.first == UInt8(ascii: "/") else {
            throw Malformed(field, "\"\(path)\" is no absolute path")
        }
        return path
    }

    mutating func optionalPath(_ field: String) throws(Malformed) -> String? {
        try flag(field) ? try path(field) : nil
    }
}
