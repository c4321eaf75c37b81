/// Paths as text.
public enum Path {
    /// An absolute path without empty, `.` and `..` components, none of which is looked up: `..` takes
    /// away the component before it even if that is a symbolic link (Go's `filepath.Clean`).
    public static func cleaned(_ path: String) -> String {
        var components: [Substring.UTF8View] = []
        for component in path.utf8.split(separator: UInt8(ascii: "/")) {
            if component.elementsEqual(".".utf8) { continue }
            if component.elementsEqual("..".utf8) {
                _ = components.popLast()
            } else {
                components.append(component)
            }
        }
        var result = ""
        for component in components { result += "/" + String(Substring(component)) }
        return result.isEmpty ? "/" : result
    }
}
