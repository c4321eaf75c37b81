import CKernel
import CStage
import Diagnosis
import Glibc
import OCISpec

extension Compiler {
    /// The plan that makes the mount points a checkpoint's mounts go to, where they are missing, as the creation of
    /// a container makes them; it stops at a rendezvous, and the mounts of its own namespace go when it is ended.
    ///
    /// What is mounted on a file system of the container's own is left out: with that its mount points come back.
    public static func compileMountPoints(_ config: Config, facts: HostFacts) throws(Failure) -> Plan {
        var compiler = try Compiler(config, facts, LaunchOptions(wait: .runtime))
        compiler.builder.plan.birthFlags = UInt64(CLONE_NEWNS)
        _ = compiler.builder.slot(.report)
        _ = compiler.builder.slot(.proc)
        _ = compiler.builder.slot(.sync)
        compiler.builder.step(Operation(PLAN_SIGNALS), .runtime, "reset signals")
        compiler.isolateTree()
        compiler.builder.step(
            Operation(PLAN_ROOTFS, strings: (compiler.builder.string(facts.rootfs), 0, 0, 0)),
            .config("/root/path"), "bind the root file system \(facts.rootfs)")
        try compiler.makeMountPoints()
        compiler.stop()
        return compiler.builder.plan
    }

    /// The plan that brings up `lo` in a network namespace that CRIU has made; it stops as the other does.
    ///
    /// - Returns: `nil` if the container has no such namespace.
    public static func compileLoopback(_ config: Config, facts: HostFacts) throws(Failure) -> Plan? {
        guard config.hasNew(.network) else { return nil }
        var compiler = try Compiler(config, facts, LaunchOptions(wait: .runtime))
        _ = compiler.builder.slot(.report)
        _ = compiler.builder.slot(.sync)
        compiler.builder.step(Operation(PLAN_SIGNALS), .runtime, "reset signals")
        compiler.builder.step(
            Operation(
                PLAN_SETNS, slots: (compiler.builder.slot(.initProcess), -1),
                numbers: (Namespace.Kind.network.cloneFlag, 0, 0, 0)),
            .runtime, "join the container's network namespace")
        compiler.bringUpLoopback()
        compiler.stop()
        return compiler.builder.plan
    }

    /// A plan ends with an exec; nobody lets this one get so far.
    private mutating func stop() {
        builder.meet("created", [.created])
        builder.step(
            Operation(PLAN_LOOKUP, strings: (builder.strings(["/"]), 0, 0, 0), length: 1), .runtime,
            "find nothing to run")
        var nothing = Process(cwd: "/")
        nothing.args = ["/"]
        execute(nothing, "/process")
    }

    private mutating func makeMountPoints() throws(Failure) {
        var ownFileSystems: [String] = []
        for (position, mount) in config.mounts.enumerated() {
            let options = MountOptions(mount.options)
            let destination = mount.target
            if destination == "/" || options.isRemount { continue }
            if ownFileSystems.contains(where: { destination.utf8.starts(with: ($0 + "/").utf8) }) { continue }
            let pointer = Pointer("/mounts").index(position)
            if mount.isBind {
                // Mounted for those that have their mount point in it.
                try bind(mount, options, destination, pointer)
            } else {
                ownFileSystems.append(destination)
                builder.step(
                    Operation(
                        PLAN_DIRECTORY, strings: (builder.string(destination), 0, 0, 0),
                        numbers: (0o755, 0, 0, 0)),
                    .config(pointer.key("destination")), "make the mount point \(destination)")
            }
        }
    }
}
