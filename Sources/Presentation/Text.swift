/// Text on its way out.
public enum Text {
    /// The text, ending with a line feed.
    public static func line(_ text: String) -> String {
        text.utf8.last == UInt8(ascii: "\n") ? text : text + "\n"
    }
}
