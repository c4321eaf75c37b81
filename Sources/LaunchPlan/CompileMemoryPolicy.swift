import CStage
import Diagnosis
import OCISpec

extension Compiler {
    /// set_mempolicy(2): the process has to do it itself, when its cpuset says which nodes there are for it. What it
    /// execs inherits the policy, and it must not depend on what the profile lets through.
    mutating func setMemoryPolicy() throws(Failure) {
        guard let policy = config.linux?.memoryPolicy else { return }
        let pointer = Pointer("/linux/memoryPolicy")
        var words: [UInt64] = []
        for range in NumberList(policy.nodes ?? "")?.ranges ?? [] {
            guard range.upperBound < Self.nodeLimit else {
                throw Failure(
                    at: pointer.key("nodes"),
                    "\(range.upperBound) is out of range: 0 to \(Self.nodeLimit - 1) is allowed")
            }
            let missing = Int(range.upperBound / 64) + 1 - words.count
            if missing > 0 { words += [UInt64](repeating: 0, count: missing) }
            for node in range { words[Int(node / 64)] |= 1 << UInt64(node % 64) }
        }
        var op = Operation(PLAN_MEMORY_POLICY)
        op.numbers.0 = policy.flags.reduce(policy.mode.number) { $0 | $1.number }
        op.length = UInt32(words.count)
        if !words.isEmpty {
            var bytes: [UInt8] = []
            for word in words { bytes.appendNative(word) }
            op.strings.0 = builder.blob(bytes)
        }
        let nodes = policy.nodes.map { ": \($0)" } ?? ""
        builder.step(op, .config(pointer), "set the memory policy \(policy.mode.rawValue)\(nodes)")
    }

    /// CONFIG_NODES_SHIFT ends at 10: no kernel has more.
    private static let nodeLimit: UInt32 = 1024
}

extension MemoryPolicy.Mode {
    /// MPOL_* of the kernel's interface.
    fileprivate var number: UInt64 {
        switch self {
        case .MPOL_DEFAULT: 0
        case .MPOL_PREFERRED: 1
        case .MPOL_BIND: 2
        case .MPOL_INTERLEAVE: 3
        case .MPOL_LOCAL: 4
        case .MPOL_PREFERRED_MANY: 5
        case .MPOL_WEIGHTED_INTERLEAVE: 6
        }
    }
}

extension MemoryPolicy.Flag {
    fileprivate var number: UInt64 {
        switch self {
        case .MPOL_F_NUMA_BALANCING: 1 << 13
        case .MPOL_F_RELATIVE_NODES: 1 << 14
        case .MPOL_F_STATIC_NODES: 1 << 15
        }
    }
}
