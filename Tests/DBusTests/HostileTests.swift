import Testing

@testable import DBus

/// Whatever comes in: an error, or a message, and no trap.
@Suite struct HostileMessages {
    /// A return to call 4 with this body.
    private func reply(signature: String, body: [UInt8]) throws -> [UInt8] {
        var message = Message(.methodReturn, serial: 5)
        message.replySerial = 4
        message.body = [.bytes([])]
        // `ay` becomes another signature of the same length.
        var encoded = try message.encoded()
        let place = try #require(
            (16..<encoded.count - 2).first { encoded[$0] == 0x61 && encoded[$0 + 1] == 0x79 })
        encoded.replaceSubrange(place..<place + 2, with: Array(signature.utf8))
        encoded.removeLast(4)
        encoded += body
        encoded.replaceSubrange(4..<8, with: [UInt8(body.count & 255), UInt8(body.count >> 8), 0, 0])
        return encoded
    }

    private func complaint(about bytes: [UInt8]) -> String? {
        do throws(DBusError) {
            _ = try Message.size(bytes[..<16])
            _ = try Message.decode(bytes)
            return nil
        } catch .malformed(let reason) {
            return reason
        } catch {
            return "not malformed: \(error)"
        }
    }

    @Test(
        arguments: [
            ("as", "ffffffff", "an array of 4294967295 bytes"),
            ("as", "00000010", "an array of 268435456 bytes"),
            ("as", "ffff0000", "an array longer than its message"),
            ("as", "08000000 ffffffff 00000000", "a string longer than its message"),
            ("as", "05000000 00000000 00", nil),
            ("as", "06000000 00000000 00", "an array longer than its message"),
            ("as", "03000000 000000", "it ends within a number"),
            ("at", "00000000", "padding that is not there"),
            ("at", "00000000 00000001", "padding that is not there"),
            ("at", "00000000 00000000", nil),
            ("at", "04000000 00000000 01000000", "it ends within a number"),
            ("ss", "00000000 00", "padding that is not there"),
            ("ss", "00000000 00000000", "it ends within a number"),
            ("ys", "01 010000 00000000 00", "padding that is not there"),
            ("ys", "01 000000 01000000 6100", nil),
            ("ys", "01 000000 01000000 6161", "a string that does not end where it should"),
            ("ys", "01 000000 01000000 0000", "a string that does not end where it should"),
            ("ys", "01 000000 01000000 ff00", "a string that is not UTF-8"),
            ("ys", "01 000000 01000000 610000", "it has more than its signature says"),
            ("yo", "01 000000 01000000 6100", "an object path \"a\""),
            ("yg", "01 01 61 00", "a signature \"a\""),
            ("yg", "01 ff 61 00", "a string longer than its message"),
            ("yv", "01 00 00", "a variant of type \"\""),
            ("yv", "01 02 7979 00 0101", "a variant of type \"yy\""),
            ("yb", "01 000000 02000000", "a boolean of 2"),
        ] as [(String, String, String?)]
    ) func bodies(_ row: (signature: String, body: String, complaint: String?)) throws {
        #expect(complaint(about: try reply(signature: row.signature, body: bytes(row.body))) == row.complaint)
    }

    /// A variant in a variant, and so on: each takes four bytes, the stack would take more.
    @Test func variantsWithoutEnd() throws {
        var body = bytes("01")
        for _ in 0..<10_000 { body += bytes("01 76 00") }
        body += bytes("01 79 00 01")
        #expect(complaint(about: try reply(signature: "yv", body: body)) == "a value nested too deeply")
    }

    @Test(
        arguments: [
            (0, 0x00, "it has no byte order"), (0, 0x4c, "it has no byte order"), (1, 0, "it is of kind 0"),
            (3, 2, "its protocol is version 2"), (8, 0, "its serial number is 0"),
            // The length of the body, and of the header fields.
            (7, 0xff, "it is 4278190408 bytes long"), (15, 0xff, "it is 4278190264 bytes long"),
            // The type of a field, and its code: a reply without a serial number.
            (18, 0x73, nil), (16, 9, nil),
        ] as [(Int, UInt8, String?)]
    ) func headers(_ row: (place: Int, byte: UInt8, complaint: String?)) throws {
        var message = Captured.signal
        message[row.place] = row.byte
        let complaint = try #require(self.complaint(about: message))
        if let expected = row.complaint {
            // The sizes depend on the message.
            let isSize = expected.hasSuffix("bytes long")
            #expect(isSize ? complaint.hasSuffix("bytes long") : complaint == expected)
        }
    }

    @Test func everyLengthOfATruncatedMessage() {
        for count in 16..<Captured.signal.count {
            let truncated = Array(Captured.signal[..<count])
            #expect(throws: DBusError.self) { try Message.decode(truncated) }
        }
    }

    @Test func unknownKindsAreIgnored() throws {
        var message = Captured.signal
        message[1] = 77
        #expect(try Message.decode(message) == nil)
        var inbox = Inbox()
        inbox.append(message + Captured.hello)
        #expect(try inbox.takeMessage() == .unknown)
        guard case .message(let hello) = try inbox.takeMessage() else {
            Issue.record("no message")
            return
        }
        #expect(hello.member == "Hello")
        #expect(try inbox.takeMessage() == .incomplete)
    }

    @Test func byteAfterByte() throws {
        var inbox = Inbox()
        for byte in Captured.signal.dropLast() {
            inbox.append([byte])
            #expect(try inbox.takeMessage() == .incomplete)
        }
        inbox.append([Captured.signal.last ?? 0])
        #expect(try inbox.takeMessage() == .message(Captured.signalMessage))
    }

    /// Messages with some bytes changed, cut out or put in: decoded, or refused as malformed.
    @Test(arguments: UInt64(0)..<4) func mutations(_ seed: UInt64) throws {
        var dice = Dice(state: seed)
        var samples = [Captured.signal, Captured.hello]
        for value in RoundTrips.values {
            var message = Message(.methodReturn, serial: 5)
            message.replySerial = 4
            message.body = [.uint32(7), value, .string("end")]
            samples.append(try message.encoded())
        }
        var decoded = 0
        for _ in 0..<20_000 {
            var bytes = samples.randomElement(using: &dice) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &dice) {
                let place = Int.random(in: 0..<bytes.count, using: &dice)
                switch Int.random(in: 0..<8, using: &dice) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
                case 2: bytes[place] = 0
                case 3: bytes[place] = 0xff
                case 4: bytes[place] ^= 1 << Int.random(in: 0..<8, using: &dice)
                case 5: bytes[place] = Array("ybnqiuxtdsoghav(){}".utf8).randomElement(using: &dice) ?? 0
                case 6: bytes[0] = 0x42
                default: bytes[place] = UInt8.random(in: 0...255, using: &dice)
                }
            }
            var inbox = Inbox()
            inbox.append(bytes)
            do throws(DBusError) {
                if case .message = try inbox.takeMessage() { decoded += 1 }
            } catch {
                guard case .malformed = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
        // Else the changes are too coarse to get past the header.
        #expect(decoded > 1000)
    }

    @Test(arguments: UInt64(0)..<2) func noise(_ seed: UInt64) {
        var dice = Dice(state: seed)
        for _ in 0..<5000 {
            let count = Int.random(in: 0..<200, using: &dice)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &dice) }
            if let first = bytes.indices.first { bytes[first] = 0x6c }
            _ = try? Message.decode(bytes)
            _ = DataType.list(bytes)
            var authentication = Authentication(.whoeverWeAre)
            _ = try? authentication.isContent(String(decoding: bytes, as: UTF8.self))
        }
    }
}
