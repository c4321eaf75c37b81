import Diagnosis
import Foundation
import OCISpec
import Testing

@Suite struct JSONReaderTests {
    private func reader(_ text: String) throws(Failure) -> JSONReader { try JSONReader(Array(text.utf8)) }

    /// The strings of an array, for texts that are about strings.
    private func strings(_ text: String) throws(Failure) -> [String] {
        var reader = try reader(text)
        let strings = try reader.strings()
        try reader.finish()
        return strings
    }

    @Test func stringsAreDecoded() throws {
        #expect(try strings(#"["","a","\"\\\/\b\f\n\r\t"]"#) == ["", "a", "\"\\/\u{8}\u{c}\n\r\t"])
        #expect(try strings(#"["\u00e9\u20AC\ud83d\udc1f","é€🐟","\u0001"]"#) == ["é€🐟", "é€🐟", "\u{1}"])
        #expect(try strings("[\"\u{7f}\u{ffff}\u{10ffff}\"]") == ["\u{7f}\u{ffff}\u{10ffff}"])
        let long = String(repeating: "äöü\\\"", count: 1000)
        #expect(try strings("[\"\(long.replacingOccurrences(of: "\\\"", with: "\\\\\\\""))\"]") == [long])
    }

    @Test func integers() throws {
        var numbers = try reader("[-9223372036854775808,9223372036854775807,18446744073709551615,-0,-0,0]")
        try numbers.beginArray()
        _ = try numbers.nextElement()
        #expect(try numbers.int64() == .min)
        _ = try numbers.nextElement()
        #expect(try numbers.int() == .max)
        _ = try numbers.nextElement()
        #expect(try numbers.uint64() == .max)
        _ = try numbers.nextElement()
        #expect(try numbers.int32() == 0)
        _ = try numbers.nextElement()
        #expect(try numbers.uint32() == 0)
        _ = try numbers.nextElement()
        #expect(try numbers.uint16() == 0)
        #expect(try !numbers.nextElement())
        try numbers.finish()
    }

    @Test(arguments: [
        ("65536", "65536 is out of range: 0 to 65535 is allowed"), ("-1", "-1 is out of range"),
        ("1.0", "expected an integer, found the number 1.0"), ("1e2", "found the number 1e2"),
        ("01", "begin with 0"),
        ("-01", "begin with 0"), ("1.", "a digit after the decimal point"),
        ("\"1\"", "found the string \"1\""),
        ("null", "found null"), ("[1]", "found an array"), ("{}", "found an object"),
        ("tru", "expected 'true'"),
        ("1 1", "unexpected text"), ("", "but the text ends"), (".5", "found '.'"),
        (String(repeating: "9", count: 100), "999… is out of range"),
    ]) func badIntegers(text: String, reason: String) {
        let failure = failure { () throws(Failure) in
            var reader = try reader(text)
            _ = try reader.uint16()
            try reader.finish()
        }
        #expect(failure?.description.contains(reason) == true, "\(String(describing: failure))")
    }

    @Test func unreadValuesAreSkipped() throws {
        var document = try reader(#" {"a":[1,{"b":[]},"x"],"c":{"d":null},"e":null,"f":2} "#)
        var keys: [String] = []
        try document.beginObject()
        while let key = try document.nextKey() {
            keys.append(key)
            if key == "f" { #expect(try document.int() == 2) }
        }
        try document.finish()
        #expect(keys == ["a", "c", "f"])
    }

    @Test func mapsPassNullOn() throws {
        var document = try reader(#"{"a":null,"b":1}"#)
        var values: [String: Int] = [:]
        try document.beginMap()
        while let key = try document.nextKey() { values[key] = try document.null() ? 0 : try document.int() }
        #expect(values == ["a": 0, "b": 1])
    }

    @Test func pointersAreEscaped() throws {
        let failure = failure { () throws(Failure) in
            var document = try reader(#"[0,{"a/b":{"~":[[],[true]]}}]"#)
            try document.beginArray()
            _ = try document.nextElement()
            _ = try document.nextElement()
            try document.beginObject()
            _ = try document.nextKey()
            try document.beginMap()
            _ = try document.nextKey()
            try document.beginArray()
            _ = try document.nextElement()
            _ = try document.nextElement()
            _ = try document.strings()
        }
        #expect(pointer(failure) == "/1/a~1b/~0/1/0")
    }

    /// A decoder that goes wrong gets an error, whatever it does.
    @Test func misuseIsAnError() throws {
        var document = try reader(#"[{"a":1},2]"#)
        #expect(throws: Failure.self) { _ = try document.nextKey() }
        #expect(throws: Failure.self) { _ = try document.nextElement() }
        try document.beginArray()
        #expect(throws: Failure.self) { _ = try document.nextKey() }
        _ = try document.nextElement()
        try document.beginObject()
        #expect(throws: Failure.self) { _ = try document.nextElement() }
        _ = try document.nextKey()
        #expect(try document.int() == 1)
        #expect(throws: Failure.self) { _ = try document.int() }
        #expect(try document.nextKey() == nil)
        #expect(throws: Failure.self) { _ = try document.bool() }
    }

    @Test func columnsCountCharacters() {
        let failure = failure { () throws(Failure) in try strings("[\n\"äöü🐟\" x]") }
        #expect(failure?.reason.hasPrefix("line 2, column 8: ") == true)
        #expect(pointer(failure) == "")
    }

    @Test func nestingUpToTheLimit() throws {
        let limit = JSONReader.nestingLimit
        for depth in [limit, limit + 1] {
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let failure = failure { () throws(Failure) in
                var document = try reader(text)
                try document.skip()
                try document.finish()
            }
            #expect((failure == nil) == (depth == limit))
        }
    }

    @Test func manyKeys() throws {
        let keys = (0..<20_000).map { "\"k\($0)\":\($0)" }
        var document = try reader("{\(keys.joined(separator: ","))}")
        try document.skip()
        try document.finish()
        let twice = failure { () throws(Failure) in
            var document = try reader("{\"x\":{\(keys.joined(separator: ",")),\"k77\":0}}")
            try document.skip()
        }
        #expect(pointer(twice) == "/x/k77")
        // Of an array in an object of many keys, the keys are not the array's.
        var inner = try reader("{\(keys.prefix(40).joined(separator: ",")),\"l\":[{\"k1\":0},{\"k1\":0}]}")
        try inner.skip()
        try inner.finish()
    }

    @Test func sizeLimit() {
        #expect(
            failure { () throws(Failure) in _ = try JSONReader([0x31, 0x32], limit: 1) }?.reason.contains(
                "2 bytes") == true)
    }
}
