/// What a text may stand for when somebody asks for an image.
enum ImageNames {
    /// - Throws: `invalid` for a text that can be neither an image's name nor an id or the beginning of one.
    static func check(_ text: String) throws(ImageError) {
        if idPrefix(text) == nil { _ = try ImageReference(text) }
    }

    /// The names that `text` may be, the likeliest first. Only these are looked up.
    static func normal(_ text: String) -> [String] {
        guard let reference = try? ImageReference(text) else { return withLatest(text) }
        // With a tag and a digest, the digest counts.
        let full = reference.digest.map { reference.pinned(to: $0) } ?? reference
        return [full.description] + withLatest(text)
    }

    /// As it is written, for names that were recorded so.
    private static func withLatest(_ text: String) -> [String] {
        if let at = text.firstIndex(of: "@") {
            let name = text[..<at]
            return [withoutTag(name) + text[at...]]
        }
        return withoutTag(text[...]) == text ? [text + ":latest"] : [text]
    }

    /// The hexadecimal digits, if `text` can be an image's id or the beginning of one.
    static func idPrefix(_ text: String) -> String? {
        let prefix = text.hasPrefix("sha256:") ? text.dropFirst("sha256:".count) : text[...]
        // Fewer would be anything.
        guard (3...64).contains(prefix.utf8.count),
            prefix.utf8.allSatisfy({
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            })
        else { return nil }
        return String(prefix)
    }

    private static func withoutTag(_ name: Substring) -> String {
        // A colon before the last slash is a port's.
        let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        guard let colon = name[start...].firstIndex(of: ":") else { return String(name) }
        return String(name[..<colon])
    }
}
