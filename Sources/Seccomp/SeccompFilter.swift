import CSeccomp
import Diagnosis
import OCISpec

/// A seccomp profile compiled for the kernel: what seccomp(2) takes with `SECCOMP_SET_MODE_FILTER`.
public struct SeccompFilter: Equatable, Sendable {
    /// An array of `struct sock_filter`, in the host's byte order.
    public var instructions: [UInt8]
    /// The `SECCOMP_FILTER_FLAG_` bits.
    public var flags: UInt32
    /// Whether seccomp(2) makes a listener for it, which answers calls with the verdict `SCMP_ACT_NOTIFY`.
    public var hasListener: Bool { flags & Self.newListener != 0 }
    static let newListener = UInt32(SECCOMP_FILTER_FLAG_NEW_LISTENER)

    /// The number of instructions, at most 4096 (`BPF_MAXINSNS`).
    public var count: Int { instructions.count / Instruction.size }

    /// Whether it has the size of a filter that the kernel may take.
    public var isWellFormed: Bool {
        instructions.count % Instruction.size == 0 && (1...Instruction.limit).contains(count)
    }

    public init(instructions: [UInt8], flags: UInt32) {
        self.instructions = instructions
        self.flags = flags
    }

    /// The architectures that the libseccomp at hand has tables for, in the specification's order.
    public static var architectures: [SeccompProfile.Architecture] {
        SeccompProfile.Architecture.allCases.filter { CallingConvention($0) != nil }
    }

    /// The libseccomp at hand.
    public static var libraryVersion: String {
        (Int32(0)...2).map { String(apus_seccomp_version($0)) }.joined(separator: ".")
    }

    /// Compiles `linux.seccomp` (config-linux.md, "Seccomp"), with the effects it has in runc:
    ///
    /// - The host's own architecture is always part of the filter; calls through one that is not are
    ///   answered by killing the thread.
    /// - Names that libseccomp does not know are skipped, and so are rules that say the same as the default.
    /// - A rule without conditions beats those with conditions on the same call, and an earlier one a later.
    /// - If two conditions of a rule look at the same argument, each condition is a rule of its own.
    /// - Without a field `flags`, speculation mitigations are not forced on (`SPEC_ALLOW`).
    /// - A flag of listeners has no effect on a filter that needs none.
    /// - Unless the default permits calls, those newer than the newest that the profile names get ENOSYS,
    ///   so that a libc newer than the profile falls back to what the profile does know.
    ///
    /// - Parameters:
    ///   - profile: the value of the field.
    ///   - pointer: where it stands.
    ///   - refusesUnknown: whether a name that libseccomp does not know is an error.
    ///   - host: the kernel that is to run the filter.
    /// - Throws: a `Failure` that points to the field, element or name that cannot be honoured.
    public static func compile(
        _ profile: SeccompProfile, at pointer: Pointer, refusingUnknown refusesUnknown: Bool = false,
        host: SeccompHost = .detect()
    ) throws(Failure) -> SeccompFilter {
        try host.requireFilters(at: pointer)
        let rules = try RuleSet(profile, refusesUnknown: refusesUnknown, host: host, at: pointer)
        let flags = try combine(profile.flags, notifies: rules.notifies, host: host, at: pointer)
        var parts: [Dispatcher.Part] = []
        for table in rules.tables {
            let program = try table.program(default: rules.defaultVerdict, at: pointer)
            parts.append(Dispatcher.Part(table: table, program: program))
        }
        let dispatcher = Dispatcher(
            parts: parts, defaultVerdict: rules.defaultVerdict, answersUnknown: rules.answersUnknown)
        let filter = SeccompFilter(instructions: dispatcher.assemble(), flags: flags)
        if filter.count > Instruction.limit {
            throw Failure(
                at: pointer,
                "the profile needs \(filter.count) instructions; the kernel takes \(Instruction.limit)",
                remedy: "list fewer architectures or fewer conditions on arguments")
        }
        return filter
    }

    /// A filter that somebody else has compiled.
    ///
    /// - Parameters:
    ///   - flags: the profile's, which stands at `pointer`.
    ///   - hasListener: whether there is an agent, for calls that the filter may leave to one.
    public static func ready(
        _ instructions: [UInt8], flags: [SeccompProfile.Flag]?, hasListener: Bool, at pointer: Pointer,
        host: SeccompHost = .detect()
    ) throws(Failure) -> SeccompFilter {
        try host.requireFilters(at: pointer)
        return SeccompFilter(
            instructions: instructions,
            flags: try combine(flags, notifies: hasListener, host: host, at: pointer))
    }

    private static func combine(
        _ flags: [SeccompProfile.Flag]?, notifies: Bool, host: SeccompHost, at pointer: Pointer
    ) throws(Failure) -> UInt32 {
        var bits = notifies ? newListener : 0
        guard let flags else {
            let usual = SeccompProfile.Flag.SECCOMP_FILTER_FLAG_SPEC_ALLOW
            return host.flags.contains(usual) ? bits | usual.rawFlag : bits
        }
        for (position, flag) in flags.enumerated() {
            if !host.flags.contains(flag) {
                throw Failure(
                    at: pointer.key("flags").index(position), "the kernel does not know \(flag.rawValue)",
                    remedy: "it came with Linux \(flag.firstKernel)")
            }
            if flag.isOfListeners && !notifies { continue }
            bits |= flag.rawFlag
            // Without it both would be results: the listener, and a thread that did not follow.
            if flag == .SECCOMP_FILTER_FLAG_TSYNC && notifies {
                bits |= UInt32(SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
            }
        }
        return bits
    }
}
