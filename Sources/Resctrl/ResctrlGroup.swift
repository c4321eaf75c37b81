import Diagnosis
import Glibc
import OCISpec

/// The class of service, and the monitoring group in it, that a container's processes are in.
public struct ResctrlGroup: Equatable, Sendable {
    /// The directory's name; empty is the default class.
    public var name: String
    /// The path of the monitoring group, which is always the container's own.
    public var monitoring: String?
    /// Whether the class goes with the container.
    public var isOwn = false
    /// Whether it was made just now.
    public var isNew = false

    public init(name: String) { self.name = name }

    static func path(_ directory: String, _ file: String) -> String {
        directory.isEmpty ? file : "\(directory)/\(file)"
    }

    private static let origin = Failure.Origin.config(Pointer("/linux/intelRdt"))

    /// Moves a process in; what it forks is born there.
    public func add(pid: Int32, on files: any ResctrlFiles) throws(Failure) {
        // The class first: a process can be monitored only by a group of its own class.
        for directory in [name, monitoring].compactMap({ $0 }) {
            try files.explaining(Self.origin) { () throws(SystemError) in
                try files.write(String(pid), to: Self.path(directory, "tasks"))
            }
        }
    }

    /// Removes what is the container's. That it is gone already is fine.
    public func remove(from files: any ResctrlFiles) throws(Failure) {
        guard let directory = isOwn ? name : monitoring else { return }
        try files.explaining(Self.origin) { () throws(SystemError) in
            do throws(SystemError) {
                try files.removeDirectory(directory)
            } catch  where error.errno == Errno(ENOENT) {
                // Unmounted, or somebody else was as quick.
            }
        }
    }

    /// Changes the class.
    ///
    /// - Parameter lines: for `schemata`, each with where it comes from.
    /// - Returns: what was there before.
    public func update(_ lines: [(String, Failure.Origin)], on files: any ResctrlFiles) throws(Failure)
        -> String
    {
        let path = Self.path(name, "schemata")
        let former = try files.explaining(Self.origin) { () throws(SystemError) in try files.read(path) }
        do throws(Failure) {
            for (line, origin) in lines {
                try files.explaining(origin) { () throws(SystemError) in
                    try files.write(line + "\n", to: path)
                }
            }
        } catch {
            restore(former, on: files)
            throw error
        }
        return former
    }

    /// Undoes an update.
    public func restore(_ former: String, on files: any ResctrlFiles) {
        try? files.write(former + "\n", to: Self.path(name, "schemata"))
    }
}
