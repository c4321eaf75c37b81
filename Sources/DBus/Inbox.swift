/// Bytes as they come in, and the lines and messages in them.
struct Inbox {
    private var bytes: [UInt8] = []

    mutating func append(_ more: [UInt8]) { bytes += more }

    /// The next line, without its line end; `nil` if it has not come yet.
    mutating func takeLine() throws(DBusError) -> String? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            guard bytes.count <= Authentication.maximumLine else {
                throw .unauthenticated("its answer has no end")
            }
            return nil
        }
        var line = bytes[..<end]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let text = String(decoding: line.prefix(Authentication.maximumLine), as: UTF8.self)
        bytes.removeFirst(end + 1)
        return text
    }

    enum Next: Equatable {
        case message(Message)
        /// Of a kind that is to be ignored.
        case unknown
        /// Not all of it has come yet.
        case incomplete
    }

    /// The next message. After an error there is none to come: nobody knows where it would begin.
    mutating func takeMessage() throws(DBusError) -> Next {
        guard bytes.count >= Message.prefixSize else { return .incomplete }
        let size = try Message.size(bytes[..<Message.prefixSize])
        guard bytes.count >= size else { return .incomplete }
        let message = try Message.decode(Array(bytes[..<size]))
        bytes.removeFirst(size)
        return message.map { .message($0) } ?? .unknown
    }
}
