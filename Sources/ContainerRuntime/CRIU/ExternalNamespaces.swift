import CRIU
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

extension Namespace.Kind {
    /// CRIU's name, which is that of `/proc/PID/ns`.
    fileprivate var criuName: String {
        switch self {
        case .network: "net"
        case .mount: "mnt"
        default: rawValue
        }
    }

    /// By what a namespace that CRIU neither saves nor makes is known to it.
    fileprivate var externalKey: String {
        "extRoot\(criuName.prefix(1).uppercased())\(criuName.dropFirst())NS"
    }

    /// Whether CRIU can leave one of this kind alone that the container only joined; others it joins anew.
    fileprivate var canBeExternal: Bool { self == .network || self == .pid }
}

/// The namespaces of a container that are somebody else's.
struct ExternalNamespaces {
    /// Those that stay what they are: known by key, and open.
    private(set) var inherited: [(key: String, descriptor: Int32)] = []
    private(set) var joined: [Options.JoinedNamespace] = []
    private let table = DescriptorTable()

    /// For a checkpoint: `net[INODE]:KEY`.
    static func saved(_ config: Config) throws(Failure) -> [String] {
        var names: [String] = []
        for (position, namespace) in (config.linux?.namespaces ?? []).enumerated()
        where namespace.type.canBeExternal {
            guard let path = namespace.path else { continue }
            let pointer = Pointer("/linux/namespaces").index(position).key("path")
            let status = try Failure.blaming(.config(pointer)) { () throws(SystemError) in
                try FileTree.status(path)
            }
            names.append("\(namespace.type.criuName)[\(status.inode)]:\(namespace.type.externalKey)")
        }
        return names
    }

    /// For a restore.
    init(opening config: Config) throws(Failure) {
        for (position, namespace) in (config.linux?.namespaces ?? []).enumerated() {
            guard let path = namespace.path else { continue }
            let pointer = Pointer("/linux/namespaces").index(position).key("path")
            let file = try Failure.blaming(.config(pointer)) { () throws(SystemError) in
                try FileDescriptor.open(path, O_RDONLY)
            }
            guard let type = NamespaceFile.type(of: file),
                UInt64(UInt32(bitPattern: type)) == namespace.type.cloneFlag
            else {
                throw Failure(at: pointer, "\(path) is not a \(namespace.type.rawValue) namespace")
            }
            if namespace.type.canBeExternal {
                inherited.append((namespace.type.externalKey, table.keep(file)))
            } else if namespace.type == .cgroup {
                throw Failure(at: pointer, "CRIU cannot restore into a cgroup namespace that is there")
            } else {
                joined.append(Options.JoinedNamespace(kind: namespace.type.criuName, path: path))
            }
        }
    }
}
