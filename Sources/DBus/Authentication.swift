/// The conversation before the first message (D-Bus Specification, "Authentication Protocol"), mechanism EXTERNAL:
/// the other end knows from the kernel who we are.
///
/// Pure: it is told what came in, and says what to send.
struct Authentication {
    /// Who to be.
    enum Identity: Equatable, Sendable {
        /// This user, in the other end's user namespace. It has to be the one that the kernel tells.
        case user(UInt32)
        /// Whoever the kernel tells. For those in a user namespace, who do not know their number outside.
        case whoeverWeAre
    }

    let identity: Identity
    private var isAsked = false

    init(_ identity: Identity) { self.identity = identity }

    /// A line of the other end's is at most this long.
    static let maximumLine = 4096

    /// All that we have to say, in one write: a zero byte, which once carried the credentials, the name of the
    /// mechanism, and the end of the conversation.
    ///
    /// The first message waits for the other end's consent. systemd's own socket would not look at a message that
    /// it reads along with the last line, until there is something more to read.
    var opening: [UInt8] {
        switch identity {
        case .user(let uid):
            var hexadecimal = ""
            // Digits are 0x30 to 0x39.
            for digit in String(uid).utf8 { hexadecimal += String(digit, radix: 16) }
            return [0] + Array("AUTH EXTERNAL \(hexadecimal)\r\nBEGIN\r\n".utf8)
        case .whoeverWeAre:
            return [0] + Array("AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8)
        }
    }

    /// - Parameter line: what came in, without its line end.
    /// - Returns: whether the other end is content; else there is another line to come.
    mutating func isContent(_ line: String) throws(DBusError) -> Bool {
        switch line.prefix(while: { $0 != " " }) {
        case "OK": return true
        case "DATA" where identity == .whoeverWeAre && !isAsked:
            // Its question, which is answered already.
            isAsked = true
            return false
        case "REJECTED":
            throw .unauthenticated("it answered \"\(line)\" to \(description)")
        default:
            throw .unauthenticated("it answered \"\(line)\"")
        }
    }

    private var description: String {
        switch identity {
        case .user(let uid): "mechanism EXTERNAL with user \(uid)"
        case .whoeverWeAre: "mechanism EXTERNAL"
        }
    }
}
