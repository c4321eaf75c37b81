import Diagnosis
import OCISpec

/// A profile, checked and sorted by calling convention.
struct RuleSet {
    /// One for each calling convention, the native one first.
    private(set) var tables: [CallTable] = []
    let defaultVerdict: Verdict
    /// Whether calls newer than the profile get ENOSYS.
    let answersUnknown: Bool
    /// Whether some call is for a listener to answer.
    private(set) var notifies: Bool

    private let native: CallingConvention
    private let refusesUnknown: Bool

    /// - Throws: a `Failure` at the first field below `pointer` that cannot be honoured.
    init(
        _ profile: SeccompProfile, refusesUnknown: Bool = false, host: SeccompHost, at pointer: Pointer
    ) throws(Failure) {
        self.refusesUnknown = refusesUnknown
        defaultVerdict = try Verdict(
            profile.defaultAction, profile.defaultErrnoRet, host: host, at: pointer, "defaultAction",
            "defaultErrnoRet")
        answersUnknown = !defaultVerdict.isPermissive && defaultVerdict != .notImplemented
        notifies = defaultVerdict == .notify
        guard let native = CallingConvention.native else {
            throw Failure(at: pointer, "libseccomp does not know the architecture of this host")
        }
        self.native = native
        let capacity = profile.syscalls.reduce(0) { $0 + $1.names.count }
        tables.append(CallTable(native, capacity: capacity))
        for (position, architecture) in profile.architectures.enumerated() {
            try add(architecture, capacity, at: pointer.key("architectures").index(position))
        }
        for (position, rule) in profile.syscalls.enumerated() {
            try add(rule, position, host: host, at: pointer.key("syscalls").index(position))
        }
    }

    private mutating func add(
        _ architecture: SeccompProfile.Architecture, _ capacity: Int, at pointer: Pointer
    ) throws(Failure) {
        guard let convention = CallingConvention(architecture) else {
            throw Failure(at: pointer, "\(architecture.rawValue) is not supported by this libseccomp")
        }
        if convention.isLittleEndian != native.isLittleEndian {
            throw Failure(
                at: pointer,
                "\(architecture.rawValue) is of another byte order than this host, which cannot run its programs",
                remedy: "remove it from the list")
        }
        if tables.contains(where: { $0.convention == convention }) { return }
        tables.append(CallTable(convention, capacity: capacity))
    }

    private mutating func add(
        _ rule: SeccompProfile.Rule, _ position: Int, host: SeccompHost, at pointer: Pointer
    ) throws(Failure) {
        let verdict = try Verdict(
            rule.action, rule.errnoRet, host: host, at: pointer, "action", "errnoRet")
        for (argument, condition) in rule.args.enumerated() where condition.index > 5 {
            throw Failure(
                at: pointer.key("args").index(argument).key("index"),
                "there is no argument \(condition.index); a system call has six, from 0 to 5")
        }
        let alternatives = Self.alternatives(rule.args)
        for (element, name) in rule.names.enumerated() {
            if name.isEmpty || name.utf8.contains(0) {
                throw Failure(
                    at: pointer.key("names").index(element), "\"\(name)\" is no name of a system call")
            }
            let number = native.number(of: name)
            // Not known to libseccomp for any architecture.
            if number == -1 {
                guard refusesUnknown else { continue }
                throw Failure(
                    at: pointer.key("names").index(element), "libseccomp knows no system call \"\(name)\"",
                    remedy: "remove it, or the annotation run.oci.seccomp_fail_unknown_syscall")
            }
            if verdict == .notify { notifies = true }
            for index in tables.indices {
                let its = index == 0 ? number : tables[index].convention.number(of: name)
                tables[index].note(its)
                if verdict == defaultVerdict { continue }
                tables[index].add(
                    verdict, number: its, native: number, alternatives: alternatives,
                    at: RulePlace(rule: position, name: element))
            }
        }
    }

    /// The sets of conditions of which one has to hold; none for a rule without conditions.
    private static func alternatives(
        _ arguments: [SeccompProfile.Argument]
    ) -> [[SeccompProfile.Argument]] {
        if arguments.isEmpty { return [] }
        // libseccomp compares an argument once a rule.
        if Set(arguments.map(\.index)).count < arguments.count { return arguments.map { [$0] } }
        return [arguments]
    }
}
