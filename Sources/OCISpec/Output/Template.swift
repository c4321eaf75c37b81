extension Config {
    /// The version of the specification that the runtime implements.
    public static let specificationVersion = "1.3.0"

    /// The user on the host that a rootless template maps to the container's root.
    public struct Owner: Equatable, Sendable {
        public var uid: UInt32
        public var gid: UInt32
        public init(uid: UInt32, gid: UInt32) {
            self.uid = uid
            self.gid = gid
        }
    }

    /// The text that `spec` writes to config.json: byte for byte runc's, tabs and the missing newline at
    /// the end included.
    ///
    /// - Parameters:
    ///   - rootless: For a container of this user's, which gets a user namespace; nil for one of root's.
    ///   - cgroup2: Whether the host has only cgroup v2, where a cgroup namespace is of use.
    public static func template(rootless: Owner?, cgroup2: Bool) -> String {
        var writer = JSONWriter(indent: "\t")
        writer.object { writer in
            writer.member("ociVersion", specificationVersion)
            writer.key("process")
            encodeProcess(to: &writer)
            writer.key("root")
            writer.object { writer in
                writer.member("path", "rootfs")
                writer.member("readonly", true)
            }
            writer.member("hostname", "runc")
            writer.key("mounts")
            writer.array { writer in
                for mount in mounts(isRootless: rootless != nil) { mount.encode(to: &writer) }
            }
            writer.key("linux")
            encodeLinux(rootless: rootless, cgroup2: cgroup2, to: &writer)
        }
        return writer.text
    }

    private static func encodeProcess(to writer: inout JSONWriter) {
        let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
        writer.object { writer in
            writer.member("terminal", true)
            writer.key("user")
            writer.object { writer in
                writer.member("uid", 0)
                writer.member("gid", 0)
            }
            writer.member("args", ["sh"])
            writer.member(
                "env",
                ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"])
            writer.member("cwd", "/")
            writer.key("capabilities")
            writer.object { writer in
                for set in ["bounding", "effective", "permitted"] { writer.member(set, capabilities) }
            }
            writer.key("rlimits")
            writer.array { writer in
                writer.object { writer in
                    writer.member("type", "RLIMIT_NOFILE")
                    writer.member("hard", 1024)
                    writer.member("soft", 1024)
                }
            }
            writer.member("noNewPrivileges", true)
        }
    }

    private static func mounts(isRootless: Bool) -> [TemplateMount] {
        let sys =
            isRootless
            ? TemplateMount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
            : TemplateMount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"])
        let terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
        return [
            TemplateMount("/proc", "proc", "proc", []),
            TemplateMount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            // A user namespace of one group has no group 5 to give them to.
            TemplateMount("/dev/pts", "devpts", "devpts", isRootless ? terminals : terminals + ["gid=5"]),
            TemplateMount(
                "/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            TemplateMount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
            sys,
            TemplateMount(
                "/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
        ]
    }

    private static func encodeLinux(rootless: Owner?, cgroup2: Bool, to writer: inout JSONWriter) {
        var namespaces: [Namespace.Kind] = [.pid, .network, .ipc, .uts, .mount]
        if cgroup2 { namespaces.append(.cgroup) }
        if rootless != nil {
            namespaces.removeAll { $0 == .network }
            namespaces.append(.user)
        }
        writer.object { writer in
            if let rootless {
                for (name, id) in [("uidMappings", rootless.uid), ("gidMappings", rootless.gid)] {
                    writer.key(name)
                    writer.array { writer in
                        writer.object { writer in
                            writer.member("containerID", 0)
                            writer.member("hostID", Int(id))
                            writer.member("size", 1)
                        }
                    }
                }
            } else {
                writer.key("resources")
                writer.object { writer in
                    writer.key("devices")
                    writer.array { writer in
                        writer.object { writer in
                            writer.member("allow", false)
                            writer.member("access", "rwm")
                        }
                    }
                }
            }
            writer.key("namespaces")
            writer.array { writer in
                for namespace in namespaces {
                    writer.object { writer in writer.member("type", namespace.rawValue) }
                }
            }
            writer.member(
                "maskedPaths",
                [
                    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
                    "/proc/scsi",
                ])
            writer.member(
                "readonlyPaths", ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
        }
    }
}

private struct TemplateMount {
    var destination: String
    var type: String
    var source: String
    var options: [String]

    init(_ destination: String, _ type: String, _ source: String, _ options: [String]) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }

    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("destination", destination)
            writer.member("type", type)
            writer.member("source", source)
            if !options.isEmpty { writer.member("options", options) }
        }
    }
}
