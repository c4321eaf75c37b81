/// An OCI runtime that pods can ask for by name (RuntimeClass), and how it is called. Every one has its state
/// directory for itself: two handlers of one program do not see each other's containers.
package struct RuntimeHandler: Sendable {
    let name: String
    /// The executable's absolute path.
    let program: String
    /// Options before the verb, as configured.
    let options: [String]
    /// `--root`.
    let stateRoot: String
    /// Whether cgroups are made by systemd: `--systemd-cgroup`.
    let usesSystemd: Bool
    let specification: HandlerOptions

    package init(
        name: String, program: String, options: [String] = [], stateRoot: String, usesSystemd: Bool = false,
        specification: HandlerOptions = HandlerOptions()
    ) {
        self.name = name
        self.program = program
        self.options = options
        self.stateRoot = stateRoot
        self.usesSystemd = usesSystemd
        self.specification = specification
    }

    private var base: [String] {
        [program, "--root", stateRoot] + (usesSystemd ? ["--systemd-cgroup"] : []) + options
    }

    func create(_ id: String, bundle: String, pidFile: String, consoleSocket: String?) -> [String] {
        base + ["create", "--bundle", bundle, "--pid-file", pidFile]
            + (consoleSocket.map { ["--console-socket", $0] } ?? []) + [id]
    }

    func start(_ id: String) -> [String] { base + ["start", id] }

    func state(_ id: String) -> [String] { base + ["state", id] }

    func delete(_ id: String, force: Bool = false) -> [String] {
        base + ["delete"] + (force ? ["--force"] : []) + [id]
    }

    func kill(_ id: String, signal: Int32, all: Bool = false) -> [String] {
        base + ["kill"] + (all ? ["--all"] : []) + [id, String(signal)]
    }

    /// - Parameter log: the runtime's own words go there, for standard error is the process's.
    func exec(_ id: String, process: String, pidFile: String, log: String) -> [String] {
        base + [
            "--log", log, "--log-format", "json", "exec", "--detach", "--process", process, "--pid-file",
            pidFile, id,
        ]
    }

    /// Reads `linux.resources` as JSON from the file.
    func update(_ id: String, resources: String) -> [String] {
        base + ["update", "--resources", resources, id]
    }

    var features: [String] { [program, "features"] }
}

/// What the operator decides about the containers of one handler.
package struct HandlerOptions: Sendable {
    package var privilegedWithoutHostDevices = false
    package var privilegedWithoutHostDevicesAllAllowed = false
    /// Patterns of annotations that the runtime may see.
    package var podAnnotations: [String] = []
    package var containerAnnotations: [String] = []

    package init() {}
}
