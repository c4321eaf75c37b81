import Diagnosis

extension Linux {
    func validateSysctl(at pointer: Pointer) throws(Failure) {
        for setting in sysctl { try setting.validate(at: { pointer.key(setting.name) }, in: self) }
        // Names are unique, and so are paths if all are spelled alike.
        guard sysctl.contains(where: { $0.name.utf8.contains(UInt8(ascii: "/")) }) else { return }
        let paths = sysctl.map(\.path)
        let order = paths.indices.sorted { paths[$0] < paths[$1] }
        for (one, other) in zip(order, order.dropFirst()) where paths[one] == paths[other] {
            throw Failure(
                at: pointer.key(sysctl[max(one, other)].name),
                "\(sysctl[min(one, other)].name) is the same setting, spelled otherwise")
        }
    }
}

extension Sysctl {
    /// Where the setting is below /proc/sys: `net/ipv4/ip_forward`.
    ///
    /// As sysctl(8) has it, names may be written with dots or with slashes; the first of either in the
    /// name tells which separates, and the other then stands for a dot in a file's name.
    public var path: String {
        guard let first = name.utf8.first(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }),
            first == UInt8(ascii: ".")
        else { return name }
        let swapped = name.utf8.map { byte in
            byte == UInt8(ascii: ".")
                ? UInt8(ascii: "/") : byte == UInt8(ascii: "/") ? UInt8(ascii: ".") : byte
        }
        return String(decoding: swapped, as: UTF8.self)
    }

    /// The settings of System V IPC that belong to an IPC namespace: ipc_namespaces(7).
    private static let ipcSettings = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
        "kernel/shmmni", "kernel/shm_rmid_forced",
    ]

    /// Allows only what belongs to a namespace of the container's own. Whether a network namespace that
    /// is joined is the host's is not known here.
    func validate(at pointer: () -> Pointer, in linux: Linux) throws(Failure) {
        let path = path
        if !hasPlainComponents(path) {
            throw Failure(at: pointer(), "\(quoted(name)) is not the name of a setting")
        }
        if path == "kernel/hostname" {
            throw Failure(
                at: pointer(), "the host name is not set this way", remedy: "use /hostname of config.json")
        }
        guard let owner = Self.owner(of: path) else {
            throw Failure(
                at: pointer(), "\(name) does not belong to a namespace; setting it would change the host",
                remedy:
                    "allowed are net.*, user.*, fs.mqueue.*, kernel.domainname and the settings of System V IPC"
            )
        }
        if !linux.has(owner) {
            throw Failure(
                at: pointer(), "\(name) is only for a container with its own \(owner.rawValue) namespace",
                remedy: "add one to /linux/namespaces")
        }
    }

    /// The kind of namespace that has its own value of the setting; `nil` if it is the host's, or no setting's name.
    public var owner: Namespace.Kind? { hasPlainComponents(path) ? Self.owner(of: path) : nil }

    /// The kind of namespace that has its own value of a setting.
    private static func owner(of path: String) -> Namespace.Kind? {
        if path.hasPrefix("net/") { return .network }
        if path.hasPrefix("user/") { return .user }
        if path.hasPrefix("fs/mqueue/") || ipcSettings.contains(path) { return .ipc }
        return path == "kernel/domainname" ? .uts : nil
    }

    /// Whether nothing in the path leads elsewhere than it seems, out of /proc/sys even.
    private func hasPlainComponents(_ path: String) -> Bool {
        var length = 0
        var dots = 0
        for byte in path.utf8 {
            if byte == 0 { return false }
            if byte == UInt8(ascii: "/") {
                if length == dots, length <= 2 { return false }
                (length, dots) = (0, 0)
            } else {
                length += 1
                dots += byte == UInt8(ascii: ".") ? 1 : 0
            }
        }
        return length > 2 || length != dots
    }
}
