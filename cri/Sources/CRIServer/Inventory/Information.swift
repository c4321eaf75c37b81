import Foundation

extension Encodable {
    /// As JSON text with its keys in order: what the `info` maps of verbose answers hold.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
