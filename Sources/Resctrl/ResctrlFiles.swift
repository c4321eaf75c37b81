import Diagnosis
import Glibc
import Kernel

/// The files of a resctrl file system, by their paths in it (resctrl.rst of the kernel's documentation).
public protocol ResctrlFiles: Sendable {
    func read(_ path: String) throws(SystemError) -> String
    func write(_ text: String, to path: String) throws(SystemError)
    func list(_ path: String) throws(SystemError) -> [String]
    func exists(_ path: String) -> Bool
    func makeDirectory(_ path: String) throws(SystemError)
    func removeDirectory(_ path: String) throws(SystemError)
}

/// The host's.
public struct MountedResctrl: ResctrlFiles, Equatable {
    /// Where it is mounted.
    public let root: String

    public init(root: String) { self.root = root }

    /// - Returns: `nil` if none is mounted.
    public static func find() throws(SystemError) -> MountedResctrl? {
        mountPoint(mountinfo: try FileTree.readText("/proc/self/mountinfo")).map(MountedResctrl.init)
    }

    /// Of the first one in a `/proc/PID/mountinfo` (proc(5)).
    static func mountPoint(mountinfo: String) -> String? {
        for line in mountinfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            // ID, parent, device, root, mount point, options, any number of further ones, "-", type.
            guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), dash + 1 < fields.count,
                fields[dash + 1] == "resctrl", fields[3] == "/"
            else { continue }
            return unescaped(fields[4])
        }
        return nil
    }

    /// Blanks and the like stand there as `\040`.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, let code = UInt8(String(digits) ?? "", radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func full(_ path: String) -> String { path.isEmpty ? root : "\(root)/\(path)" }

    public func read(_ path: String) throws(SystemError) -> String { try FileTree.readText(full(path)) }

    public func write(_ text: String, to path: String) throws(SystemError) {
        try FileTree.write(text, to: full(path))
    }

    public func list(_ path: String) throws(SystemError) -> [String] { try FileTree.list(full(path)) }

    public func exists(_ path: String) -> Bool { FileTree.exists(full(path)) }

    public func makeDirectory(_ path: String) throws(SystemError) {
        try FileTree.makeDirectory(full(path), mode: 0o755)
    }

    public func removeDirectory(_ path: String) throws(SystemError) {
        try FileTree.removeDirectory(full(path))
    }
}

extension ResctrlFiles {
    /// Does `body`, and adds to what the kernel refuses in it what it says about that.
    func explaining<Result>(
        _ origin: Failure.Origin, remedy: String? = nil, _ body: () throws(SystemError) -> Result
    ) throws(Failure) -> Result {
        do throws(SystemError) {
            return try body()
        } catch {
            var failure = Failure(origin, error, remedy: remedy)
            if let words = try? read("info/last_cmd_status"), words != "ok" { failure.reason = words }
            throw failure
        }
    }
}
