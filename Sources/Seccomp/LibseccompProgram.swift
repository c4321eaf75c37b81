import CSeccomp
import Diagnosis
import OCISpec

/// A filter as libseccomp builds it (seccomp_init(3)). The context is freed with the value.
struct LibseccompProgram: ~Copyable {
    private let context: scmp_filter_ctx
    private var rules = 0

    /// A program that answers every call of the `conventions` with `verdict`, and kills the threads that
    /// call in another way.
    init(default verdict: Verdict, for conventions: [CallingConvention]) throws(Failure) {
        guard let context = seccomp_init(verdict.rawValue) else {
            throw Failure("libseccomp could not create a filter")
        }
        // The native one is there from the start.
        let native = seccomp_arch_native()
        var result: Int32 = 0
        for convention in conventions where convention.token != native && result == 0 {
            result = seccomp_arch_add(context, convention.token)
        }
        if result == 0 && !conventions.contains(where: { $0.token == native }) {
            result = seccomp_arch_remove(context, native)
        }
        if result != 0 {
            seccomp_release(context)
            throw Failure(.runtime, doing: "set the seccomp filter's architectures", errno: Errno(-result))
        }
        self.context = context
    }

    deinit { seccomp_release(context) }

    /// Adds a rule for the calls of which all `conditions` hold.
    ///
    /// - Parameter number: as the native architecture numbers the call, pseudo numbers included; libseccomp
    ///   translates it for the others.
    mutating func add(
        _ verdict: Verdict, number: Int32, where conditions: [SeccompProfile.Argument],
        at pointer: @autoclosure () -> Pointer
    ) throws(Failure) {
        let comparisons = conditions.map(\.comparison)
        let result = comparisons.withUnsafeBufferPointer {
            seccomp_rule_add_array(
                context, verdict.rawValue, number, UInt32(truncatingIfNeeded: $0.count), $0.baseAddress)
        }
        switch -result {
        case 0: rules += 1
        case EEXIST:
            throw Failure(at: pointer(), "an earlier rule for the same arguments has another action")
        case let error:
            throw Failure(
                .config(pointer()), doing: "add a rule to the seccomp filter", errno: Errno(error))
        }
    }

    /// The finished instructions.
    ///
    /// - Parameter asTree: look calls up in a binary tree rather than one by one
    ///   (`SCMP_FLTATR_CTL_OPTIMIZE`, libseccomp 2.5); by default for more than 32 rules.
    func export(asTree: Bool? = nil) throws(Failure) -> [UInt8] {
        // Without a single rule the tree of libseccomp 2.5 is broken.
        if asTree ?? (rules > 32), rules > 0 {
            // Refused by an older libseccomp, whose list does the same, more slowly.
            _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        }
        do throws(SystemError) {
            let file = try MemoryFile(named: "seccomp")
            let result = seccomp_export_bpf(context, file.descriptor)
            if result < 0 { throw SystemError("export the seccomp filter", Errno(-result)) }
            return try file.contents()
        } catch {
            throw Failure(.runtime, error)
        }
    }
}

extension SeccompProfile.Argument {
    fileprivate var comparison: scmp_arg_cmp {
        let comparison =
            switch op {
            case .SCMP_CMP_NE: SCMP_CMP_NE
            case .SCMP_CMP_LT: SCMP_CMP_LT
            case .SCMP_CMP_LE: SCMP_CMP_LE
            case .SCMP_CMP_EQ: SCMP_CMP_EQ
            case .SCMP_CMP_GE: SCMP_CMP_GE
            case .SCMP_CMP_GT: SCMP_CMP_GT
            case .SCMP_CMP_MASKED_EQ: SCMP_CMP_MASKED_EQ
            }
        // For SCMP_CMP_MASKED_EQ the first value is the mask, the second what to compare with.
        return scmp_arg_cmp(arg: index, op: comparison, datum_a: value, datum_b: valueTwo)
    }
}
