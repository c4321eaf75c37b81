/// A key of the file: how its value gets into `Root`, how it comes out, and what is said of it.
struct Setting<Root: Sendable>: Sendable {
    let name: String
    /// In lines of the default file, without the `#`.
    let explanation: String
    let take: @Sendable (TOMLNode, inout Root) throws(UnsuitableValue) -> Void
    let show: @Sendable (Root) -> String

    /// - Parameter check: what is wrong with a value of the right type, such as `is not an absolute path`.
    init<Value: SettingValue>(
        _ name: String, _ path: WritableKeyPath<Root, Value> & Sendable, _ explanation: String,
        check: @escaping @Sendable (Value) -> String? = { _ in nil }
    ) {
        self.name = name
        self.explanation = explanation
        take = { (node, root) throws(UnsuitableValue) in
            let value = try Value(node)
            if let fault = check(value) { throw UnsuitableValue(fault) }
            root[keyPath: path] = value
        }
        show = { $0[keyPath: path].toml }
    }
}

/// A table of the file whose keys are known.
struct Section: Sendable {
    /// The names that lead to it; none for the top.
    let path: [String]
    let explanation: String
    let settings: [Setting<Configuration>]

    init(_ path: String, _ explanation: String, _ settings: [Setting<Configuration>]) {
        self.path = path.split(separator: ".").map(String.init)
        self.explanation = explanation
        self.settings = settings
    }
}

/// Checks that several settings share.
enum Check {
    @Sendable static func absolute(_ path: String) -> String? {
        path.utf8.first == UInt8(ascii: "/") ? nil : "is \(quoted(path)), which is not an absolute path"
    }

    @Sendable static func absolute(_ path: String?) -> String? { path.flatMap { absolute($0) } }

    @Sendable static func absolute(_ paths: [String]) -> String? {
        paths.lazy.compactMap { absolute($0) }.first
    }

    @Sendable static func positive(_ number: Int) -> String? {
        number > 0 ? nil : "is 0: it has to be 1 or more"
    }

    @Sendable static func positive(_ time: TimeSpan) -> String? {
        time.milliseconds > 0 ? nil : "is no time at all: it has to be more than 0"
    }

    @Sendable static func positive(_ count: ByteCount) -> String? {
        count.bytes > 0 ? nil : "is 0: it has to be 1 or more"
    }

    /// capabilities(7).
    @Sendable static func capabilities(_ names: [String]) -> String? {
        for name in names where !known.contains(name) {
            let guess = Spelling.nearest(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
            return "has \(quoted(name)), which is no capability\(guess)"
        }
        return nil
    }

    private static let known = [
        "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
        "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
        "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT",
        "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG", "WAKE_ALARM",
    ].map { "CAP_" + $0 }
}
