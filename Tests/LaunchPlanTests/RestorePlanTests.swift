import CKernel
import CStage
import Diagnosis
import OCISpec
import Testing

@testable import LaunchPlan

/// The plans that a restore is helped by.
@Suite struct RestorePlanTests {
    private func plan(_ mounts: [Mount]) throws -> Plan {
        try Compiler.compileMountPoints(
            configuration { $0.mounts = mounts }, facts: Circumstances.ordinary.facts)
    }

    private func mount(_ destination: String, _ type: String, _ options: [String] = []) -> Mount {
        var mount = Mount(destination: destination)
        mount.type = type
        mount.source = "/host\(destination)"
        mount.options = options
        return mount
    }

    @Test func directoriesForFileSystemsAndMountsForBinds() throws {
        let plan = try plan([
            mount("/proc", "proc"), mount("/data", "bind", ["rbind"]),
            mount("/data/./sub/", "none", ["bind"]),
        ])
        #expect(plan.operations(PLAN_DIRECTORY).map { plan.text($0.strings.0) } == ["/proc"])
        let binds = plan.operations(PLAN_MOUNT_BIND)
        #expect(binds.map { plan.text($0.strings.0) } == ["/data", "/data/sub"])
        #expect(binds.map { $0.flags & UInt32(PLAN_MOUNT_RECURSIVE) != 0 } == [true, false])
        #expect(plan.operations(PLAN_MOUNT_FS).isEmpty)
    }

    /// What is on a tmpfs comes back with it.
    @Test func nothingOnFileSystemsOfTheContainersOwn() throws {
        let plan = try plan([
            mount("/dev", "tmpfs"), mount("/dev/pts", "devpts"), mount("/dev/shm", "bind", ["bind"]),
            mount("/devices", "tmpfs"), mount("/proc", "proc", ["remount", "ro"]),
        ])
        #expect(plan.operations(PLAN_DIRECTORY).map { plan.text($0.strings.0) } == ["/dev", "/devices"])
        #expect(plan.operations(PLAN_MOUNT_BIND).isEmpty)
    }

    @Test func loopback() throws {
        let facts = Circumstances.ordinary.facts
        let fresh = configuration { $0.linux?.namespaces = [Namespace(type: .network)] }
        let plan = try #require(try Compiler.compileLoopback(fresh, facts: facts))
        #expect(plan.steps.map(\.op.code).contains(PLAN_LOOPBACK.rawValue))
        let join = try #require(plan.operations(PLAN_SETNS).first)
        #expect(join.numbers.0 == Namespace.Kind.network.cloneFlag)
        #expect(plan.source(join.slots.0) == .initProcess)
        let joined = configuration { $0.linux?.namespaces = [Namespace(type: .network, path: "/n")] }
        #expect(try Compiler.compileLoopback(joined, facts: facts) == nil)
    }

    /// Its mounts are nobody else's, and it stops before it would run anything.
    @Test func staysApartAndStops() throws {
        let plan = try plan([mount("/data", "bind", ["bind"])])
        #expect(plan.birthFlags == UInt64(CLONE_NEWNS) && !plan.clonesItself)
        let codes = plan.steps.map(\.op.code)
        #expect(codes[codes.count - 3] == PLAN_SYNC.rawValue)
        #expect(plan.rendezvous.last?.actions == [.created])
        #expect(Set(plan.descriptors.map { "\($0.source)" }) == ["sync", "report", "proc"])
    }
}
