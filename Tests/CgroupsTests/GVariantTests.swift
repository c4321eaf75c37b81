import DBus
import Diagnosis
import Testing

@testable import Cgroups

@Suite struct GVariantTests {
    @Test(
        arguments: [
            ("5", .int32(5)), (" -5 ", .int32(-5)), ("+5", .int32(5)), ("0x1F", .int32(31)),
            ("010", .int32(8)),
            ("1.5", .double(1.5)), ("-1.5e3", .double(-1500)), ("true", .boolean(true)),
            ("false", .boolean(false)),
            ("byte 255", .byte(255)), ("int16 -3", .int16(-3)), ("uint16 3", .uint16(3)),
            ("uint32 3", .uint32(3)),
            ("int64 -1", .int64(-1)), ("uint64 18446744073709551615", .uint64(.max)),
            ("double 2", .double(2)),
            ("@t 7", .uint64(7)), ("boolean true", .boolean(true)), ("'text'", .string("text")),
            ("\"it's\"", .string("it's")), (#"'a\'b\\c\nd\u00e9\U0001F600'"#, .string("a'b\\c\ndé\u{1F600}")),
            ("string 'x'", .string("x")), ("objectpath '/a'", .objectPath("/a")),
            ("@o '/a'", .objectPath("/a")),
            ("signature 'as'", .signature("as")), ("['a', 'b']", .strings(["a", "b"])),
            ("['a', 'b',]", .strings(["a", "b"])), ("@as []", .strings([])), ("[byte 1, 2]", .bytes([1, 2])),
            ("@ay []", .bytes([])), (#"b'ab\101'"#, .bytes([0x61, 0x62, 0x41, 0])),
            ("[uint32 1, 2]", .array(of: .uint32, [.uint32(1), .uint32(2)])),
            ("('a', 1)", .structure([.string("a"), .int32(1)])), ("(1,)", .structure([.int32(1)])),
            ("@(st) ('a', 1)", .structure([.string("a"), .uint64(1)])), ("<5>", .variant(.int32(5))),
            (
                "[('/dev/null', 'rw')]",
                .array(
                    of: .structure([.string, .string]), [.structure([.string("/dev/null"), .string("rw")])])
            ),
            (
                "{'a': <1>}",
                .array(
                    of: .dictionaryEntry(.string, .variant),
                    [.dictionaryEntry(key: .string("a"), .variant(.int32(1)))])
            ),
            ("@a{sv} {}", .array(of: .dictionaryEntry(.string, .variant), [])),
            (
                "@a(st) [('a', 1), ('b', 2)]",
                .array(
                    of: .structure([.string, .uint64]),
                    [.structure([.string("a"), .uint64(1)]), .structure([.string("b"), .uint64(2)])])
            ),
        ] as [(String, Value)]
    ) func valid(_ pair: (String, Value)) throws {
        #expect(try GVariantText.parse(pair.0) == pair.1)
    }

    @Test(
        arguments: [
            "", " ", "text", "'", "'a", "'a\\", "5 6", "5,", "[", "[1", "[1 2]", "[1, 'a']", "[]", "()", "{}",
            "(", "(1",
            "{'a'}", "{'a': 1", "<5", "<>", "@", "@x", "@zz 5", "@as 5", "@as ['a', 1]", "@(ss) ('a')",
            "@(s) ('a', 'b')",
            "byte 256", "byte -1", "uint32 -1", "uint64 18446744073709551616", "5x", "0x", "08", "--5", "+-5",
            "uint32 'a'", "string 5", "boolean 1", "uint32 uint64 5", "'\\u12'", "'\\ud800'", "'\\U00110000'",
            "1.2.3",
            "just 5", "nothing", "-", ".", "\u{0}",
        ]
    ) func invalid(_ text: String) {
        #expect(throws: GVariantText.Fault.self) { try GVariantText.parse(text) }
    }

    @Test func nestedTooDeeply() {
        for (open, close) in [("[", "]"), ("(", ",)"), ("<", ">"), ("@i ", "")] {
            let text =
                String(repeating: open, count: 100_000) + "1" + String(repeating: close, count: 100_000)
            #expect(throws: GVariantText.Fault("nested too deeply")) { try GVariantText.parse(text) }
        }
    }

    /// Any text is a value or a fault.
    @Test func noise() {
        var state: UInt64 = 42
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            "[", "]", "(", ")", "{", "}", "<", ">", ",", ":", "'", "\"", "\\", "@", "as", "a{sv}", "u",
            "uint32", "byte",
            "b", "true", "1", "-", "0x", ".", "e", " ", "é", "\u{0}", "'a'",
        ]
        for _ in 0..<20_000 {
            let text = (0..<next(12)).map { _ in pieces[next(pieces.count)] }.joined()
            if let value = try? GVariantText.parse(text) {
                #expect(DataType.single(value.type.code.utf8) == value.type)
            }
        }
    }
}

@Suite struct AnnotationTests {
    private func parse(_ name: String, _ value: String) throws(Failure) -> [UnitProperty] {
        try [UnitProperty].annotated(["org.systemd.property.\(name)": value, "org.example": "x"])
    }

    @Test(
        arguments: [
            ("TimeoutStopUSec", "uint64 5", UnitProperty("TimeoutStopUSec", .uint64(5))),
            ("TimeoutStopSec", "5", UnitProperty("TimeoutStopUSec", .uint64(5_000_000))),
            ("TimeoutStopSec", "uint16 5", UnitProperty("TimeoutStopUSec", .uint64(5_000_000))),
            ("TimeoutStopSec", "1.5", UnitProperty("TimeoutStopUSec", .uint64(1_500_000))),
            ("CollectMode", "'inactive'", UnitProperty("CollectMode", .string("inactive"))),
            // Neither is a time.
            ("USec", "5", UnitProperty("USec", .int32(5))), ("Sec", "5", UnitProperty("Sec", .int32(5))),
        ]
    ) func valid(_ row: (name: String, value: String, property: UnitProperty)) throws {
        #expect(try parse(row.name, row.value) == [row.property])
    }

    @Test func byName() throws {
        let list = try [UnitProperty].annotated([
            "org.systemd.property.Bbb": "1", "org.systemd.property.Aaa": "2", "org.systemd": "3",
        ])
        #expect(list.map(\.name) == ["Aaa", "Bbb"])
    }

    @Test(
        arguments: [
            ("", "5"), ("Ab", "5"), ("A-bc", "5"), ("Abc1", "5"), ("Äbc", "5"), ("Abc", "text"),
            ("TimeoutStopSec", "'5'"), ("TimeoutStopSec", "-5"),
            ("TimeoutStopSec", "uint64 18446744073709551615"),
            ("TimeoutStopSec", "double nan"), ("TimeoutStopSec", "1.0e300"), ("TimeoutStopSec", "-1.5"),
        ]
    ) func invalid(_ row: (name: String, value: String)) {
        do throws(Failure) {
            _ = try parse(row.name, row.value)
            Issue.record("accepted")
        } catch {
            #expect(error.origin == .config(Pointer("/annotations").key("org.systemd.property.\(row.name)")))
        }
    }
}
