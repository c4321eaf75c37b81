/// Writes a program from its end to its start.
///
/// Classic BPF jumps only forwards, so that in this order every target is known when a jump to it is
/// written. A conditional jump reaches 255 instructions; what is farther away gets a stepping stone.
struct Assembler {
    /// A place in the program: the number of instructions from there to the end.
    typealias Label = Int

    private var backwards: [Instruction] = []
    private let tail: Int
    private var returns: [Verdict: Label] = [:]
    private var steps: [Label: Label] = [:]

    /// - Parameter tail: the length of the program that this one is put in front of.
    init(inFrontOf tail: Int) { self.tail = tail }

    /// Where the program in the back starts.
    var back: Label { tail }
    /// The instruction written last, which is the first of the program so far.
    var front: Label { tail + backwards.count }

    var instructions: ReversedCollection<[Instruction]> { backwards.reversed() }

    /// Writes an instruction that runs on into what was written before it.
    @discardableResult
    mutating func write(_ instruction: Instruction) -> Label {
        backwards.append(instruction)
        return front
    }

    /// A place that ends the program with `verdict`: an earlier one, if it is near.
    mutating func place(returning verdict: Verdict) -> Label {
        if let label = returns[verdict], front - label < 250 { return label }
        let label = write(.return(verdict))
        returns[verdict] = label
        return label
    }

    /// Writes a comparison of the accumulator and continues at one of two places.
    mutating func branch(
        _ condition: Instruction.Condition, _ operand: UInt32, then: Label, else other: Label
    ) -> Label {
        // The second stepping stone pushes the first target one farther away.
        let then = near(then, within: 254)
        let other = near(other, within: 255)
        // Both distances are within 0...255: labels lie behind the front, and `near` sees to the rest.
        return write(
            .branch(
                condition, operand, ifTrue: UInt8(truncatingIfNeeded: front - then),
                ifFalse: UInt8(truncatingIfNeeded: front - other)))
    }

    /// Makes `label` what an instruction written next runs on into.
    mutating func continueAt(_ label: Label) {
        if label != front { write(.jump(UInt32(truncatingIfNeeded: front - label))) }
    }

    private mutating func near(_ label: Label, within reach: Int) -> Label {
        if front - label <= reach { return label }
        if let step = steps[label], front - step <= reach { return step }
        let step = write(.jump(UInt32(truncatingIfNeeded: front - label)))
        steps[label] = step
        return step
    }
}
