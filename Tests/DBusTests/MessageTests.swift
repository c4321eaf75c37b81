import Testing

@testable import DBus

@Suite struct GoldenMessages {
    @Test func readsWhatLibdbusWrites() throws {
        #expect(try Message.decode(Captured.signal) == Captured.signalMessage)
    }

    @Test func writesWhatLibdbusWrites() throws {
        #expect(try Captured.signalMessage.encoded() == Captured.signal)
    }

    @Test func theFirstCallToABus() throws {
        let message = MethodCall.bus("Hello").message(serial: 1)
        #expect(try Message.decode(Captured.hello) == message)
        // The order of header fields is free, and so not the same.
        #expect(try message.encoded().count == Captured.hello.count)
    }

    @Test func mostSignificantByteFirst() throws {
        let reply = BigEndian.reply
        #expect(try Message.size(reply[..<16]) == reply.count)
        let message = try #require(try Message.decode(reply))
        #expect(message.kind == .methodReturn && message.serial == 9 && message.replySerial == 3)
        #expect(message.body == [.objectPath("/j1")])
    }
}

@Suite struct RoundTrips {
    static let values: [Value] = [
        .byte(0), .boolean(false), .int16(.min), .uint16(.max), .int32(.min), .uint32(.max), .int64(.min),
        .uint64(.max), .double(-0.0), .double(.infinity), .string(""), .string("ünï\u{1F600}"),
        .objectPath("/"),
        .signature(""), .signature("a(sv)"), .bytes([]), .bytes(Array(0...255)),
        .array(of: .string, []), .array(of: .structure([.uint64, .byte]), []),
        .array(of: .array(.byte), [.bytes([1]), .bytes([])]),
        .structure([.byte(1), .structure([.uint64(2), .variant(.string("x"))])]),
        .variant(.variant(.variant(.bytes([7])))),
        .array(
            of: .structure([.string, .variant]),
            [
                .structure([.string("PIDs"), .variant(.array(of: .uint32, [.uint32(1)]))]),
                .structure([.string("Delegate"), .variant(.boolean(true))]),
            ]),
    ]

    @Test(arguments: values) func oneValue(_ value: Value) throws {
        // At every offset that a byte before it can give.
        for count in 0..<9 {
            var message = Message(.methodReturn, serial: 5)
            message.replySerial = 4
            message.body = [Value](repeating: .byte(1), count: count) + [value]
            let encoded = try message.encoded()
            #expect(try Message.size(encoded[..<16]) == encoded.count)
            #expect(try Message.decode(encoded) == message)
        }
    }

    @Test(arguments: values) func itsTypeHasASignature(_ value: Value) {
        #expect(DataType.single(value.type.code.utf8) == value.type)
    }
}

@Suite struct Unsendable {
    static let values: [Value] = [
        .string("a\0b"), .objectPath(""), .objectPath("a"), .objectPath("/a/"), .objectPath("//"),
        .objectPath("/a-b"), .objectPath("/ä"), .signature("a"), .signature("("), .structure([]), .unixFD(0),
        .array(of: .string, [.byte(1)]), .array(of: .string, [.string("a"), .variant(.string("b"))]),
        .dictionaryEntry(key: .variant(.byte(1)), .byte(2)), .dictionaryEntry(key: .byte(1), .byte(2)),
        .variant(.structure([])), .variant(.structure([Value](repeating: .byte(1), count: 254))),
        .bytes([UInt8](repeating: 0, count: Message.maximumSize)),
    ]

    @Test(arguments: values) func isRefused(_ value: Value) {
        var message = Message(.methodReturn, serial: 5)
        message.replySerial = 4
        message.body = [value]
        #expect(throws: DBusError.self) { try message.encoded() }
    }

    @Test func nestedTooDeeply() {
        var value = Value.byte(1)
        for _ in 0..<100 { value = .variant(value) }
        var message = Message(.methodReturn, serial: 5)
        message.body = [value]
        #expect(throws: DBusError.unsendable("a value nested too deeply")) { try message.encoded() }
    }
}

@Suite struct Signatures {
    @Test(
        arguments: [
            ("", 0), ("y", 1), ("a(sv)a(sa(sv))", 2), ("a{sv}", 1), ("aaaay", 1), ("(y(yy)v)", 1),
            ("ybnqiuxtdsogh", 13),
        ]
    ) func valid(_ pair: (String, Int)) {
        let types = DataType.list(pair.0.utf8)
        #expect(types?.count == pair.1)
        #expect(types?.map(\.code).joined() == pair.0)
    }

    @Test(
        arguments: [
            "a", "(", ")", "()", "(y", "{sv}", "a{vs}", "a{s}", "a{svv}", "a{sv", "a{(y)s}", "z", "y\0", "a)",
            "(a)",
            "({sv})",
        ]
    ) func invalid(_ signature: String) {
        #expect(DataType.list(signature.utf8) == nil)
    }

    @Test func limits() {
        func arrays(_ count: Int) -> [UInt8] { Array(String(repeating: "a", count: count).utf8) + [0x79] }
        func structures(_ count: Int) -> [UInt8] {
            Array((String(repeating: "(", count: count) + "y" + String(repeating: ")", count: count)).utf8)
        }
        #expect(DataType.list(arrays(32)) != nil)
        #expect(DataType.list(arrays(33)) == nil)
        #expect(DataType.list(structures(32)) != nil)
        #expect(DataType.list(structures(33)) == nil)
        #expect(DataType.list([UInt8](repeating: 0x79, count: 255))?.count == 255)
        #expect(DataType.list([UInt8](repeating: 0x79, count: 256)) == nil)
        // Deep enough to overflow a stack that nobody watches.
        #expect(DataType.list([UInt8](repeating: 0x28, count: 1_000_000)) == nil)
    }
}
