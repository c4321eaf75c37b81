import Diagnosis

extension Sysctl {
    /// Where the setting is below /proc/sys: `net/ipv4/ip_forward`.
    ///
    /// As sysctl(8) has it, names may be written with dots or with slashes; the first of either in the
    /// name tells which separates, and the other then stands for a dot in a file's name.
    public var path: String {
        guard let first = name.utf8.first(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }),
            first == UInt8(ascii: ".")
        else { return name }
        return String(
            name.map { character in
                switch character {
                case ".": "/"
                case "/": "."
                default: character
                }
            })
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
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        if components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) || name.utf8.contains(0) {
            throw Failure(at: pointer(), "\(quoted(name)) is not the name of a setting")
        }
        let needed: Namespace.Kind
        switch components[0] {
        case "net": needed = .network
        case "user": needed = .user
        case "fs" where path.hasPrefix("fs/mqueue/"): needed = .ipc
        case "kernel" where Self.ipcSettings.contains(path): needed = .ipc
        case "kernel" where path == "kernel/domainname": needed = .uts
        case "kernel" where path == "kernel/hostname":
            throw Failure(
                at: pointer(), "the host name is not set this way", remedy: "use /hostname of config.json")
        default:
            throw Failure(
                at: pointer(), "\(name) does not belong to a namespace; setting it would change the host",
                remedy:
                    "allowed are net.*, user.*, fs.mqueue.*, kernel.domainname and the settings of System V IPC"
            )
        }
        if !linux.has(needed) {
            throw Failure(
                at: pointer(), "\(name) needs a \(needed.rawValue) namespace of the container's own",
                remedy: "add one to /linux/namespaces")
        }
    }
}
