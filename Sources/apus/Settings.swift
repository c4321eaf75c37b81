import Arguments
import ContainerRuntime
import Diagnosis
import Kernel

extension Session {
    /// The runtime's settings, from the options before the command and the environment.
    static func runtimeSettings(
        _ globals: Values, _ log: Log, _ trace: Trace?
    ) throws(Failure) -> RuntimeSettings {
        let root = globals.text(.root)
        return RuntimeSettings(
            root: try root.map(explicitRoot) ?? defaultRoot, rootIsExplicit: root != nil,
            cgroups: try cgroupManager(globals), rootless: try rootlessMode(globals.text(.rootless)),
            debug: log.isDebugging, warn: { log.warning($0) }, debugLog: { log.debug($0) },
            trace: trace)
    }

    /// Of the two options that say it the last one holds.
    private static func cgroupManager(_ globals: Values) throws(Failure) -> CgroupManager {
        let last = globals.last { $0 == .cgroupManager || $0 == .systemdCgroup }
        guard let name = last else { return .cgroupfs }
        if name == .systemdCgroup { return globals.isOn(.systemdCgroup) ? .systemd : .cgroupfs }
        let written = globals.text(.cgroupManager) ?? ""
        guard let manager = CgroupManager(rawValue: written) else {
            throw Failure(
                .option("--cgroup-manager"),
                reason: "invalid value \"\(written)\": not cgroupfs, systemd or disabled")
        }
        return manager
    }

    private static func explicitRoot(_ written: String) throws(Failure) -> String {
        let path = try Failure.blaming(.option("--root")) { () throws(SystemError) in
            Path.cleaned(try WorkingDirectory.absolute(written))
        }
        if path == "/" { throw Failure("Option --root argument should not be set to /") }
        return path
    }

    /// The user's own runtime directory, without the rights of the host's root; with them `/run`, even
    /// where a login has set the variable.
    private static var defaultRoot: String {
        guard let directory = Environment["XDG_RUNTIME_DIR"], !directory.isEmpty else { return "/run/apus" }
        if ProcessControl.effectiveUID == 0 {
            // Root of a user namespace who calls themselves root is taken for the host's.
            guard ProcessControl.isInUserNamespace, Environment["USER"] != "root" else { return "/run/apus" }
        }
        return directory + "/apus"
    }

    private static func rootlessMode(_ written: String?) throws(Failure) -> RootlessMode {
        guard let written, !written.isEmpty, written.lowercased() != "auto" else { return .auto }
        guard let truth = Values.truth(written) else {
            throw Failure(
                .option("--rootless"), reason: "invalid value \"\(written)\": not true, false or auto")
        }
        return truth ? .yes : .no
    }
}
