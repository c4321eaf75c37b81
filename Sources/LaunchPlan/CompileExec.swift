import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// The plan of a further process in a container that has its namespaces and its root already
    /// (`exec`).
    ///
    /// - Parameters:
    ///   - process: decoded and validated; it stands in for the configuration's.
    ///   - pointer: where it comes from: `/process` of config.json, or empty for a document of its own.
    ///   - config: the container's.
    ///   - watch: as with ``compile(_:facts:options:watch:)``.
    public static func compileExec(
        _ process: Process, at pointer: Pointer, config: Config, facts: HostFacts, options: LaunchOptions,
        watch: ((_ phase: String?) -> Void)? = nil
    ) throws(Failure) -> Plan {
        var config = config
        config.process = process
        var compiler = try Compiler(config, facts, options)
        compiler.watch = watch
        try compiler.compileExec(process, pointer)
        return compiler.builder.plan
    }

    private mutating func compileExec(_ process: Process, _ pointer: Pointer) throws(Failure) {
        adjustOOMScore(process.oomScoreAdj, pointer)
        joinInit(.runtime)
        joinKeyring(isNew: false)
        enterRoot(process, pointer)
        armAppArmor()
        try finish(process, at: pointer)
    }

    /// Who joined the container's mount namespace is in its root already. Without such a namespace the root is a
    /// directory that each process enters.
    mutating func enterRoot(_ process: Process, _ pointer: Pointer) {
        let path = config.hasNew(.mount) ? "/" : facts.rootfs
        if !config.hasNew(.mount) || process.terminal {
            builder.step(
                Operation(
                    PLAN_ROOTFS, flags: UInt32(PLAN_ROOTFS_PLAIN), strings: (builder.string(path), 0, 0, 0)),
                .config("/root/path"), "open the root file system \(path)")
        }
        openTerminal(process, pointer, isConsole: false)
        guard !config.hasNew(.mount) else { return }
        builder.step(Operation(PLAN_CHROOT), .config("/root/path"), "chroot to \(facts.rootfs)")
    }
}
