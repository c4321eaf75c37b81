import Diagnosis

extension JSONReader {
    /// Reads an integer; anything from `lowest` up.
    ///
    /// - Throws: Also for a number with a fraction or an exponent, even if its value is whole: Go's
    ///   decoder refuses those in integer fields too.
    public mutating func int64(from lowest: Int64 = .min, to highest: Int64 = .max) throws(Failure) -> Int64 {
        let start = position
        let number = try scanInteger()
        if !number.overflows {
            let value =
                number.isNegative
                ? Int64(exactly: -Int128(number.magnitude)) : Int64(exactly: number.magnitude)
            if let value, value >= lowest, value <= highest { return value }
        }
        throw outOfRange(from: start, "\(lowest)", "\(highest)")
    }

    /// Reads an integer from 0 to `highest`; see ``int64(from:to:)``.
    public mutating func uint64(to highest: UInt64 = .max) throws(Failure) -> UInt64 {
        let start = position
        let number = try scanInteger()
        guard !number.overflows, number.magnitude <= highest, !number.isNegative || number.magnitude == 0
        else { throw outOfRange(from: start, "0", "\(highest)") }
        return number.magnitude
    }

    public mutating func int() throws(Failure) -> Int {
        Int(truncatingIfNeeded: try int64(from: Int64(Int.min), to: Int64(Int.max)))
    }

    public mutating func int32() throws(Failure) -> Int32 {
        Int32(truncatingIfNeeded: try int64(from: Int64(Int32.min), to: Int64(Int32.max)))
    }

    public mutating func uint32() throws(Failure) -> UInt32 {
        UInt32(truncatingIfNeeded: try uint64(to: UInt64(UInt32.max)))
    }

    public mutating func uint16() throws(Failure) -> UInt16 {
        UInt16(truncatingIfNeeded: try uint64(to: UInt64(UInt16.max)))
    }

    struct Number {
        var isNegative = false
        /// Without sign; meaningless if `overflows`, or if there is a fraction or an exponent.
        var magnitude: UInt64 = 0
        var overflows = false
        var isInteger = true
    }

    private mutating func scanInteger() throws(Failure) -> Number {
        guard peek == UInt8(ascii: "-") || Self.isDigit(peek) else { throw mismatch("an integer") }
        let start = position
        let number = try scanNumber()
        guard number.isInteger else {
            throw fail("expected an integer, found the number \(excerpt(from: start))")
        }
        return number
    }

    mutating func scanNumber() throws(Failure) -> Number {
        var number = Number()
        if peek == UInt8(ascii: "-") {
            number.isNegative = true
            position += 1
        }
        let first = peek
        guard Self.isDigit(first) else { throw unexpected("a digit after '-'") }
        while Self.isDigit(peek) {
            let (product, overflow) = number.magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(peek - UInt8(ascii: "0")))
            number.magnitude = sum
            number.overflows = number.overflows || overflow || carry
            position += 1
            if first == UInt8(ascii: "0"), Self.isDigit(peek) {
                throw syntax("a number must not begin with 0")
            }
        }
        if peek == UInt8(ascii: ".") {
            number.isInteger = false
            position += 1
            try scanDigits(after: "the decimal point")
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            number.isInteger = false
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            try scanDigits(after: "the exponent's 'e'")
        }
        return number
    }

    private mutating func scanDigits(after what: String) throws(Failure) {
        guard Self.isDigit(peek) else { throw unexpected("a digit after \(what)") }
        while Self.isDigit(peek) { position += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private func outOfRange(from start: Int, _ lowest: String, _ highest: String) -> Failure {
        fail("\(excerpt(from: start)) is out of range: \(lowest) to \(highest) is allowed")
    }
}
