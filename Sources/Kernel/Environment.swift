import Glibc

/// This process's environment variables.
public enum Environment {
    public static subscript(name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
