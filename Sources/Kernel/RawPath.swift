/// A path or name as the kernel takes it: bytes in whatever encoding, without a zero among them.
///
/// What comes out of archives need not be UTF-8, and must be kept as it is.
public struct RawPath: Hashable, Sendable {
    /// The bytes, and a zero after them.
    private let terminated: [UInt8]

    /// The bytes up to the first zero, if there is one.
    public init(_ bytes: some Sequence<UInt8>) {
        var terminated = Array(bytes.prefix { $0 != 0 })
        terminated.append(0)
        self.terminated = terminated
    }

    public init(_ text: String) { self.init(text.utf8) }

    /// Without the zero.
    public var bytes: ArraySlice<UInt8> { terminated.dropLast() }

    func withPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        terminated.withUnsafeBytes { raw in
            // Never empty: there is the zero.
            body(raw.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
        }
    }
}

extension RawPath: CustomStringConvertible {
    /// For messages: what is neither printable ASCII nor good UTF-8 stands there as `\xNN`.
    public var description: String {
        if let text = String(validating: bytes, as: UTF8.self),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) })
        {
            return text
        }
        return bytes.map { byte in
            if (0x20...0x7e).contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16)
            return "\\x" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
