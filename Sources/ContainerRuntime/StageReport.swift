import CStage
import Diagnosis
import Glibc
import Kernel
import LaunchPlan

/// What the stage's report page says. The stage may have died half-way through writing it, and what runs
/// after the stage may have got at it: every number is checked.
struct StageReport {
    let state: UInt32
    let step: Int
    let call: UInt32
    let errno: Errno?
    let fault: UInt32
    /// The seccomp listener's descriptor in the stage, once there is one.
    let listener: Int32?
    let detail: String

    init(_ page: [UInt8]) {
        func word(_ position: Int) -> UInt32 {
            guard page.count >= position * 4 + 4 else { return 0 }
            return UInt32(native: page[(position * 4)..<(position * 4 + 4)])
        }
        state = word(0)
        step = Int(word(1))
        call = word(2)
        let error = Int32(truncatingIfNeeded: word(3))
        errno = error > 0 && error < 4096 ? Errno(error) : nil
        fault = word(4)
        let listenerOffset = MemoryLayout<stage_report>.offset(of: \.listener) ?? 24
        let number = Int32(truncatingIfNeeded: word(listenerOffset / 4))
        listener = number < 0 || state == REPORT_FRESH.rawValue ? nil : number
        let start = MemoryLayout<stage_report>.offset(of: \.detail) ?? 28
        let length = min(Int(word(5)), Int(REPORT_DETAIL), max(0, page.count - start))
        var text = String(
            decoding: page[min(start, page.count)..<min(start + length, page.count)], as: UTF8.self)
        // It may end up in somebody's terminal.
        text.unicodeScalars.removeAll { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) }
        detail = text
    }

    var hasFailed: Bool { state == REPORT_FAILED.rawValue }

    /// What went wrong, in terms of the plan.
    ///
    /// - Parameter status: how the stage ended, if it has.
    func failure(of plan: Plan, status: ExitStatus?) -> Failure {
        guard state != REPORT_FRESH.rawValue, plan.steps.indices.contains(step) else {
            if let error = Child.lastExecError {
                // Two short arguments are no long list: it is their page that there was no memory for.
                let errno = error == Errno(E2BIG) ? Errno(ENOMEM) : error
                return Failure(.runtime, doing: "exec the stage", errno: errno)
            }
            if hasFailed && !detail.isEmpty { return Failure("the stage refused its plan: \(detail)") }
            return Failure("the stage ended before its first step\(Self.describe(status))")
        }
        let step = plan.steps[step]
        guard hasFailed else {
            if case .killed(signal: SIGSYS) = status {
                return Failure(
                    step.origin, doing: step.doing,
                    reason: "killed by SIGSYS: the seccomp profile does not allow what this takes")
            }
            return Failure(
                step.origin, doing: step.doing, reason: "the process ended\(Self.describe(status))")
        }
        if step.op.code == PLAN_LOOKUP.rawValue { return lookupFailure(step) }
        var doing = step.doing
        if let call = stage_syscall_name(call).map({ String(cString: $0) }), errno != nil, fault == 0 {
            doing += ": \(call)"
        }
        let reason = Self.faults[fault].map { detail.isEmpty ? $0 : "\(detail): \($0)" } ?? detail
        return Failure(
            step.origin, doing: doing, errno: fault == 0 ? errno : nil, reason: reason,
            remedy: step.remedy(for: errno))
    }

    /// Container engines know a missing executable by these words.
    private func lookupFailure(_ step: Plan.Step) -> Failure {
        let name = step.doing.dropFirst("exec: \"".count).dropLast()
        // Of a bare name these are what the directories of PATH said.
        let isAbsent = errno == nil || errno == Errno(ENOENT) || errno == Errno(ENOTDIR)
        guard let errno, !isAbsent || name.contains("/") else {
            return Failure(step.origin, doing: step.doing, reason: "executable file not found in $PATH")
        }
        if errno == Errno(ENOENT) || errno == Errno(ENOTDIR) {
            return Failure(step.origin, doing: "\(step.doing): stat \(name)", errno: errno)
        }
        // What execve(2) says of a directory, and what callers look for.
        if errno == Errno(EISDIR) {
            return Failure(step.origin, doing: "\(step.doing): is a directory", errno: Errno(EACCES))
        }
        return Failure(step.origin, doing: step.doing, errno: errno)
    }

    private static func describe(_ status: ExitStatus?) -> String {
        switch status {
        case .exited(let code): " with status \(code)"
        case .killed(let signal): " by signal \(signal)"
        case nil: ""
        }
    }

    private static let faults: [UInt32: String] = [
        FAULT_PLAN.rawValue: "the launch plan does not verify",
        FAULT_ESCAPED.rawValue: "the target was exchanged while it was being mounted",
        FAULT_NOT_DIRECTORY.rawValue: "not a directory",
        FAULT_IS_DIRECTORY.rawValue: "is a directory, and the source is not a directory",
        FAULT_LINK_TARGET.rawValue: "must be a real directory, reached through no symbolic link",
        FAULT_IN_PROC.rawValue: "cannot be mounted because it is inside /proc",
        FAULT_NOT_NULL.rawValue: "/dev/null of the container is not the null device",
        FAULT_WRONG_DEVICE.rawValue: "exists, and is another file or device",
        FAULT_WRONG_LINK.rawValue: "exists, and is another file or link",
        FAULT_CWD_OUTSIDE.rawValue:
            "current working directory is outside of container mount namespace root -- possible container breakout detected",
        FAULT_NOT_PROC.rawValue: "not on the host's procfs",
        FAULT_NO_EXECUTABLE.rawValue: "executable file not found in $PATH",
        FAULT_NOT_MOUNT.rawValue: "not a mount point",
        FAULT_TOO_DEEP.rawValue: "is deeper in other directories than the 64 that are copied",
        FAULT_RUNTIME_GONE.rawValue: "the runtime went away",
    ]
}
