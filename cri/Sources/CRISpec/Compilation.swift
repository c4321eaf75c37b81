import CRIProto
import Diagnosis
import OCISpec

extension ContainerSpecification {
    /// Makes the container's config.json.
    ///
    /// Missing directories of mounts are made on the host when all else has been found good, and nothing else is
    /// changed. Blocks, as far as the host's file systems do.
    package func compile() throws(SpecificationError) -> CompiledContainer {
        var compilation = Compilation(self)
        return try compilation.compile()
    }
}

/// One config.json on its way. Each part is a file of its own: ``compile()`` has them in the order in which they need
/// each other.
struct Compilation {
    let input: ContainerSpecification
    /// The lowest version that has all that is used: crun up to 1.8 refuses what came later than itself, and no
    /// runtime does anything else with it.
    var config = Config(ociVersion: "1.1.0")
    var process = Process(cwd: "/")
    var linux = Linux()
    var warnings: [String] = []
    var relabels: [Relabel] = []
    /// Host paths of mounts that are missing, with the field that names each.
    var missing: [(path: String, pointer: Pointer)] = []
    /// The bounding set.
    var capabilities: Set<Capability> = []
    var namespaces: PodNamespaces
    /// The context of files, where SELinux is on and confines the container.
    var fileContext: String?

    static let container: Pointer = "/config"
    static let securityContext: Pointer = "/config/linux/security_context"

    var security: Runtime_V1_LinuxContainerSecurityContext { input.container.linux.securityContext }

    init(_ input: ContainerSpecification) {
        self.input = input
        namespaces = PodNamespaces()
    }

    mutating func compile() throws(SpecificationError) -> CompiledContainer {
        try refuseOtherPlatforms()
        namespaces = try PodNamespaces(of: input.pod, at: "/sandbox_config")
        if security.privileged, !input.pod.linux.securityContext.privileged {
            throw SpecificationError(
                at: Self.securityContext.key("privileged"), "the pod does not allow privileged containers",
                remedy: "set privileged in the pod's security context too")
        }
        config.root = Root(path: input.rootfs, readonly: security.readonlyRootfs)
        try compileArguments()
        let home = try compileUser()
        try compileEnvironment(home: home)
        try compileNamespaces()
        try compileCapabilities()
        try compileSELinux()
        try compileAppArmor()
        try compileSeccomp()
        compilePathProtection()
        try compileMounts()
        try compileDevices()
        try compileResources()
        compileAnnotations()
        linux.cgroupsPath = input.cgroup.cgroupsPath
        process.rlimits = input.options.resourceLimits
        process.noNewPrivileges = security.noNewPrivs
        config.process = process
        config.linux = linux
        let signal = try stopSignal()
        let log = try logPath()
        try check()
        if let edit = input.edit {
            edit(&config)
            try checkEdited()
        }
        for (path, pointer) in missing {
            do throws(SystemError) {
                try input.files.makeDirectories(path)
            } catch {
                throw SpecificationError(at: pointer, error)
            }
        }
        return CompiledContainer(
            json: config.json, config: config,
            user: ResolvedUser(config.process?.user ?? User()),
            stopSignal: signal, mounts: input.container.mounts, labels: input.container.labels,
            annotations: input.container.annotations, logPath: log, hasTerminal: input.container.tty,
            hasInput: input.container.stdin, closesInputAfterFirst: input.container.stdinOnce,
            relabels: relabels, warnings: warnings)
    }

    private func refuseOtherPlatforms() throws(SpecificationError) {
        if input.container.hasWindows {
            throw .unimplemented(
                at: Self.container.key("windows"), "containers of Windows do not run on Linux",
                remedy: "leave the section out")
        }
        if input.pod.hasWindows {
            throw .unimplemented(
                at: "/sandbox_config/windows", "pods of Windows do not run on Linux",
                remedy: "leave the section out")
        }
    }

    /// The container's own signal, the image's, or SIGTERM.
    private func stopSignal() throws(SpecificationError) -> StopSignal {
        let asked = input.container.stopSignal
        if asked != .runtimeDefault {
            guard let signal = StopSignal(asked) else {
                throw unknownValue(asked.rawValue, of: "Signal", at: Self.container.key("stop_signal"))
            }
            return signal
        }
        if input.image.stopSignal.isEmpty { return .term }
        guard let signal = StopSignal(input.image.stopSignal) else {
            throw SpecificationError(
                at: Self.container.key("image"),
                "the image's stop signal \(quoted(input.image.stopSignal)) is not a signal",
                remedy: "set stop_signal")
        }
        return signal
    }

    /// Nil without a directory or a name: then there is no log.
    private func logPath() throws(SpecificationError) -> String? {
        let directory = input.pod.logDirectory
        let name = input.container.logPath
        if directory.isEmpty || name.isEmpty { return nil }
        guard directory.hasPrefix("/") else {
            throw SpecificationError(
                at: "/sandbox_config/log_directory", "\(quoted(directory)) is not an absolute path")
        }
        let parts = name.split(separator: "/")
        if parts.contains("..") || parts.isEmpty || name.utf8.contains(0) {
            throw SpecificationError(
                at: Self.container.key("log_path"), "\(quoted(name)) leads out of the pod's log directory")
        }
        return cleanPath(directory + "/" + name)
    }

    mutating func warn(_ pointer: Pointer, _ text: String) { warnings.append("\(pointer): \(text)") }
}

/// A path with `.`, `..`, and doubled and trailing slashes resolved by the text alone; absolute.
func cleanPath(_ path: String) -> String {
    var names: [Substring] = []
    for name in path.split(separator: "/") {
        switch name {
        case ".": break
        case "..": _ = names.popLast()
        default: names.append(name)
        }
    }
    return "/" + names.joined(separator: "/")
}
