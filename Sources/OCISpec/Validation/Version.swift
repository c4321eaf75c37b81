/// Whether `text` is a version of major number 1 in the format of SemVer 2.0.0.
func isVersion1(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    guard rest.first == UInt8(ascii: "1"), takeNumber(&rest) == 1 else { return false }
    for _ in 0..<2 {
        guard rest.popFirst() == UInt8(ascii: "."), takeNumber(&rest) > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "-") {
        guard takeIdentifiers(&rest, areNumbersCanonical: true) else { return false }
    }
    if rest.first == UInt8(ascii: "+") {
        guard takeIdentifiers(&rest, areNumbersCanonical: false) else { return false }
    }
    return rest.isEmpty
}

/// Takes a number without needless zeros.
///
/// - Returns: how many digits it has; 0 if there is none.
private func takeNumber(_ rest: inout ArraySlice<UInt8>) -> Int {
    let digits = rest.prefix { isDigit($0) }
    guard isCanonical(digits) else { return 0 }
    rest = rest[digits.endIndex...]
    return digits.count
}

/// Takes a separator and what is to follow it: identifiers, with dots between them.
private func takeIdentifiers(_ rest: inout ArraySlice<UInt8>, areNumbersCanonical: Bool) -> Bool {
    repeat {
        rest.removeFirst()
        let identifier = rest.prefix { byte in
            isDigit(byte) || byte == UInt8(ascii: "-")
                || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
        }
        if identifier.isEmpty { return false }
        if areNumbersCanonical, identifier.allSatisfy(isDigit), !isCanonical(identifier) { return false }
        rest = rest[identifier.endIndex...]
    } while rest.first == UInt8(ascii: ".")
    return true
}

private func isCanonical(_ digits: ArraySlice<UInt8>) -> Bool {
    !digits.isEmpty && (digits.first != UInt8(ascii: "0") || digits.count == 1)
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
