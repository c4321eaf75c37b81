@testable import DBus

/// The bytes of a hexadecimal text.
func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Messages as libdbus 1.14 writes them: captured from dbus-send.
enum Captured {
    /// dbus-send --dest=org.freedesktop.systemd1 /org/freedesktop/systemd1 …Manager.Foo with an argument of each
    /// kind that it knows.
    static let signal = bytes(
        """
        6c0401019800000001000000ac00000001016f00190000002f6f72672f667265656465736b746f702f73797374656d64310000000000
        000002017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e61676572000000000000000003017300
        03000000466f6f000000000006017300180000006f72672e667265656465736b746f702e73797374656d643100000000000000000801
        6700167375787464796e71626f6173617976617b73697d6174000000000007000000612e73636f70650007000000feffffffffffffff
        ffffffffffffffff000000000000f83fff00fdff0300000001000000060000002f612f625f3100000f00000001000000780000000200
        0000797a000003000000010203017400000005000000000000001c00000000000000030000006f6e6500010000000000000003000000
        74776f0002000000080000000900000000000000
        """)

    static var signalMessage: Message {
        var message = Message(.signal, serial: 1)
        message.expectsNoReply = true
        message.path = "/org/freedesktop/systemd1"
        message.interface = "org.freedesktop.systemd1.Manager"
        message.member = "Foo"
        message.destination = "org.freedesktop.systemd1"
        message.body = [
            .string("a.scope"), .uint32(7), .int64(-2), .uint64(.max), .double(1.5), .byte(255), .int16(-3),
            .uint16(3), .boolean(true), .objectPath("/a/b_1"), .strings(["x", "yz"]), .bytes([1, 2, 3]),
            .variant(.uint64(5)),
            .array(
                of: .dictionaryEntry(.string, .int32),
                [
                    .dictionaryEntry(key: .string("one"), .int32(1)),
                    .dictionaryEntry(key: .string("two"), .int32(2)),
                ]),
            .array(of: .uint64, [.uint64(9)]),
        ]
        return message
    }

    /// The call with which dbus-send introduces itself to a bus.
    static let hello = bytes(
        """
        6c01000100000000010000006e00000001016f00150000002f6f72672f667265656465736b746f702f44427573000000060173001400
        00006f72672e667265656465736b746f702e444275730000000002017300140000006f72672e667265656465736b746f702e44427573
        00000000030173000500000048656c6c6f000000
        """)
}

/// By hand, after the specification: most significant byte first.
enum BigEndian {
    /// A return of one object path, to call 3.
    static let reply = bytes(
        """
        42 02 00 01 00000008 00000009 0000000f
        05 01 75 00 00000003
        08 01 67 00 01 6f 00
        00
        00000003 2f 6a 31 00
        """)
}

/// The same numbers on each run (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators").
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
