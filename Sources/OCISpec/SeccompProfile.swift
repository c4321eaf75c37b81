/// config-linux.md, "Seccomp".
public struct SeccompProfile: Equatable, Sendable {
    public enum Action: String, CaseIterable, Sendable {
        case SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO,
            SCMP_ACT_TRACE, SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_NOTIFY
    }
    public enum Architecture: String, CaseIterable, Sendable {
        case SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64,
            SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64,
            SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC, SCMP_ARCH_PPC64, SCMP_ARCH_PPC64LE, SCMP_ARCH_S390,
            SCMP_ARCH_S390X, SCMP_ARCH_PARISC, SCMP_ARCH_PARISC64, SCMP_ARCH_RISCV64,
            SCMP_ARCH_LOONGARCH64, SCMP_ARCH_M68K, SCMP_ARCH_SH, SCMP_ARCH_SHEB
    }
    public enum Flag: String, CaseIterable, Sendable {
        case SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
            SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    }
    public enum Operator: String, CaseIterable, Sendable {
        case SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT,
            SCMP_CMP_MASKED_EQ
    }

    public struct Argument: Equatable, Sendable {
        /// 0 to 5.
        public var index: UInt32
        public var value: UInt64
        public var valueTwo: UInt64 = 0
        public var op: Operator
        public init(index: UInt32, value: UInt64, valueTwo: UInt64 = 0, op: Operator) {
            self.index = index
            self.value = value
            self.valueTwo = valueTwo
            self.op = op
        }
    }

    public struct Rule: Equatable, Sendable {
        public var names: [String]
        public var action: Action
        public var errnoRet: UInt32?
        public var args: [Argument] = []
        public init(names: [String], action: Action) {
            self.names = names
            self.action = action
        }
    }

    public var defaultAction: Action
    public var defaultErrnoRet: UInt32?
    public var architectures: [Architecture] = []
    /// `nil` if absent.
    public var flags: [Flag]?
    public var listenerPath: String?
    public var listenerMetadata: String?
    public var syscalls: [Rule] = []
    public init(defaultAction: Action) { self.defaultAction = defaultAction }
}
