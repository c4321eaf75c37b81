import Kernel

extension DeviceFilter {
    /// The filter as a program of type BPF_PROG_TYPE_CGROUP_DEVICE. It gets a `struct bpf_cgroup_dev_ctx` and
    /// answers 1 to let the access in.
    ///
    /// Rules are tried from the last to the first. Register 3 holds the kinds of access that are still
    /// undecided: a rule that allows takes its own away, one that denies answers 0 if it finds any of them. All
    /// compares are of 32 bits, since an immediate operand would be sign-extended to 64 (Linux 5.1).
    ///
    /// A test that holds jumps over a jump to the next rule, where its opposite would do with one instruction:
    /// the verifier follows the way without a jump first. So it comes to each rule with nothing known about the
    /// request, and finds the ways on which a number is known to lead to states it has seen. The other way round
    /// it would walk the rest of the program for each test, and give up on some hundreds of rules.
    var instructions: [BPFInstruction] {
        var code: [BPFInstruction] = [
            .load32(2, from: 1, offset: 0),
            .move32(3, 2),
            .and32(2, 0xffff),
            .shiftRight32(3, 16),
            .load32(4, from: 1, offset: 4),
            .load32(5, from: 1, offset: 8),
        ]
        for rule in rules.reversed() {
            let decision = Self.decision(of: rule)
            var tests: [(register: UInt8, value: Int32)] = []
            if let kind = rule.kind { tests.append((2, kind.rawValue)) }
            if let major = rule.major { tests.append((4, Int32(bitPattern: major))) }
            if let minor = rule.minor { tests.append((5, Int32(bitPattern: minor))) }
            for (position, test) in tests.enumerated() {
                let skipped = 2 * (tests.count - position - 1) + decision.count
                code.append(.jumpIfEqual32(test.register, test.value, skipping: 1))
                code.append(.jump(skipping: Int16(skipped)))
            }
            code += decision
            // Nothing gets past such a rule, and the kernel refuses programs with unreachable code.
            if rule.isTotal { return code }
        }
        return code + Self.answer(false)
    }

    private static func decision(of rule: Rule) -> [BPFInstruction] {
        if rule.access == .all { return answer(rule.allow) }
        let access = Int32(rule.access.rawValue)
        if rule.allow {
            return [.and32(3, ~access), .jumpIfNotEqual32(3, 0, skipping: 2)] + answer(true)
        }
        return [.jumpIfAnySet32(3, access, skipping: 1), .jump(skipping: 2)] + answer(false)
    }

    private static func answer(_ allowed: Bool) -> [BPFInstruction] {
        [.move32(0, immediate: allowed ? 1 : 0), .exit]
    }
}
