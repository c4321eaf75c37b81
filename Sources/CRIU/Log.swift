import Kernel

/// CRIU's log of a dump or a restore.
public struct Log: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// The last errors in it. What went wrong comes first, and after it what therefore could not be done; before it
    /// there may be what CRIU tried and can do without.
    ///
    /// - Returns: at most four; empty if there are none, or no log.
    public func errors() -> [String] {
        guard let bytes = try? FileTree.read(path, limit: 64 << 20) else { return [] }
        return Self.errors(in: bytes)
    }

    /// Lines are `(seconds) Error (file:line): what`; those of the program within the container end like that.
    static func errors(in bytes: [UInt8]) -> [String] {
        let mark = Array("Error (".utf8)
        var found: [String] = []
        for line in bytes.split(separator: 0x0a) {
            guard let start = position(of: mark, in: line) else { continue }
            found.append(String(decoding: line[start...].dropFirst("Error ".utf8.count), as: UTF8.self))
        }
        return Array(found.suffix(4))
    }

    private static func position(of mark: [UInt8], in line: ArraySlice<UInt8>) -> Int? {
        guard line.count >= mark.count else { return nil }
        // Times come before it, and the pid of a task.
        for start in line.startIndex...(line.endIndex - mark.count) where line[start] == mark[0] {
            if line[start...].starts(with: mark) { return start }
        }
        return nil
    }
}
