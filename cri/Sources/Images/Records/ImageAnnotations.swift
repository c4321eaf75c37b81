import Foundation

/// The annotations of an image's manifest (image-spec, annotations.md).
enum ImageAnnotations {
    /// How many bytes of names and values are kept: they are in every list of images, which is to fit into a message.
    static let most = 16 << 10

    private struct Fields: Decodable {
        var annotations: [String: String]?
    }

    /// What a manifest has, in the order of the names, as far as there is room.
    ///
    /// - Parameter manifest: one that has been understood before. Annotations that are no texts are none.
    static func of(_ manifest: [UInt8]) -> [String: String] {
        let fields = try? JSONDecoder().decode(Fields.self, from: Data(manifest))
        var room = most
        var kept: [String: String] = [:]
        for (name, value) in (fields?.annotations ?? [:]).sorted(by: { $0.key < $1.key }) {
            room -= name.utf8.count + value.utf8.count
            if room < 0 { break }
            kept[name] = value
        }
        return kept
    }

    static func encode(_ annotations: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(annotations), as: UTF8.self)
    }

    static func decode(_ text: String) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    }
}
