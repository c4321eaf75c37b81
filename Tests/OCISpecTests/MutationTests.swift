import Diagnosis
import OCISpec
import Testing

/// Broken texts never do worse than fail, and fail properly.
@Suite struct MutationTests {
    /// The same sequence in each run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private static let tokens: [[UInt8]] =
        [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\u0000", "null", "true", "0", "-1",
            "18446744073709551616", "1e999999999", "-", ".5", "\u{0}", "\n", "é", "\"\"", "{}", "[]",
            "\"a\":",
            "/", "..", "=", "\u{feff}",
        ].map { Array($0.utf8) } + [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]

    private func mutate(_ bytes: [UInt8], _ random: inout Generator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...20, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 4:
                let token = Self.tokens[Int.random(in: 0..<Self.tokens.count, using: &random)]
                bytes.insert(contentsOf: token, at: at)
            default:
                let token = Self.tokens[Int.random(in: 0..<Self.tokens.count, using: &random)]
                bytes.replaceSubrange(at..<end, with: token)
            }
        }
        return bytes
    }

    /// - Returns: Whether the text is a configuration.
    private func check(_ bytes: [UInt8]) -> Bool {
        do throws(Failure) {
            try Config.decode(bytes).validate()
            return true
        } catch {
            #expect(pointer(error) != nil)
            #expect(!error.reason.isEmpty)
            #expect(!error.reason.contains("\n"), "\(error)")
            return false
        }
    }

    @Test(arguments: Fixtures.good) func mutationsFailOrDecode(name: String) throws {
        let original = try Fixtures.bytes("good/\(name).json")
        var random = Generator(state: UInt64(original.count))
        var accepted = 0
        let count = 300
        for _ in 0..<count where check(mutate(original, &random)) { accepted += 1 }
        // Some changes are within a name or white space, but most are not.
        #expect(accepted < count / 2)
    }

    @Test func everyTruncationFails() throws {
        for name in ["minimal", "hooks", "seccomp", "process-env", "resources"] {
            var bytes = try Fixtures.bytes("good/\(name).json")
            while bytes.last == 0x0a { bytes.removeLast() }
            for length in 0..<bytes.count {
                let failure = failure { () throws(Failure) in try Config.decode(Array(bytes[..<length])) }
                #expect(failure != nil, "\(name) up to \(length)")
            }
        }
    }
}
