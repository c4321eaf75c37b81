import Glibc

/// An extended regular expression of POSIX (regex(7)), as libc compiles and searches it.
public final class ExtendedExpression {
    private var compiled = regex_t()

    /// What is wrong with an expression, in libc's words.
    public struct Malformed: Error, Equatable, Sendable {
        public var reason: String
    }

    /// regcomp(3).
    public init(_ text: String) throws(Malformed) {
        let code = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB)
        if code == 0 { return }
        var reason = [CChar](repeating: 0, count: 256)
        let length = regerror(code, &compiled, &reason, reason.count)
        // What deinit frees must be there.
        compiled = regex_t()
        let bytes = reason.prefix(max(0, min(length, reason.count) - 1)).map { UInt8(bitPattern: $0) }
        throw Malformed(reason: String(decoding: bytes, as: UTF8.self))
    }

    deinit { regfree(&compiled) }

    /// regexec(3): whether the expression is found anywhere in `text`.
    public func matches(_ text: String) -> Bool { regexec(&compiled, text, 0, nil, 0) == 0 }
}
