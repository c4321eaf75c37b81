/// A challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1).
struct AuthChallenge: Sendable, Equatable {
    /// In lower case: `bearer`, `basic`.
    var scheme: String
    /// By name in lower case.
    var parameters: [String: String] = [:]

    /// All challenges of one header's value. What is not understood ends the list.
    static func parse(_ header: String) -> [AuthChallenge] {
        var challenges: [AuthChallenge] = []
        var scanner = Scanner(bytes: Array(header.utf8))
        while true {
            scanner.skip(" \t,")
            guard let word = scanner.token() else { return challenges }
            scanner.skip(" \t")
            // A word before "=" is a parameter of the challenge before it; any other is a scheme.
            if scanner.take("="), !challenges.isEmpty {
                scanner.skip(" \t")
                guard let value = scanner.quoted() ?? scanner.token() else { return challenges }
                let name = word.lowercased()
                // The first one counts: what follows might have been smuggled in.
                if challenges[challenges.count - 1].parameters[name] == nil {
                    challenges[challenges.count - 1].parameters[name] = value
                }
            } else {
                challenges.append(AuthChallenge(scheme: word.lowercased()))
            }
        }
    }

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        mutating func skip(_ characters: String) {
            while position < bytes.count, characters.utf8.contains(bytes[position]) { position += 1 }
        }

        mutating func take(_ character: Character) -> Bool {
            guard position < bytes.count, bytes[position] == character.asciiValue else { return false }
            position += 1
            return true
        }

        mutating func token() -> String? {
            let start = position
            while position < bytes.count, !" \t,=\"".utf8.contains(bytes[position]) { position += 1 }
            return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
        }

        mutating func quoted() -> String? {
            guard take("\"") else { return nil }
            var text: [UInt8] = []
            while position < bytes.count {
                var byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
                if byte == UInt8(ascii: "\\"), position < bytes.count {
                    byte = bytes[position]
                    position += 1
                }
                text.append(byte)
            }
            return nil
        }
    }
}
