import Diagnosis

extension Process {
    /// Checks a process by itself; see ``Config/validate()``.
    ///
    /// - Parameter pointer: Where the process is in its document: `/process` in config.json, empty in a
    ///   document of its own.
    public func validate(at pointer: Pointer = "") throws(Failure) {
        if args.isEmpty {
            throw Failure(at: pointer.key("args"), "required: the program to execute, and its arguments")
        }
        if !cwd.utf8.starts(with: "/".utf8) {
            throw Failure(at: pointer.key("cwd"), "\(quoted(cwd)) is not an absolute path")
        }
        for (index, entry) in env.enumerated() {
            guard let fault = Self.fault(ofVariable: entry) else { continue }
            throw Failure(at: pointer.key("env").index(index), "\(quoted(entry)) \(fault)")
        }
        if let umask = user.umask, umask > 0o777 {
            throw Failure(
                at: pointer.key("user").key("umask"), "\(umask) is more than 511, which is 0777 in octal")
        }
        if let adjustment = oomScoreAdj, !(-1000...1000).contains(adjustment) {
            throw Failure(
                at: pointer.key("oomScoreAdj"), "\(adjustment) is out of range: -1000 to 1000 is allowed")
        }
        try validateLimits(at: pointer.key("rlimits"))
        try scheduler?.validate(at: pointer.key("scheduler"))
        if let priority = ioPriority?.priority, !(0...7).contains(priority) {
            throw Failure(
                at: pointer.key("ioPriority").key("priority"),
                "\(priority) is out of range: 0 (highest) to 7 is allowed")
        }
        if let affinity = execCPUAffinity {
            try validateNumberList(affinity.initial, at: { pointer.key("execCPUAffinity").key("initial") })
            try validateNumberList(affinity.final, at: { pointer.key("execCPUAffinity").key("final") })
        }
    }

    private static func fault(ofVariable entry: String) -> String? {
        let utf8 = entry.utf8
        if utf8.first == UInt8(ascii: "=") { return "has no name before the '='" }
        if !utf8.contains(UInt8(ascii: "=")) { return "is not of the form NAME=VALUE" }
        if utf8.contains(0) { return "has a NUL character" }
        return nil
    }

    private func validateLimits(at pointer: Pointer) throws(Failure) {
        for (index, limit) in rlimits.enumerated() {
            if let first = rlimits[..<index].firstIndex(where: { $0.type == limit.type }) {
                throw Failure(
                    at: pointer.index(index).key("type"),
                    "\(limit.type.rawValue) is limited twice, first by \(pointer.index(first))")
            }
            if limit.soft > limit.hard {
                throw Failure(
                    at: pointer.index(index).key("soft"),
                    "\(limit.soft) is more than the hard limit, \(limit.hard)")
            }
        }
    }
}

extension Scheduler {
    /// sched_setattr(2), and the kernel's __checkparam_dl().
    func validate(at pointer: Pointer) throws(Failure) {
        if let nice, !(-20...19).contains(nice) {
            throw Failure(at: pointer.key("nice"), "\(nice) is out of range: -20 to 19 is allowed")
        }
        let isRealTime = policy == .SCHED_FIFO || policy == .SCHED_RR
        let level = priority ?? 0
        if isRealTime, !(1...99).contains(level) {
            throw Failure(
                at: pointer.key("priority"),
                "\(policy.rawValue) needs a priority from 1 to 99, \(priority.map { "not \($0)" } ?? "but none is given")"
            )
        }
        if !isRealTime, level != 0 {
            throw Failure(
                at: pointer.key("priority"),
                "\(level) is only for SCHED_FIFO and SCHED_RR, the policy is \(policy.rawValue)")
        }
        let times = [("runtime", runtime), ("deadline", deadline), ("period", period)]
        if policy != .SCHED_DEADLINE {
            for (name, time) in times where (time ?? 0) != 0 {
                throw Failure(
                    at: pointer.key(name), "only for SCHED_DEADLINE, the policy is \(policy.rawValue)")
            }
            return
        }
        for (name, time) in times where (time ?? 0) > UInt64(Int64.max) {
            throw Failure(at: pointer.key(name), "\(time ?? 0) is out of range: 0 to \(Int64.max) is allowed")
        }
        let deadline = deadline ?? 0
        let runtime = runtime ?? 0
        if runtime < 1024 {
            throw Failure(
                at: pointer.key("runtime"), "SCHED_DEADLINE needs 1024 nanoseconds or more, not \(runtime)")
        }
        if deadline < runtime {
            throw Failure(at: pointer.key("deadline"), "\(deadline) is less than the runtime, \(runtime)")
        }
        if let period, period != 0, period < deadline {
            throw Failure(at: pointer.key("period"), "\(period) is less than the deadline, \(deadline)")
        }
    }
}
