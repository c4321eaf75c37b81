import CRIU
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// What `checkpoint` and `restore` are both told beside the ID.
public struct CRIUOptions: Sendable {
    /// `nil` is `checkpoint` in the working directory.
    public var imagePath: String?
    /// Where CRIU's log is; `nil` is with the images.
    public var workPath: String?
    public var tcpEstablished = false
    public var extUnixSockets = false
    public var shellJob = false
    public var lazyPages = false
    public var fileLocks = false
    /// `soft`, `full`, `strict` or `ignore`; `nil` is `soft`.
    public var cgroupMode: String?
    public var emptyNamespaces: [String] = []
    public var autoDedup = false

    public init() {}
}

/// What `checkpoint` is told beside the ID.
public struct CheckpointOptions: Sendable {
    public var common = CRIUOptions()
    /// Of an earlier image, relative to the new one.
    public var parentPath: String?
    public var leavesRunning = false
    public var isPreDump = false
    public var tcpSkipInFlight = false
    public var linkRemap = false
    public var statusFd: Int32?
    /// `ADDRESS:PORT`.
    public var pageServer: String?

    public init() {}
}

/// What `restore` is told beside the ID.
public struct RestoreOptions: Sendable {
    public var common = CRIUOptions()
    /// The bundle's directory; empty is the working directory.
    public var bundle = ""
    public var detaches = false
    public var pidFile: String?
    public var consoleSocket: String?
    public var noSubreaper = false
    public var noPivot = false
    public var noNewKeyring = false
    /// `TYPE:NAME`.
    public var lsmProfile: String?
    public var lsmMountContext: String?

    public init() {}
}

extension CRIUOptions {
    /// The directory of the images, absolute.
    func imageDirectory() throws(Failure) -> String {
        try callerPath(imagePath ?? "checkpoint", "--image-path") ?? ""
    }

    /// The directory of the log, if it is one of its own, absolute.
    func workDirectory() throws(Failure) -> String? { try callerPath(workPath, "--work-path") }

    /// As CRIU takes them; the directories and what only one of the verbs has is still missing.
    func options(imagesDirectory: Int32, logFile: String) throws(Failure) -> Options {
        var options = Options(imagesDirectory: imagesDirectory, logFile: logFile)
        options.tcpEstablished = tcpEstablished
        options.extUnixSockets = extUnixSockets
        options.shellJob = shellJob
        options.lazyPages = lazyPages
        options.fileLocks = fileLocks
        options.autoDedup = autoDedup
        options.cgroupMode = try mode()
        options.notifies = true
        options.orphanTerminals = true
        // Interfaces and addresses are whoever's who gave them to the container, which is not this runtime.
        options.emptyNamespaces = UInt32(Namespace.Kind.network.cloneFlag)
        return options
    }

    /// Refuses what no checkpoint can be made with, before anything is.
    func check() throws(Failure) {
        _ = try mode()
        for name in emptyNamespaces where name != "network" {
            throw Failure(
                .option("--empty-ns"), reason: "\"\(name)\": CRIU can leave only a network namespace empty",
                remedy: "name network")
        }
        guard HostFacts.hasHostRoot else {
            throw Failure("only the host's root can save and restore processes", remedy: "use sudo")
        }
    }

    private func mode() throws(Failure) -> Options.CgroupMode {
        switch cgroupMode {
        case nil, "soft": return .soft
        case "full": return .full
        case "strict": return .strict
        case "ignore": return .ignore
        case let other?:
            throw Failure(
                .option("--manage-cgroups-mode"),
                reason: "invalid value \"\(other)\": not soft, full, strict or ignore")
        }
    }
}

extension CheckpointOptions {
    /// The server that `--page-server` names.
    func server() throws(Failure) -> Options.PageServer? {
        guard let pageServer else { return nil }
        let refusal = Failure(
            .option("--page-server"), reason: "\"\(pageServer)\": not ADDRESS:PORT",
            remedy: "write an IPv6 address in brackets, and a port from 1 to 65535")
        guard let colon = pageServer.lastIndex(of: ":") else { throw refusal }
        var address = pageServer[..<colon]
        let digits = pageServer[pageServer.index(after: colon)...]
        guard let port = UInt16(digits), port > 0, digits.utf8.first != UInt8(ascii: "+") else {
            throw refusal
        }
        if address.utf8.first == UInt8(ascii: "["), address.utf8.last == UInt8(ascii: "]") {
            address = address.dropFirst().dropLast()
        } else if address.utf8.contains(UInt8(ascii: ":")) {
            throw refusal
        }
        if address.isEmpty { throw refusal }
        return Options.PageServer(address: String(address), port: port)
    }

    /// Makes sure that `--status-fd` can be written to.
    func checkStatusFd() throws(Failure) {
        guard let statusFd else { return }
        let refusal = Failure(.option("--status-fd"), reason: "\(statusFd) is not open for writing")
        guard lazyIsOn else {
            throw Failure(
                .option("--status-fd"), reason: "\(statusFd): only --lazy-pages has something to tell there")
        }
        guard statusFd >= 0, StandardDescriptors.isWritable(statusFd) else { throw refusal }
    }

    private var lazyIsOn: Bool { common.lazyPages }
}
