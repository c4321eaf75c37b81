import Diagnosis
import Foundation
import OCISpec
import Testing

@Suite struct FixtureTests {
    @Test func areThere() {
        #expect(Fixtures.good.count > 40)
        #expect(Fixtures.bad.count > 150)
    }

    @Test(arguments: Fixtures.good) func goodIsAccepted(name: String) throws {
        let bytes = try Fixtures.bytes("good/\(name).json")
        let config = try Config.decode(bytes)
        try config.validate()
        #expect(config.ociVersion.hasPrefix("1."))
    }

    /// The `.expect` file has the pointer, and a fragment of the message.
    @Test(arguments: Fixtures.bad) func badIsRefused(name: String) throws {
        let bytes = try Fixtures.bytes("bad/\(name).json")
        let expected = try Fixtures.text("bad/\(name).expect").split(
            separator: "\n", omittingEmptySubsequences: false)
        let failure = failure { () throws(Failure) in try Config.decode(bytes).validate() }
        #expect(failure != nil)
        #expect(pointer(failure) == String(expected[0]))
        let message = failure?.description ?? ""
        #expect(message.contains(expected[1]), "\(message)")
        #expect(!message.contains("\n"), "the message is one line")
        #expect(!message.hasPrefix(":"))
    }

    @Test(arguments: Fixtures.good) func spellingDoesNotMatter(name: String) throws {
        let text = try Fixtures.text("good/\(name).json")
        let config = try Config.decode(Array(text.utf8))
        let spaced = respell(text, inside: { String($0) }, outside: { "\r\n\t \($0) \n" })
        #expect(try Config.decode(Array(spaced.utf8)) == config)
        let escaped = respell(
            text, inside: { scalar in scalar.utf16.map { String(format: "\\u%04X", Int($0)) }.joined() },
            outside: { String($0) })
        #expect(escaped != text)
        #expect(try Config.decode(Array(escaped.utf8)) == config)
    }

    /// `text` with each character inside of strings replaced, and each bracket, comma and colon outside.
    private func respell(
        _ text: String, inside: (Unicode.Scalar) -> String, outside: (Unicode.Scalar) -> String
    ) -> String {
        var result = ""
        var isInString = false
        var kept = 0
        for scalar in text.unicodeScalars {
            if kept > 0 {
                kept = scalar == "u" && kept == 1 ? 4 : kept - 1
                result.unicodeScalars.append(scalar)
            } else if isInString, scalar == "\\" {
                // The escape's second character, which four digits follow if it is a `u`.
                kept = 1
                result.unicodeScalars.append(scalar)
            } else if scalar == "\"" {
                isInString.toggle()
                result.unicodeScalars.append(scalar)
            } else if isInString {
                result += inside(scalar)
            } else {
                result += "{}[],:".unicodeScalars.contains(scalar) ? outside(scalar) : String(scalar)
            }
        }
        return result
    }
}
