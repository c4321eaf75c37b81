import Diagnosis
import Glibc
import Kernel
import OCISpec

/// What `exec` is told beside the ID.
public struct ExecRequest: Sendable {
    /// A JSON file of the process. With it the fields from ``arguments`` to ``processLabel`` say nothing.
    public var processFile: String?
    public var arguments: [String] = []
    public var cwd: String?
    public var environment: [String] = []
    public var hasTerminal = false
    /// `UID[:GID]`, as written.
    public var user: String?
    public var additionalGids: [String] = []
    public var capabilities: [String] = []
    public var noNewPrivileges = false
    public var apparmorProfile: String?
    public var processLabel: String?
    /// Cgroups below the container's, as written.
    public var cgroups: [String] = []
    public var ignoresPause = false
    public var detaches = false
    public var pidFile: String?
    public var consoleSocket: String?
    public var pidfdSocket: String?
    public var preserveFds = 0

    public init() {}
}

/// The process that an `exec` is about, and where its description stands.
struct ExecProcess {
    private(set) var process: OCISpec.Process
    let pointer: Pointer

    /// - Parameter configPath: the container's configuration, for its process as it is there now.
    init(_ request: ExecRequest, configPath: String) throws(Failure) {
        if let file = request.processFile {
            process = try OCISpec.Process.decode(Self.read(file, .option("--process")))
            pointer = ""
        } else {
            let config = try Config.decode(Self.read(configPath, .runtime))
            guard let configured = config.process else { throw Failure(at: "/process", "required") }
            process = try Self.adapted(configured, request)
            pointer = "/process"
        }
        try process.validate(at: pointer)
    }

    /// A file that says nothing of capabilities leaves the process those of the container, as with runc and crun.
    mutating func complete(from config: Config) {
        if process.capabilities == nil { process.capabilities = config.process?.capabilities }
    }

    private static func read(_ path: String, _ origin: Failure.Origin) throws(Failure) -> [UInt8] {
        try Failure.blaming(origin) { () throws(SystemError) in
            try FileDescriptor.open(path, O_RDONLY | O_NOCTTY)
                .readAll(limit: Config.maximumSize + 1, name: path)
        }
    }

    private static func adapted(
        _ configured: OCISpec.Process, _ request: ExecRequest
    ) throws(Failure) -> OCISpec.Process {
        var process = configured
        process.args = request.arguments
        process.terminal = request.hasTerminal
        process.env += request.environment
        if let cwd = request.cwd { process.cwd = cwd }
        if let user = request.user {
            let parts = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            process.user.uid = try number(parts[0], "--user", "uid")
            if parts.count > 1 { process.user.gid = try number(parts[1], "--user", "gid") }
        }
        for group in request.additionalGids {
            process.user.additionalGids.append(try number(Substring(group), "--additional-gids", "gid"))
        }
        if !request.capabilities.isEmpty {
            var sets = process.capabilities ?? CapabilitySets()
            sets.bounding += request.capabilities
            sets.effective += request.capabilities
            sets.permitted += request.capabilities
            // A capability is ambient only if it is inheritable, and none is made so here: a program that the
            // process execs would come into capabilities that its file grants (CVE-2022-29162).
            sets.ambient += request.capabilities.filter(sets.inheritable.contains)
            process.capabilities = sets
        }
        if request.noNewPrivileges { process.noNewPrivileges = true }
        if let profile = request.apparmorProfile { process.apparmorProfile = profile }
        if let label = request.processLabel { process.selinuxLabel = label }
        return process
    }

    /// Digits alone, and not the number that the kernel takes for "no change".
    private static func number(
        _ text: Substring, _ option: String, _ what: String
    ) throws(Failure) -> UInt32 {
        guard text.utf8.first != UInt8(ascii: "+"), let number = UInt32(text), number != .max else {
            throw Failure(
                .option(option), reason: "parsing \(text) as int for \(what) failed: not an ID",
                remedy: "names are not looked up: give numbers")
        }
        return number
    }
}
