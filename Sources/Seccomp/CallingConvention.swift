import CSeccomp
import Diagnosis
import OCISpec

/// One way of calling the kernel: an architecture with its table of system call numbers.
struct CallingConvention: Equatable {
    let architecture: SeccompProfile.Architecture
    /// libseccomp's name for it.
    let token: UInt32
    /// What the kernel puts in `seccomp_data.arch`. x86_64 and x32 share theirs.
    let audit: UInt32
    /// The numbers of socketcall(2) and ipc(2), if there are such calls.
    let multiplexers: [Int32]

    /// Set in the numbers of x32 calls (`__X32_SYSCALL_BIT`), clear in those of x86_64.
    private static let x32Bit: UInt32 = 0x4000_0000
    /// ARM has a few calls of its own, such as cacheflush, far above all others (`__ARM_NR_BASE`).
    private static let armPrivate: UInt32 = 0x0f_0000

    /// - Returns: `nil` if the libseccomp at hand does not know the architecture.
    init?(_ architecture: SeccompProfile.Architecture) {
        let token = seccomp_arch_resolve_name(architecture.libseccompName)
        if token == 0 { return nil }
        self.init(architecture, token: token)
    }

    private init(_ architecture: SeccompProfile.Architecture, token: UInt32) {
        self.architecture = architecture
        self.token = token
        audit = architecture == .SCMP_ARCH_X32 ? seccomp_arch_resolve_name("x86_64") : token
        multiplexers = ["socketcall", "ipc"].map { (name: String) in
            seccomp_syscall_resolve_name_arch(token, name)
        }
        .filter { $0 >= 0 }
    }

    /// `__AUDIT_ARCH_LE`.
    var isLittleEndian: Bool { token & 0x4000_0000 != 0 }

    /// The one this process runs in.
    static var native: CallingConvention? {
        let token = seccomp_arch_native()
        let architecture = SeccompProfile.Architecture.allCases.first {
            seccomp_arch_resolve_name($0.libseccompName) == token
        }
        return architecture.map { CallingConvention($0, token: token) }
    }

    /// The number of the system call of this name.
    ///
    /// Negative numbers are libseccomp's: -1 for a name it does not know, and pseudo numbers for calls
    /// that this convention lacks or has only as part of another (see `isMultiplexed`).
    func number(of name: String) -> Int32 { seccomp_syscall_resolve_name_arch(token, name) }

    /// Whether this convention makes the call with this pseudo number through socketcall(2) or ipc(2).
    /// libseccomp turns a rule about it into one about that call's first argument.
    func isMultiplexed(_ number: Int32) -> Bool {
        !multiplexers.isEmpty && number < -99 && number > -10000
    }

    /// The first number of this convention among those of the same `audit`.
    var firstNumber: UInt32 { architecture == .SCMP_ARCH_X32 ? Self.x32Bit : 0 }

    /// The numbers that belong to another convention of the same `audit`, if that is not in the filter.
    /// -1 is left out: by this number a tracer cancels a call.
    var foreignNumbers: Range<UInt32>? {
        architecture == .SCMP_ARCH_X86_64 ? Self.x32Bit..<UInt32.max : nil
    }

    /// Whether the number counts when looking for the newest call of a table.
    func isOrdinary(_ number: UInt32) -> Bool {
        architecture != .SCMP_ARCH_ARM || number < Self.armPrivate
    }

    /// The numbers that mean nothing to somebody who knows the calls up to `newest`, in ascending order.
    func unknownNumbers(above newest: UInt32) -> [ClosedRange<UInt32>] {
        func above(upTo last: UInt32) -> [ClosedRange<UInt32>] {
            newest < last ? [newest + 1...last] : []
        }
        switch architecture {
        case .SCMP_ARCH_X86_64:
            return above(upTo: Self.x32Bit - 1) + [0x8000_0000...0xbfff_ffff]
        case .SCMP_ARCH_X32:
            return above(upTo: 0x7fff_ffff) + [0xc000_0000...UInt32.max]
        case .SCMP_ARCH_ARM:
            return above(upTo: Self.armPrivate - 1)
        case .SCMP_ARCH_S390, .SCMP_ARCH_S390X:
            // Large numbers are passed in a register, and arrive as 0 if the kernel has no such call;
            // setup(2), which once was number 0, has been gone for decades.
            return [0...0] + above(upTo: UInt32.max)
        default:
            return above(upTo: UInt32.max)
        }
    }
}

extension SeccompProfile.Architecture {
    fileprivate var libseccompName: String { rawValue.dropFirst("SCMP_ARCH_".count).lowercased() }
}
