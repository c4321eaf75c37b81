import Diagnosis
import Glibc
import Kernel

/// How ready the kernel is to kill this process for want of memory (proc_pid_oom_score_adj(5)).
struct KillerScore {
    static let path = "/proc/self/oom_score_adj"
    private static let wanted = "-999"
    /// Of a pod's PID 1, whose end is that of all its containers.
    static let ofPause = "-998"
    /// What it was, and is to be for what this process starts; `nil` if it may not be lowered here, or was as low.
    private let former: String?

    /// Lowers it, where that is allowed: without CAP_SYS_RESOURCE it stays.
    init() {
        guard let former = try? FileTree.readText(Self.path), let number = Int(former), number > -999,
            (try? FileTree.write(Self.wanted, to: Self.path)) != nil
        else {
            self.former = nil
            return
        }
        self.former = former
    }

    /// Does `body`, whose children are to be killed as readily as before.
    func lifted<Result: ~Copyable>(
        _ body: () throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        guard let former else { return try body() }
        try FileTree.write(former, to: Self.path)
        defer { try? FileTree.write(Self.wanted, to: Self.path) }
        return try body()
    }
}
