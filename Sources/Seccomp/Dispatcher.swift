/// The program in front of libseccomp's: finds the calling convention, decides the calls whose number says
/// enough, and passes on those that depend on their arguments.
///
/// libseccomp takes 8 ms for an everyday profile (430 calls, three calling conventions), more than the rest of
/// a container's start, and nearly all of it for rules without conditions; this way it is half a millisecond.
/// Runs of numbers with one verdict are one comparison here, found by bisection.
struct Dispatcher {
    /// One calling convention and, if the numbers do not say all, the program that decides the rest.
    struct Part {
        var table: CallTable
        var program: [UInt8]?
    }

    var parts: [Part]
    var defaultVerdict: Verdict
    var answersUnknown: Bool

    /// The dispatcher with the programs behind it.
    func assemble() -> [UInt8] {
        let programs = parts.compactMap(\.program)
        var length = programs.reduce(0) { $0 + $1.count / Instruction.size }
        var assembler = Assembler(inFrontOf: length)
        var entries: [Assembler.Label?] = []
        for part in parts {
            entries.append(part.program == nil ? nil : length)
            length -= (part.program?.count ?? 0) / Instruction.size
        }
        dispatch(to: entries, &assembler)

        var bytes: [UInt8] = []
        bytes.reserveCapacity(assembler.front * Instruction.size)
        for instruction in assembler.instructions { instruction.append(to: &bytes) }
        for program in programs { bytes += program }
        return bytes
    }

    private func dispatch(to entries: [Assembler.Label?], _ assembler: inout Assembler) {
        var audits: [UInt32] = []
        for part in parts where !audits.contains(part.table.convention.audit) {
            audits.append(part.table.convention.audit)
        }
        var blocks: [(audit: UInt32, label: Assembler.Label)] = []
        // The native convention is the first: its block is written last and stands nearest to its test.
        for audit in audits.reversed() {
            let members = parts.indices.filter { parts[$0].table.convention.audit == audit }
                .sorted { parts[$0].table.convention.firstNumber < parts[$1].table.convention.firstNumber }
            let steps = steps(of: members, entries)
            let start = search(steps[...], &assembler)
            assembler.continueAt(start)
            blocks.append((audit, assembler.write(.load(Instruction.Field.number))))
        }
        // Whatever is not in the profile's list is refused as by libseccomp (SCMP_FLTATR_ACT_BADARCH).
        var next = assembler.place(returning: .killThread)
        for block in blocks {
            next = assembler.branch(.equal, block.audit, then: block.label, else: next)
        }
        assembler.write(.load(Instruction.Field.architecture))
    }

    private enum Outcome: Equatable {
        case verdict(Verdict)
        case program(Assembler.Label)
    }

    /// From `start` up to the next step.
    private struct Step {
        var start: UInt32
        var outcome: Outcome
    }

    /// The fates of all numbers, for the parts that share an architecture, in the order of their numbers.
    private func steps(of members: [Int], _ entries: [Assembler.Label?]) -> [Step] {
        var steps: [Step] = []
        func step(_ start: UInt32, _ outcome: Outcome) {
            if steps.last?.start == start { steps.removeLast() }
            if let last = steps.last, last.outcome == outcome { return }
            steps.append(Step(start: start, outcome: outcome))
        }
        let spans = members.flatMap { parts[$0].table.spans(answeringUnknown: answersUnknown) }
            .sorted { $0.numbers.lowerBound < $1.numbers.lowerBound }
        // What holds where no span says otherwise.
        var grounds: [Step] = []
        for member in members {
            let convention = parts[member].table.convention
            let otherwise = entries[member].map(Outcome.program) ?? .verdict(defaultVerdict)
            grounds.append(Step(start: convention.firstNumber, outcome: otherwise))
            if member == members.last, let foreign = convention.foreignNumbers {
                grounds.append(Step(start: foreign.lowerBound, outcome: .verdict(.killThread)))
                grounds.append(Step(start: foreign.upperBound, outcome: otherwise))
            }
        }
        if grounds.first?.start != 0 {
            grounds.insert(Step(start: 0, outcome: .verdict(.killThread)), at: 0)
        }
        func ground(at number: UInt32) -> Outcome? { grounds.last { $0.start <= number }?.outcome }

        var marks = grounds.map(\.start)
        for span in spans {
            marks.append(span.numbers.lowerBound)
            if span.numbers.upperBound < UInt32.max { marks.append(span.numbers.upperBound + 1) }
        }
        marks.sort()
        var upcoming = spans[...]
        for mark in marks {
            while let span = upcoming.first, span.numbers.upperBound < mark { upcoming.removeFirst() }
            if let span = upcoming.first, span.numbers.contains(mark) {
                step(mark, .verdict(span.verdict))
            } else if let ground = ground(at: mark) {
                step(mark, ground)
            }
        }
        return steps
    }

    /// Writes the search for the accumulator's number among `steps`, the first of which starts at 0.
    private func search(_ steps: ArraySlice<Step>, _ assembler: inout Assembler) -> Assembler.Label {
        if steps.count <= 1 {
            switch steps.first?.outcome {
            case .program(let label): return label
            case .verdict(let verdict): return assembler.place(returning: verdict)
            case nil: return assembler.place(returning: defaultVerdict)
            }
        }
        let middle = steps.startIndex + steps.count / 2
        let upper = search(steps[middle...], &assembler)
        let lower = search(steps[..<middle], &assembler)
        return assembler.branch(.greaterOrEqual, steps[middle].start, then: upper, else: lower)
    }
}
