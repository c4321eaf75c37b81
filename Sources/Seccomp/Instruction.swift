import CSeccomp

/// One instruction of a classic BPF program: `struct sock_filter` of linux/filter.h.
struct Instruction: Equatable {
    var code: UInt16
    /// How many instructions to skip if the condition holds, and if it does not.
    var ifTrue: UInt8 = 0
    var ifFalse: UInt8 = 0
    var operand: UInt32

    /// `sizeof(struct sock_filter)`.
    static let size = 8
    /// The longest program that the kernel takes (`BPF_MAXINSNS`).
    static let limit = 4096

    enum Field {
        /// `seccomp_data.nr` and `.arch`, by their offset.
        static let number: UInt32 = 0
        static let architecture: UInt32 = 4
    }

    enum Condition {
        case equal, greaterOrEqual
        fileprivate var code: Int32 {
            switch self {
            case .equal: BPF_JEQ
            case .greaterOrEqual: BPF_JGE
            }
        }
    }

    static func load(_ offset: UInt32) -> Instruction {
        Instruction(code: UInt16(BPF_LD | BPF_W | BPF_ABS), operand: offset)
    }
    static func jump(_ skip: UInt32) -> Instruction {
        Instruction(code: UInt16(BPF_JMP | BPF_JA), operand: skip)
    }
    static func branch(
        _ condition: Condition, _ operand: UInt32, ifTrue: UInt8, ifFalse: UInt8
    ) -> Instruction {
        Instruction(
            code: UInt16(BPF_JMP | condition.code | BPF_K), ifTrue: ifTrue, ifFalse: ifFalse,
            operand: operand)
    }
    static func `return`(_ verdict: Verdict) -> Instruction {
        Instruction(code: UInt16(BPF_RET | BPF_K), operand: verdict.rawValue)
    }

    /// Its bytes in the host's order, as the kernel wants them.
    func append(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: code) { bytes.append(contentsOf: $0) }
        bytes.append(ifTrue)
        bytes.append(ifFalse)
        withUnsafeBytes(of: operand) { bytes.append(contentsOf: $0) }
    }
}
