import Diagnosis
import OCISpec

/// What a profile says of the calls of one calling convention: which of them are decided by their number
/// alone, and which rules libseccomp has to turn into comparisons of arguments.
struct CallTable {
    let convention: CallingConvention
    private var verdicts: [UInt32: Verdict] = [:]
    private var newest: UInt32 = 0
    private var delegates: [Delegate] = []

    /// A rule about one call for libseccomp to compile.
    private struct Delegate {
        /// As this convention numbers the call, and as the native one does.
        var number: Int32
        var native: Int32
        var verdict: Verdict
        var conditions: [SeccompProfile.Argument]
        var place: RulePlace
    }

    /// - Parameter capacity: how many calls the profile names.
    init(_ convention: CallingConvention, capacity: Int) {
        self.convention = convention
        verdicts.reserveCapacity(capacity)
    }

    /// Notes that the profile speaks of the call with this number, whatever it says.
    mutating func note(_ number: Int32) {
        guard let number = UInt32(exactly: number), convention.isOrdinary(number) else { return }
        newest = max(newest, number)
    }

    /// Adds a rule for a call that is made if all conditions of one of the `alternatives` hold, or in any
    /// case if there are none.
    ///
    /// - Parameters:
    ///   - number: of the call in this convention; a call that it lacks has no effect.
    ///   - native: of the call in the native convention.
    mutating func add(
        _ verdict: Verdict, number: Int32, native: Int32, alternatives: [[SeccompProfile.Argument]],
        at place: RulePlace
    ) {
        var delegated = convention.isMultiplexed(number)
        if number >= 0 {
            if alternatives.isEmpty {
                // An earlier rule without conditions stays.
                let key = UInt32(bitPattern: number)
                if verdicts[key] == nil { verdicts[key] = verdict }
            }
            // Even if the multiplexer as such is decided, libseccomp has to know, or it would see
            // contradictions among the calls made through it.
            delegated = !alternatives.isEmpty || convention.multiplexers.contains(number)
        }
        if !delegated { return }
        for conditions in alternatives.isEmpty ? [[]] : alternatives {
            delegates.append(
                Delegate(
                    number: number, native: native, verdict: verdict, conditions: conditions, place: place))
        }
    }

    /// libseccomp's program for what the numbers do not decide, or `nil` if they decide all.
    ///
    /// Each convention has a program of its own, and only with calls that it has: given a call that an
    /// architecture lacks, libseccomp 2.5 can forget to load the number before it compares it. It is also
    /// far quicker.
    func program(default verdict: Verdict, at pointer: Pointer) throws(Failure) -> [UInt8]? {
        let rules = delegates.filter {
            $0.number < 0 || verdicts[UInt32(bitPattern: $0.number)] == nil
                || convention.multiplexers.contains($0.number)
        }
        if rules.isEmpty { return nil }
        var program = try LibseccompProgram(default: verdict, for: [convention])
        for rule in rules {
            try program.add(
                rule.verdict, number: rule.native, where: rule.conditions, at: rule.place.pointer(in: pointer)
            )
        }
        return try program.export()
    }

    /// A run of numbers of one fate.
    struct Span: Equatable {
        var numbers: ClosedRange<UInt32>
        var verdict: Verdict
    }

    /// The numbers decided, in ascending order.
    ///
    /// - Parameter answeringUnknown: whether the numbers above the newest that the profile speaks of are
    ///   answered with ENOSYS. A profile that speaks of no call of this convention has no newest one, and
    ///   nor has one that speaks only of number 0 (as runc counts).
    func spans(answeringUnknown: Bool) -> [Span] {
        var unknown: [ClosedRange<UInt32>] = []
        if answeringUnknown && newest != 0 { unknown = convention.unknownNumbers(above: newest) }
        var spans = unknown.map { Span(numbers: $0, verdict: .notImplemented) }
        for (number, verdict) in verdicts where !unknown.contains(where: { $0.contains(number) }) {
            spans.append(Span(numbers: number...number, verdict: verdict))
        }
        spans.sort { $0.numbers.lowerBound < $1.numbers.lowerBound }
        return spans
    }
}

/// Where a name stands in a profile. Written out as a pointer only when something is wrong with it.
struct RulePlace {
    var rule: Int
    var name: Int

    func pointer(in profile: Pointer) -> Pointer {
        profile.key("syscalls").index(rule).key("names").index(name)
    }
}
