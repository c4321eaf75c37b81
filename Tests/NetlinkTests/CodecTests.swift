import Testing

@testable import Netlink

/// The bytes that rtnetlink(7) wants and gives, as a little-endian machine has them.
@Suite struct CodecTests {
    @Test func requests() {
        #expect(
            Link.query(named: "eth0").bytes == [
                44, 0, 0, 0, 18, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0, 0,
            ])
        #expect(
            Link.move(7, toNamespace: 9, as: "x").bytes.dropFirst(16) == [
                0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                8, 0, 28, 0, 9, 0, 0, 0,
                6, 0, 3, 0, 0x78, 0, 0, 0,
            ])
        #expect(
            Link.setUp(7).bytes.dropFirst(16) == [0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
        #expect(
            Address.query.bytes == [24, 0, 0, 0, 22, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    private static let link = Message(
        type: 16, flags: 0, sequence: 3,
        body: [
            0, 0, 1, 0, 5, 0, 0, 0, 0x43, 0x10, 1, 0, 0, 0, 0, 0, 9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0,
            0,
        ])

    @Test func link() throws {
        let link = try #require(Link(Self.link))
        #expect(link.index == 5 && link.name == "eth0" && link.isUp)
        var down = Self.link
        down.body[8] = 0x42
        #expect(Link(down)?.isUp == false)
        var other = Self.link
        other.type = 17
        #expect(Link(other) == nil)
        for length in 0..<Self.link.body.count - 3 {
            var cut = Self.link
            cut.body = Array(cut.body.prefix(length))
            #expect(Link(cut) == nil)
        }
    }

    @Test func datagrams() throws {
        let done = Message(type: 3, flags: 2, sequence: 3, body: [0, 0, 0, 0])
        let odd = Message(type: 16, flags: 0, sequence: 1, body: [1])
        let datagram = odd.bytes + [0, 0, 0] + Self.link.bytes + done.bytes
        #expect(Message.parse(datagram) == [odd, Self.link, done])
        #expect(Message.parse([]) == [])
        // Every datagram that ends too early is none.
        for length in 1..<Self.link.bytes.count {
            #expect(Message.parse(Array(Self.link.bytes.prefix(length))) == nil)
        }
        #expect(Message.parse([15, 0, 0, 0] + [UInt8](repeating: 0, count: 12)) == nil)
        #expect(Message.parse([255, 255, 255, 255] + [UInt8](repeating: 0, count: 12)) == nil)
    }

    /// What an error says is behind the request's header, or behind all of it.
    @Test func verdicts() throws {
        let header: [UInt8] = [20, 0, 0, 0, 19, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        let words: [UInt8] = [7, 0, 1, 0, 0x6e, 0x6f, 0, 0]
        let number: [UInt8] = [0xef, 0xff, 0xff, 0xff]
        let capped = Message(type: 2, flags: 0x300, body: number + header + words).verdict
        #expect(capped?.errno == 17 && capped?.words == "no")
        let whole = Message(type: 2, flags: 0x200, body: number + header + [1, 2, 3, 4] + words).verdict
        #expect(whole?.errno == 17 && whole?.words == "no")
        let terse = Message(type: 2, flags: 0, body: number + header).verdict
        #expect(terse?.errno == 17 && terse?.words == "")
        #expect(Message(type: 2, flags: 0x100, body: [0, 0, 0, 0] + header).verdict?.errno == 0)
        #expect(Message(type: 3, flags: 2, body: [0, 0, 0, 0]).verdict?.errno == 0)
        // No errno, no number, lengths that lead out of it.
        #expect(Message(type: 2, flags: 0, body: [1, 0, 0, 0]).verdict == nil)
        #expect(Message(type: 2, flags: 0, body: [0xef, 0xff]).verdict == nil)
        var long = header
        long[0] = 255
        #expect(Message(type: 2, flags: 0x200, body: number + long + words).verdict?.words == "")
        #expect(Message(type: 2, flags: 0x300, body: number + header + [9, 0, 1, 0, 1]).verdict?.words == "")
        #expect(Message(type: 2, flags: 0x300, body: number + header + [3, 0, 1, 0, 1]).verdict?.words == "")
    }

    private static let address = Message(
        type: 20, flags: 2,
        body: [2, 24, 0x80, 0, 5, 0, 0, 0]
            + [8, 0, 1, 0, 10, 0, 0, 9, 8, 0, 2, 0, 10, 0, 0, 1, 8, 0, 4, 0, 10, 0, 0, 255]
            + [
                8, 0, 8, 0, 0x80, 2, 0, 0, 8, 0, 9, 0, 7, 0, 0, 0, 9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0,
                0, 0,
            ]
            + [20, 0, 6, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0])

    @Test func address() throws {
        let address = try #require(Address(Self.address))
        #expect(address.isPermanent && address.isGlobal && address.index == 5 && address.prefixLength == 24)
        #expect(address.local == [10, 0, 0, 1] && address.peer == [10, 0, 0, 9] && address.metric == 7)
        // IFA_F_NOPREFIXROUTE is a wish, IFA_F_PERMANENT a fact; the label is a name on the host.
        #expect(
            address.addition(to: 6).body == [2, 24, 0, 0, 6, 0, 0, 0]
                + [8, 0, 2, 0, 10, 0, 0, 1, 8, 0, 1, 0, 10, 0, 0, 9, 8, 0, 4, 0, 10, 0, 0, 255]
                + [8, 0, 9, 0, 7, 0, 0, 0, 20, 0, 6, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]
                + [8, 0, 8, 0, 0, 2, 0, 0])
        var passing = Self.address
        passing.body[3] = 253
        passing.body[36] = 0
        #expect(Address(passing)?.isGlobal == false && Address(passing)?.isPermanent == false)
        #expect(Address(Message(type: 20, flags: 0, body: [2, 24, 0x80, 0, 5, 0, 0])) == nil)
        #expect(
            Address(Message(type: 20, flags: 0, body: [2, 24, 0x80, 0, 5, 0, 0, 0]))?.isPermanent == true)
    }

    /// Whatever comes, nothing is read that is not there.
    @Test func randomBytes() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                UInt8.random(in: 0...(Bool.random(using: &generator) ? 24 : 255), using: &generator)
            }
            for message in Message.parse(bytes) ?? [] { _ = message.verdict }
            for type: UInt16 in [2, 3, 16, 20] {
                let message = Message(type: type, flags: 0x300, body: bytes)
                _ = (Link(message), Address(message), message.verdict)
            }
        }
    }
}
