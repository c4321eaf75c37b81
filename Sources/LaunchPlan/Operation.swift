import CStage

/// One op in Swift's terms; see ops.def for what the operands of each opcode mean.
public struct Operation: Equatable, Sendable {
    public var code: UInt32
    public var flags: UInt32 = 0
    /// Error numbers on which the plan goes on.
    public var tolerated: [Int32] = []
    public var slots: (Int32, Int32) = (-1, -1)
    public var strings: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    public var numbers: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    public var length: UInt32 = 0

    public init(_ code: plan_opcode) { self.code = code.rawValue }

    /// The opcode's name, as the plan's listing has it.
    public var name: String { plan_opcode_name(code).map { String(cString: $0) } ?? "op \(code)" }

    public static func == (left: Operation, right: Operation) -> Bool {
        left.code == right.code && left.flags == right.flags && left.tolerated == right.tolerated
            && left.slots == right.slots && left.strings == right.strings && left.numbers == right.numbers
            && left.length == right.length
    }
}
