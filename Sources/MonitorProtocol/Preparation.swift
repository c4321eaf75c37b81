/// What a pod has of its own, to be made once, before its containers.
public struct Preparation: Equatable, Sendable {
    /// A namespace to make, and the file to pin it on.
    public struct Pin: Equatable, Sendable, WireValue {
        public enum Kind: UInt8, CaseIterable, Sendable {
            case network = 0, ipc, uts, user, cgroup

            /// As procfs calls it.
            public var name: String {
                switch self {
                case .network: "net"
                case .ipc: "ipc"
                case .uts: "uts"
                case .user: "user"
                case .cgroup: "cgroup"
                }
            }
        }

        public var kind: Kind
        /// Made by the monitor; there must be nothing yet.
        public var path: String

        public init(_ kind: Kind, at path: String) {
            self.kind = kind
            self.path = path
        }
    }

    /// A line of uid_map or gid_map (user_namespaces(7)).
    public struct IDRange: Equatable, Sendable, WireValue {
        public var inside: UInt32
        public var outside: UInt32
        public var count: UInt32

        public init(inside: UInt32, outside: UInt32, count: UInt32) {
            self.inside = inside
            self.outside = outside
            self.count = count
        }
    }

    public struct Setting: Equatable, Sendable, WireValue {
        /// As sysctl(8) has it.
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// PID 1 of a pid namespace that the pod's containers share. It reaps, and ends by SIGTERM or SIGKILL.
    public struct Pause: Equatable, Sendable, WireValue {
        /// The file to pin the pid namespace on.
        public var path: String
        /// Directories whose cgroup.procs it goes into.
        public var cgroups: [String]

        public init(at path: String, cgroups: [String] = []) {
            self.path = path
            self.cgroups = cgroups
        }
    }

    /// A user namespace is made first, and owns the others.
    public var pins: [Pin] = []
    /// Of the user namespace; empty without one.
    public var uidMap: [IDRange] = []
    public var gidMap: [IDRange] = []
    /// Each belongs to one of the namespaces that are made.
    public var settings: [Setting] = []
    /// Of the UTS namespace.
    public var hostName: String?
    public var domainName: String?
    public var pause: Pause?

    public init() {}
}

extension Preparation: WireValue {
    init(from reader: inout WireReader) throws(Malformed) {
        pins = try reader.list("pins")
        uidMap = try reader.list("uidMap")
        gidMap = try reader.list("gidMap")
        settings = try reader.list("settings")
        hostName = try reader.optionalText("hostName")
        domainName = try reader.optionalText("domainName")
        pause = try reader.optional("pause")
    }

    func write(to writer: inout WireWriter) {
        writer.list(pins)
        writer.list(uidMap)
        writer.list(gidMap)
        writer.list(settings)
        writer.optional(hostName)
        writer.optional(domainName)
        writer.optional(pause)
    }
}

extension Preparation.Pin {
    init(from reader: inout WireReader) throws(Malformed) {
        let number = try reader.byte("pins.kind")
        guard let kind = Kind(rawValue: number) else {
            throw Malformed("pins.kind", "\(number) is no kind of namespace")
        }
        self.kind = kind
        path = try reader.path("pins.path")
    }

    func write(to writer: inout WireWriter) {
        writer.byte(kind.rawValue)
        writer.text(path)
    }
}

extension Preparation.IDRange {
    init(from reader: inout WireReader) throws(Malformed) {
        inside = try reader.word("map.inside")
        outside = try reader.word("map.outside")
        count = try reader.word("map.count")
    }

    func write(to writer: inout WireWriter) {
        writer.word(inside)
        writer.word(outside)
        writer.word(count)
    }
}

extension Preparation.Setting {
    init(from reader: inout WireReader) throws(Malformed) {
        name = try reader.text("settings.name")
        value = try reader.text("settings.value")
    }

    func write(to writer: inout WireWriter) {
        writer.text(name)
        writer.text(value)
    }
}

extension Preparation.Pause {
    init(from reader: inout WireReader) throws(Malformed) {
        path = try reader.path("pause.path")
        cgroups = try reader.texts("pause.cgroups")
    }

    func write(to writer: inout WireWriter) {
        writer.text(path)
        writer.texts(cgroups)
    }
}
