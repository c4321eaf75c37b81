import CStage
import Diagnosis
import OCISpec

extension Plan {
    /// The plan for people: a line a step, with the field it comes from at the end.
    ///
    ///     17  mount-fs    mount tmpfs on /dev              /mounts/1
    public var listing: String {
        var lines = ["birth: \(clonesItself ? "in the runtime's namespaces" : Self.flagNames(birthFlags))"]
        for action in birthActions { lines.append("    runtime: \(action.listing)") }
        for (position, step) in steps.enumerated() {
            let number = Self.padded(String(position), 3, left: true)
            let name = Self.padded(step.op.name, 12)
            lines.append("\(number)  \(name)\(Self.padded(Self.operands(step), 64))\(step.source)")
            if step.op.code == PLAN_SYNC.rawValue {
                for action in rendezvous[Int(step.op.numbers.0)].actions {
                    lines.append("     runtime: \(action.listing)")
                }
            }
        }
        for warning in warnings { lines.append("warning: \(warning)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The plan for programs.
    public var json: String {
        var writer = JSONWriter(indent: "  ")
        writer.object { writer in
            writer.member("birth", clonesItself ? "" : Self.flagNames(birthFlags))
            writer.member("birthActions", birthActions.map(\.listing))
            writer.key("steps")
            writer.array { writer in
                for step in steps {
                    writer.object { writer in
                        writer.member("op", step.op.name)
                        writer.member("doing", step.doing)
                        writer.member("source", step.source)
                        if !step.op.tolerated.isEmpty {
                            writer.member("tolerates", step.op.tolerated.map { Errno($0).name })
                        }
                        if step.op.flags & UInt32(PLAN_FALLBACK) != 0 { writer.member("fallback", true) }
                        if step.op.code == PLAN_SYNC.rawValue {
                            let actions = rendezvous[Int(step.op.numbers.0)].actions
                            writer.member("runtime", actions.map(\.listing))
                        }
                    }
                }
            }
            writer.member("warnings", warnings)
        }
        return writer.text + "\n"
    }

    private static func operands(_ step: Step) -> String {
        var text = step.doing
        if !step.op.tolerated.isEmpty {
            text += " (or \(step.op.tolerated.map { Errno($0).name }.joined(separator: ", ")))"
        }
        if step.op.flags & UInt32(PLAN_FALLBACK) != 0 { text += " (if that failed)" }
        return text + " "
    }

    /// As wide as any column.
    private static let blank = "                                                                "

    private static func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
        let fill = String(Substring(blank.utf8.prefix(max(0, width - text.count))))
        return left ? fill + text : text + fill
    }

    private static func flagNames(_ flags: UInt64) -> String {
        let names = Namespace.Kind.allCases.filter { flags & $0.cloneFlag != 0 }.map(\.rawValue)
        return names.isEmpty
            ? "in the runtime's namespaces" : "in new namespaces: " + names.joined(separator: " ")
    }
}

extension Plan.Step {
    /// The pointer, the option, or `(runtime)`.
    public var source: String { origin.source }
}

extension Plan.Action {
    /// What the runtime does: `write the ID maps`.
    public var listing: String {
        switch self {
        case .joinCgroup: "move the process into its cgroup"
        case .mapIDs: "write the ID maps"
        case .runHooks(let kind): "run the \(kind.rawValue) hooks"
        case .moveNetDevices(let devices): "move in \(devices.map(\.hostName).joined(separator: ", "))"
        case .adjustOOMScore(let value): "set oom_score_adj to \(value)"
        case .giveStandardDescriptors(let uid, _): "give the standard descriptors to \(uid)"
        case .setLimits(let limits, _): "set \(limits.map(\.type.rawValue).joined(separator: ", "))"
        case .setAffinity(let cpus, _): "let the process run on CPUs \(cpus)"
        case .joinResctrl: "move the process into its class of intelRdt"
        case .setIOPriority(let priority, _):
            "set the I/O priority \(priority.class.rawValue) \(priority.priority)"
        case .setScheduler(let scheduler, _): "schedule the process by \(scheduler.policy.rawValue)"
        case .passListener(let listener): "connect to the agent at \(listener.path), and pass the listener on"
        case .record: "save the state"
        case .created: "report the container created"
        }
    }
}
