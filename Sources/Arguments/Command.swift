/// A command: its line in help, its operands and its options.
public struct Command: Equatable, Sendable {
    /// A word that is not an option.
    public struct Operand: Equatable, Sendable {
        /// The placeholder in help.
        public var name: String
        public var isOptional: Bool
        /// This one and any number of further words.
        public var isRepeated: Bool

        init(_ name: String, isOptional: Bool = false, isRepeated: Bool = false) {
            self.name = name
            self.isOptional = isOptional
            self.isRepeated = isRepeated
        }
    }

    public var verb: Verb
    /// One sentence, without a capital and a full stop.
    public var summary: String
    /// Paragraphs for the command's own help.
    public var details: [String]
    public var operands: [Operand]
    public var flags: [Flag]
    /// Whether every word after the first operand is an operand too, even one that starts with a dash:
    /// those words belong to another program.
    public var stopsAtOperand: Bool

    init(
        _ verb: Verb, _ summary: String, details: [String] = [], operands: [Operand] = [], flags: [Flag] = [],
        stopsAtOperand: Bool = false
    ) {
        self.verb = verb
        self.summary = summary
        self.details = details
        self.operands = operands
        self.flags = flags
        self.stopsAtOperand = stopsAtOperand
    }

    /// The least number of operands.
    public var minimum: Int { operands.count(where: { !$0.isOptional }) }

    /// The greatest number of operands; `nil` if there is none.
    public var maximum: Int? { operands.contains(where: { $0.isRepeated }) ? nil : operands.count }
}

/// Every command, by the word that names it.
public enum Verb: String, CaseIterable, Sendable {
    case checkpoint, create, delete, events, exec, features, help, kill, list, mounts, pause, plan, ps,
        restore,
        resume, run, spec, start, state, update, version
}
