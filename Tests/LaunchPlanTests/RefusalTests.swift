import CStage
import Diagnosis
import Labels
import OCISpec
import Testing

@testable import LaunchPlan

/// What is not done is refused, at the field that asks for it.
@Suite struct RefusalTests {
    private func failure(
        in circumstances: Circumstances = .ordinary, _ change: (inout Config) -> Void
    ) -> Failure? {
        do {
            _ = try compile(in: circumstances, change)
            return nil
        } catch {
            return error as? Failure
        }
    }

    private func origin(_ change: (inout Config) -> Void) -> Failure.Origin? { failure(change)?.origin }

    @Test func fields() {
        #expect(origin { _ in } == nil)
        #expect(
            origin { $0.process?.scheduler = Scheduler(policy: .SCHED_ISO) }
                == .config("/process/scheduler/policy"))
        #expect(
            origin {
                $0.linux?.memoryPolicy = MemoryPolicy(mode: .MPOL_BIND)
                $0.linux?.memoryPolicy?.nodes = "1024"
            } == .config("/linux/memoryPolicy/nodes"))
        // The kernel takes -1 for "no change".
        #expect(origin { $0.process?.user.uid = .max } == .config("/process/user/uid"))
        #expect(origin { $0.process?.user.gid = .max } == .config("/process/user/gid"))
        #expect(origin { $0.process?.user.uid = .max - 1 } == nil)
        #expect(origin { $0.process = nil } == .config("/process"))
        #expect(origin { $0.root = nil } == .config("/root"))
    }

    @Test func labels() throws {
        var plain = Circumstances.ordinary
        plain.facts.lsm = LSMHost()
        #expect(
            failure(in: plain) { $0.process?.apparmorProfile = "p" }?.origin
                == .config("/process/apparmorProfile"))
        #expect(
            failure(in: plain) { $0.process?.selinuxLabel = "u:r:t:s0" }?.origin
                == .config("/process/selinuxLabel"))
        #expect(
            failure(in: plain) { $0.linux?.mountLabel = "u:r:t:s0" }?.origin == .config("/linux/mountLabel"))
        #expect(failure(in: plain) { $0.process?.apparmorProfile = "" } == nil)
        let plan = try compile {
            $0.process?.apparmorProfile = "p"
            $0.process?.selinuxLabel = "u:r:t:s0"
        }
        let writes = plan.operations(PLAN_WRITE).map {
            "\(plan.text($0.strings.0)) \(plan.text($0.strings.1))"
        }
        #expect(
            writes == [
                "thread-self/attr/keycreate u:r:t:s0", "thread-self/attr/apparmor/exec exec p",
                "thread-self/attr/exec u:r:t:s0",
            ])
    }

    /// Whatever a good configuration asks for, it is compiled or refused at one of its fields.
    @Test(arguments: Sample.all, Circumstances.all)
    func nothingElse(_ sample: Sample, _ circumstances: Circumstances) throws {
        do {
            _ = try circumstances.compile(sample.config)
        } catch {
            let failure = try #require(error as? Failure)
            guard case .config(let pointer) = failure.origin else {
                Issue.record("\(failure)")
                return
            }
            #expect(pointer.description.hasPrefix("/"))
        }
    }
}
