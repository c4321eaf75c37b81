import Glibc

/// This process's environment variables.
public enum Environment {
    /// All of them, as `NAME=VALUE`.
    public static var all: [String] {
        var all: [String] = []
        var next = environ
        while let entry = next.pointee {
            all.append(String(cString: entry))
            next += 1
        }
        return all
    }

    public static subscript(name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
