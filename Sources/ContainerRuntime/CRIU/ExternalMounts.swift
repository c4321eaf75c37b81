import CRIU
import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// The mounts of a container that CRIU is not to save: what is mounted there comes from the host, and is named
/// instead, by the destination in config.json, so that a restore finds the source there is then.
struct ExternalMounts {
    private let config: Config
    private let facts: HostFacts
    /// What is bound in place of masked files.
    private static let null = "/dev/null"

    init(_ config: Config, _ facts: HostFacts) {
        self.config = config
        self.facts = facts
    }

    // MARK: saving

    /// Mount points as keys, and names.
    ///
    /// - Parameter pid: the container's init process.
    func saved(pid: Int32) throws(Failure) -> [Options.ExternalMount] {
        let root = try Failure.blaming { () throws(SystemError) in
            try FileDescriptor.directory("/proc/\(pid)/root")
        }
        let table = try MountTable(pid: pid)
        var mounts: [Options.ExternalMount] = []
        func add(_ path: String, _ name: String) {
            guard let point = Self.resolve(path, in: root), table.points.contains(point) else { return }
            let mount = Options.ExternalMount(key: point, value: name)
            if !mounts.contains(where: { $0.key == point }) { mounts.append(mount) }
        }
        for (name, _) in sources() { add(name, name) }
        // What was mounted below a source came along.
        let others = config.mounts.map(\.target)
        for mount in config.mounts where MountOptions(mount.options).isRecursiveBind {
            guard let point = Self.resolve(mount.target, in: root) else { continue }
            for below in table.points(below: point) where !others.contains(below) {
                add(below, mount.target + below.dropFirst(point.count))
            }
        }
        for path in config.linux?.maskedPaths ?? [] {
            guard let point = Self.resolve(path, in: root), table.points.contains(point),
                (try? FileTree.status("/proc/\(pid)/root\(point)").isDirectory) == false
            else { continue }
            add(point, Self.null)
        }
        return mounts
    }

    /// The path that a path of the container leads to; `nil` if that is nowhere.
    private static func resolve(_ path: String, in root: borrowing FileDescriptor) -> String? {
        guard
            let found = try? FileDescriptor.reference(path, in: root)
        else { return nil }
        return try? FileTree.readLink("/proc/self/fd/\(found.number)")
    }

    // MARK: restoring

    /// Names as keys, and sources on the host.
    func restored() throws(Failure) -> [Options.ExternalMount] {
        var mounts: [Options.ExternalMount] = []
        var table: MountTable?
        for (name, source) in sources() {
            mounts.append(Options.ExternalMount(key: name, value: source))
        }
        for mount in config.mounts where MountOptions(mount.options).isRecursiveBind {
            guard let source = mount.source, let canonical = try? FileTree.canonical(source) else { continue }
            if table == nil { table = try MountTable(pid: ProcessControl.ownPID) }
            for below in table?.points(below: canonical) ?? [] {
                mounts.append(
                    Options.ExternalMount(
                        key: mount.target + below.dropFirst(canonical == "/" ? 0 : canonical.count),
                        value: below))
            }
        }
        if config.linux?.maskedPaths.isEmpty == false {
            mounts.append(Options.ExternalMount(key: Self.null, value: Self.null))
        }
        return mounts
    }

    /// What the runtime binds from the host: where in the container, and what.
    private func sources() -> [(name: String, source: String)] {
        var sources: [(String, String)] = []
        for mount in config.mounts where !MountOptions(mount.options).isRemount {
            if mount.isBind, let source = mount.source {
                sources.append((mount.target, source))
            } else if mount.isCgroup, config.namespace(.cgroup) == nil {
                // Without a namespace of its own the container has its part of the host's tree bound.
                sources += cgroupSources(mount.target)
            }
        }
        if config.namespace(.user) != nil {
            for path in Compiler.deviceNodes(config) { sources.append((path, path)) }
        }
        return sources
    }

    private func cgroupSources(_ destination: String) -> [(String, String)] {
        if case .v2(let directory, unified: true) = facts.cgroup { return [(destination, directory)] }
        return facts.legacyCgroups.map { ("\(destination)/\($0.name)", $0.directory) }
    }
}

/// The mount points of a process (`mountinfo` in proc(5)), as paths from its root.
struct MountTable {
    let points: [String]

    init(pid: Int32) throws(Failure) {
        let path = "/proc/\(pid)/mountinfo"
        let bytes = try Failure.blaming { () throws(SystemError) in
            try FileTree.read(path, limit: 16 << 20)
        }
        points = bytes.split(separator: 0x0a).compactMap { line in
            let fields = line.split(separator: 0x20, maxSplits: 5)
            return fields.count > 4 ? Self.unescaped(fields[4]) : nil
        }
    }

    /// Those below a directory.
    func points(below directory: String) -> [String] {
        let prefix = directory == "/" ? "/" : directory + "/"
        return points.filter { $0.utf8.starts(with: prefix.utf8) && $0 != prefix }
    }

    /// Blanks and the like are written as three octal digits.
    static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                result.append(value)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
