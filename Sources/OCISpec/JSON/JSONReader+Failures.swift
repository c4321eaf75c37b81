import Diagnosis

extension JSONReader {
    /// The failure of the value the reader moved to last.
    @inline(never)
    public func fail(_ reason: String, remedy: String? = nil) -> Failure {
        Failure(at: pointer, reason, remedy: remedy)
    }

    /// The failure of an object that lacks the member `key`; for a decoder that has read the object.
    @inline(never)
    public func missing(_ key: String) -> Failure {
        Failure(at: pointer.key(key), "required, but missing")
    }

    /// The position, in words.
    var place: String {
        var line = 1
        var column = 1
        for byte in bytes[..<min(position, bytes.count)] {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
        return "line \(line), column \(column)"
    }

    @inline(never)
    func syntax(_ reason: String) -> Failure { fail("\(place): \(reason)") }

    /// The failure of a text that has something else than `wanted` at the position.
    @inline(never)
    func unexpected(_ wanted: String) -> Failure {
        guard position < bytes.count else {
            return syntax("expected \(wanted), but the text ends")
        }
        let byte = bytes[position]
        let found =
            byte > 0x20 && byte < 0x7f
            ? "'\(Character(Unicode.Scalar(byte)))'" : "the byte 0x\(hex(UInt32(byte), digits: 2))"
        return syntax("expected \(wanted), found \(found)")
    }

    /// The failure of a value that is not of the kind `wanted`; the reader moves over it.
    @inline(never)
    mutating func mismatch(_ wanted: String) -> Failure {
        let kind: String
        switch peek {
        case UInt8(ascii: "{"): return fail("expected \(wanted), found an object")
        case UInt8(ascii: "["): return fail("expected \(wanted), found an array")
        case UInt8(ascii: "\""): kind = "the string "
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): kind = "the number "
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): kind = ""
        default: return unexpected(wanted)
        }
        let start = position
        do throws(Failure) {
            try skip()
        } catch {
            return error
        }
        return fail("expected \(wanted), found \(kind)\(excerpt(from: start))")
    }

    /// The text from `start` to the position, cut if it is long.
    func excerpt(from start: Int) -> String {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        return text.count <= 48 ? text : "\(text.prefix(40))…"
    }

    func refuseByteOrderMark() throws(Failure) {
        guard let first = bytes.first, first >= 0x80 else { return }
        let found: String
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            found = "begins with a byte order mark; save it as UTF-8 without one"
        } else if bytes.starts(with: [0xfe, 0xff]) || bytes.starts(with: [0xff, 0xfe]) {
            found = "is UTF-16; save it as UTF-8"
        } else {
            return
        }
        throw Failure(at: "", "line 1, column 1: the text \(found)")
    }
}

func hex(_ value: UInt32, digits: Int = 4) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// A configured text as error messages show it: in quotes, cut if it is long, control characters
/// escaped, so that a message stays one line.
func quoted(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars.prefix(80) {
        switch scalar {
        case "\"", "\\":
            shown += "\\"
            shown.unicodeScalars.append(scalar)
        case _ where scalar.value < 0x20 || scalar.value == 0x7f: shown += "\\u\(hex(scalar.value))"
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return shown + (text.unicodeScalars.count > 80 ? "…\"" : "\"")
}
