import Diagnosis
import Glibc
import OCISpec

/// The share of caches and memory bandwidth that a container asks for (config-linux.md, "IntelRdt"), on a host that has
/// been found to have such a thing.
public struct ResctrlRequest: Sendable {
    private let config: IntelRdt
    private let id: String
    private let files: any ResctrlFiles
    private static let pointer = Pointer("/linux/intelRdt")

    /// - Parameter files: `nil` if no resctrl file system is mounted.
    public init(_ config: IntelRdt, id: String, on files: (any ResctrlFiles)?) throws(Failure) {
        guard let files else {
            throw Failure(
                at: Self.pointer, "no resctrl file system is mounted on this host",
                remedy: "where processor and kernel have RDT: mount -t resctrl resctrl /sys/fs/resctrl")
        }
        self.config = config
        self.id = id
        self.files = files
        for (line, pointer) in lines {
            guard let schema = Schema(line) else {
                throw Failure(at: pointer, "\"\(line)\" is not of the form RESOURCE:DOMAIN=SHARE;…")
            }
            guard files.exists("info/\(schema.resource)") else {
                throw Failure(
                    at: pointer, "this host has no control over \(schema.resource)",
                    remedy: "see what is in info/ of its resctrl file system")
            }
        }
        if config.enableMonitoring, !files.exists("info/L3_MON") {
            throw Failure(at: Self.pointer.key("enableMonitoring"), "this host has no monitoring of caches")
        }
        try checkClass()
    }

    /// The lines for `schemata`, in the order in which they count: what comes later counts more.
    private var lines: [(String, Pointer)] {
        var lines: [(String, Pointer)] = []
        if let line = config.l3CacheSchema { lines.append((line, Self.pointer.key("l3CacheSchema"))) }
        if let line = config.memBwSchema { lines.append((line, Self.pointer.key("memBwSchema"))) }
        for (index, line) in config.schemata.enumerated() {
            lines.append((line, Self.pointer.key("schemata").index(index)))
        }
        return lines
    }

    private var name: String {
        guard let closID = config.closID else { return id }
        return closID == "/" ? "" : closID
    }

    /// A class that has a name may be others' too: it has to be what is asked for, or not to be there.
    private func checkClass() throws(Failure) {
        guard let closID = config.closID else {
            guard !Self.reserved.contains(id) else {
                throw Failure(
                    at: Self.pointer, "resctrl has a directory of its own called \(id)",
                    remedy: "set closID, or choose another ID")
            }
            return
        }
        let pointer = Self.pointer.key("closID")
        guard !Self.reserved.contains(closID) else {
            throw Failure(at: pointer, "resctrl has a directory of its own called \(closID)")
        }
        guard files.exists(name) else {
            guard lines.isEmpty else { return }
            throw Failure(
                at: pointer, "there is no class \(closID), and nothing is said about what it is to be",
                remedy: "make it, or set schemata")
        }
        guard !lines.isEmpty else { return }
        let path = ResctrlGroup.path(name, "schemata")
        let text = try files.explaining(.config(pointer)) { () throws(SystemError) in try files.read(path) }
        let step = (try? files.read("info/MB/bandwidth_gran")).flatMap { UInt64($0) }
        let found = Schema.lines(text)
        // Of two lines about one thing only the last would hold.
        var settled: Set<String> = []
        for (line, pointer) in lines.reversed() {
            guard let schema = Schema(line), settled.insert(schema.resource).inserted else { continue }
            guard schema.holds(in: found, bandwidthStep: step) else {
                let actual = text.split(separator: "\n").joined(separator: " ")
                throw Failure(
                    at: pointer, "\"\(line)\" is not what the class \(closID) has: \(actual)",
                    remedy: "choose another closID, or leave it as it is")
            }
        }
    }

    private static let reserved: Set<String> = ["info", "mon_groups", "mon_data"]

    /// Makes what there is to make. On failure nothing is left of it.
    public func make() throws(Failure) -> ResctrlGroup {
        var group = ResctrlGroup(name: name)
        let origin = Failure.Origin.config(Self.pointer)
        group.isNew = try makeDirectory(name, origin)
        group.isOwn = group.isNew && config.closID == nil
        do throws(Failure) {
            if group.isNew || config.closID == nil {
                for (line, pointer) in lines {
                    try files.explaining(.config(pointer)) { () throws(SystemError) in
                        try files.write(line + "\n", to: ResctrlGroup.path(name, "schemata"))
                    }
                }
            }
            if config.enableMonitoring {
                let path = ResctrlGroup.path(name, "mon_groups/\(id)")
                _ = try makeDirectory(path, .config(Self.pointer.key("enableMonitoring")))
                group.monitoring = path
            }
        } catch {
            group.isOwn = group.isNew
            try? group.remove(from: files)
            throw error
        }
        return group
    }

    /// - Returns: whether it was not there before.
    private func makeDirectory(_ path: String, _ origin: Failure.Origin) throws(Failure) -> Bool {
        if path.isEmpty { return false }
        return try files.explaining(origin, remedy: "see num_closids and num_rmids in info/ of resctrl") {
            () throws(SystemError) in
            do throws(SystemError) {
                try files.makeDirectory(path)
                return true
            } catch  where error.errno == Errno(EEXIST) {
                return false
            }
        }
    }
}
