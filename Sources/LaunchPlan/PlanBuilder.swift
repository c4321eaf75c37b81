import CStage
import Diagnosis
import OCISpec

/// Collects a plan's steps.
struct PlanBuilder {
    var plan = Plan()
    private var nextSlot = Int(PLAN_SLOT_FREE.rawValue)

    /// Appends a step.
    mutating func step(_ op: Operation, _ origin: Failure.Origin, _ doing: String) {
        plan.steps.append(Plan.Step(op: op, origin: origin, doing: doing))
    }

    /// A NUL-terminated string in the arena. The empty one is at 0.
    mutating func string(_ text: String) -> UInt32 {
        if text.isEmpty { return 0 }
        let offset = plan.arena.count
        plan.arena += text.utf8
        plan.arena.append(0)
        return UInt32(truncatingIfNeeded: offset)
    }

    /// NUL-terminated strings in a row.
    mutating func strings(_ texts: [String]) -> UInt32 {
        let offset = plan.arena.count
        for text in texts {
            plan.arena += text.utf8
            plan.arena.append(0)
        }
        return UInt32(truncatingIfNeeded: offset)
    }

    /// Bytes that start at a multiple of eight.
    mutating func blob(_ bytes: [UInt8]) -> UInt32 {
        align()
        let offset = plan.arena.count
        plan.arena += bytes
        return UInt32(truncatingIfNeeded: offset)
    }

    /// Zeros right after what is there.
    mutating func pad(_ count: Int) { plan.arena += [UInt8](repeating: 0, count: count) }

    /// Zeros that start at a multiple of eight.
    mutating func room(_ count: Int) -> UInt32 { blob([UInt8](repeating: 0, count: count)) }

    // The header and the ops are whole multiples of eight bytes, so the arena starts at one.
    private mutating func align() {
        while plan.arena.count % 8 != 0 { plan.arena.append(0) }
    }

    /// A slot for a descriptor; fixed ones are given once.
    mutating func slot(_ source: Plan.DescriptorSource) -> Int32 {
        let number: Int
        switch source {
        case .sync: number = Int(PLAN_SLOT_SYNC.rawValue)
        case .report: number = Int(PLAN_SLOT_REPORT.rawValue)
        case .proc: number = Int(PLAN_SLOT_PROC.rawValue)
        case .fifo: number = Int(PLAN_SLOT_FIFO.rawValue)
        case .cgroup: number = Int(PLAN_SLOT_CGROUP.rawValue)
        case .legacyCgroup, .namespace, .initProcess, .mount, .notifyDirectory:
            number = nextSlot
            nextSlot += 1
        }
        if !plan.descriptors.contains(where: { $0.slot == number }) {
            plan.descriptors.append(Plan.Descriptor(slot: number, source: source))
        }
        return Int32(number)
    }

    /// A meeting point; the runtime does `actions` there. If all there is to do is to note how far the stage came, it
    /// does not wait for that.
    mutating func meet(_ name: String, _ actions: [Plan.Action]) {
        var op = Operation(PLAN_SYNC)
        op.numbers.0 = UInt64(plan.rendezvous.count)
        _ = slot(.sync)
        let isPassing = actions == [.record]
        if isPassing { op.flags = UInt32(PLAN_SYNC_PASSING) }
        plan.rendezvous.append(Plan.Rendezvous(name: name, actions: actions, isPassing: isPassing))
        step(op, .runtime, "\(isPassing ? "tell" : "wait for") the runtime (\(name))")
    }

    /// An integers-only system call.
    mutating func call(
        _ call: plan_call, _ arguments: (UInt64, UInt64, UInt64) = (0, 0, 0),
        tolerating errnos: [Int32] = [], _ origin: Failure.Origin, _ doing: String
    ) {
        var op = Operation(PLAN_CALL)
        op.numbers = (UInt64(call.rawValue), arguments.0, arguments.1, arguments.2)
        op.tolerated = errnos
        step(op, origin, doing)
    }

    /// Text to a file below the runtime's procfs handle.
    mutating func writeProc(
        _ path: String, _ text: String, tolerating errnos: [Int32] = [], flags: UInt32 = 0,
        _ origin: Failure.Origin, _ doing: String
    ) {
        var op = Operation(PLAN_WRITE)
        op.slots.0 = slot(.proc)
        op.strings.0 = string(path)
        op.strings.1 = string(text)
        op.tolerated = errnos
        op.flags = flags
        step(op, origin, doing)
    }
}
