/// What CRIU is told about a dump or a restore (`criu_opts` of its RPC), as far as a container's takes it.
///
/// What is left at its default is not sent: CRIU's own default holds then.
public struct Options: Equatable, Sendable {
    /// Of this process: CRIU opens them anew by `/proc`.
    public var imagesDirectory: Int32
    public var workDirectory: Int32?
    /// A name in the work directory.
    public var logFile: String
    public var pid: Int32?
    public var root: String?
    public var parentImage: String?
    public var leaveRunning = false
    public var extUnixSockets = false
    public var tcpEstablished = false
    public var tcpSkipInFlight = false
    public var evasiveDevices = false
    public var shellJob = false
    public var fileLocks = false
    public var linkRemap = false
    public var autoDedup = false
    public var trackMemory = false
    public var lazyPages = false
    public var notifies = false
    public var orphanTerminals = false
    public var restoresSibling = false
    public var pageServer: PageServer?
    /// Names by keys: which is which depends on whether it is a dump or a restore.
    public var externalMounts: [ExternalMount] = []
    public var cgroupMode: CgroupMode?
    public var cgroupRoots: [CgroupRoot] = []
    public var inherited: [InheritedDescriptor] = []
    public var external: [String] = []
    /// CLONE_NEW* flags.
    public var emptyNamespaces: UInt32 = 0
    public var joinedNamespaces: [JoinedNamespace] = []
    public var freezerCgroup: String?
    public var configFile: String?
    public var lsmProfile: String?
    public var lsmMountContext: String?

    public init(imagesDirectory: Int32, logFile: String) {
        self.imagesDirectory = imagesDirectory
        self.logFile = logFile
    }

    public struct PageServer: Equatable, Sendable {
        public var address: String
        public var port: UInt16
        public init(address: String, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    public struct ExternalMount: Equatable, Hashable, Sendable {
        public var key: String
        public var value: String
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    public enum CgroupMode: UInt32, Sendable {
        case ignore = 0
        case soft = 3
        case full = 4
        case strict = 5
    }

    public struct CgroupRoot: Equatable, Sendable {
        /// Of cgroup v1, joined by commas; empty for cgroup v2.
        public var controllers: String
        public var path: String
        public init(controllers: String, path: String) {
            self.controllers = controllers
            self.path = path
        }
    }

    /// An open descriptor of CRIU's in place of what the images name.
    public struct InheritedDescriptor: Equatable, Sendable {
        public var key: String
        public var number: Int32
        public init(key: String, number: Int32) {
            self.key = key
            self.number = number
        }
    }

    public struct JoinedNamespace: Equatable, Sendable {
        /// `net`, `mnt`, `uts`, …
        public var kind: String
        public var path: String
        public init(kind: String, path: String) {
            self.kind = kind
            self.path = path
        }
    }
}

extension Options {
    /// Everything but the least of its messages.
    private static let logLevel: Int32 = 4

    func encode(to writer: inout WireWriter) {
        writer.field(1, imagesDirectory)
        if let pid { writer.field(2, pid) }
        writer.on(3, leaveRunning)
        writer.on(4, extUnixSockets)
        writer.on(5, tcpEstablished)
        writer.on(6, evasiveDevices)
        writer.on(7, shellJob)
        writer.on(8, fileLocks)
        writer.field(9, Self.logLevel)
        writer.field(10, logFile)
        if let pageServer {
            writer.field(11) { writer in
                writer.field(1, pageServer.address)
                writer.field(2, UInt32(pageServer.port))
            }
        }
        writer.on(12, notifies)
        writer.text(13, root)
        writer.text(14, parentImage)
        writer.on(15, trackMemory)
        writer.on(16, autoDedup)
        if let workDirectory { writer.field(17, workDirectory) }
        writer.on(18, linkRemap)
        for mount in externalMounts { writer.pair(23, mount.key, mount.value) }
        for root in cgroupRoots { writer.pair(25, root.controllers, root.path) }
        writer.on(26, restoresSibling)
        for descriptor in inherited {
            writer.field(27) { writer in
                writer.field(1, descriptor.key)
                writer.field(2, descriptor.number)
            }
        }
        if let cgroupMode { writer.field(34, cgroupMode.rawValue) }
        for name in external { writer.field(37, name) }
        if emptyNamespaces != 0 { writer.field(38, emptyNamespaces) }
        for namespace in joinedNamespaces { writer.pair(39, namespace.kind, namespace.path) }
        writer.text(44, freezerCgroup)
        writer.on(46, tcpSkipInFlight)
        writer.on(48, lazyPages)
        writer.on(50, orphanTerminals)
        writer.text(51, configFile)
        writer.text(53, lsmProfile)
        writer.text(63, lsmMountContext)
    }
}

extension WireWriter {
    fileprivate mutating func on(_ number: Int, _ value: Bool) {
        if value { field(number, true) }
    }

    fileprivate mutating func text(_ number: Int, _ text: String?) {
        if let text { field(number, text) }
    }

    /// A message of two strings.
    fileprivate mutating func pair(_ number: Int, _ first: String, _ second: String) {
        field(number) { writer in
            writer.field(1, first)
            writer.field(2, second)
        }
    }
}
