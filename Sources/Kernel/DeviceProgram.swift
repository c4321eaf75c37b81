import CKernel
import Diagnosis
import Glibc

/// A loaded eBPF program that guards a cgroup's devices (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
public struct DeviceProgram: ~Copyable {
    private let descriptor: FileDescriptor

    private init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Hands the program to the kernel's verifier. Needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the
    /// initial user namespace.
    public static func load(_ instructions: [BPFInstruction]) throws(SystemError) -> DeviceProgram {
        // A signal can interrupt the verifier.
        var attempts = 10
        var answer = loadOnce(instructions)
        while answer == .failure(Errno(EAGAIN)), attempts > 0 {
            attempts -= 1
            answer = loadOnce(instructions)
        }
        if answer == .failure(Errno(EPERM)) {
            // Before Linux 5.11 a program counts as locked memory.
            var limit = (soft: UInt64(0), hard: UInt64(0))
            if apus_raise_memory_lock(&limit.soft, &limit.hard) == 0 {
                answer = loadOnce(instructions)
                // The container would inherit it.
                apus_restore_memory_lock(limit.soft, limit.hard)
            }
        }
        switch answer {
        case .success(let number): return DeviceProgram(FileDescriptor(owning: number))
        case .failure(let error):
            var doing = "load the device filter of \(instructions.count) instructions"
            if let verdict = verdict(on: instructions) { doing += " (verifier: \(verdict))" }
            throw SystemError(doing, error)
        }
    }

    /// Makes it the only device program of the cgroup; those of its ancestors apply too, as ever.
    ///
    /// A single older program is replaced in one step; several are taken off once this one is there.
    public func attach(to cgroup: borrowing FileDescriptor) throws(SystemError) {
        let (directory, program) = (cgroup.number, descriptor.number)
        let old = try Self.attached(to: cgroup)
        if old.count == 1, let replaced = try Self.open(old[0]) {
            let number = replaced.number
            _ = try system("replace the device filter") {
                apus_device_program_attach(directory, program, number)
            }
            return
        }
        try attachBeside(others: cgroup)
        for id in old { try Self.detach(id, from: cgroup) }
    }

    /// Every program of a cgroup has to allow an access.
    func attachBeside(others cgroup: borrowing FileDescriptor) throws(SystemError) {
        let (directory, program) = (cgroup.number, descriptor.number)
        _ = try system("attach the device filter") { apus_device_program_attach(directory, program, -1) }
    }

    /// Takes every device program off the cgroup.
    public static func detachAll(from cgroup: borrowing FileDescriptor) throws(SystemError) {
        for id in try attached(to: cgroup) { try detach(id, from: cgroup) }
    }

    /// The IDs of the cgroup's own device programs.
    ///
    /// - Throws: EINVAL if the kernel has no CONFIG_CGROUP_BPF, EPERM without CAP_NET_ADMIN.
    public static func attached(to cgroup: borrowing FileDescriptor) throws(SystemError) -> [UInt32] {
        let directory = cgroup.number
        // The kernel attaches at most 64.
        var ids = [UInt32](repeating: 0, count: 64)
        var count = UInt32(ids.count)
        _ = try system("query the device filters") { apus_device_program_query(directory, &ids, &count) }
        return Array(ids.prefix(Int(count)))
    }

    private static func detach(_ id: UInt32, from cgroup: borrowing FileDescriptor) throws(SystemError) {
        guard let program = try open(id) else { return }
        let (directory, number) = (cgroup.number, program.number)
        do throws(SystemError) {
            _ = try system("detach the old device filter") { apus_device_program_detach(directory, number) }
        } catch  where error.errno == Errno(ENOENT) {
            // Somebody else did.
        }
    }

    /// `nil` if it is gone.
    private static func open(_ id: UInt32) throws(SystemError) -> FileDescriptor? {
        do throws(SystemError) {
            return FileDescriptor(
                owning: try system("open the old device filter") { apus_device_program_open(id) })
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        }
    }

    private enum Answer: Equatable {
        case success(Int32)
        case failure(Errno)
    }

    private static func loadOnce(_ instructions: [BPFInstruction]) -> Answer {
        let number = instructions.withUnsafeBytes {
            apus_device_program_load($0.baseAddress, UInt32(clamping: instructions.count), nil, 0)
        }
        return number >= 0 ? .success(number) : .failure(Errno(errno))
    }

    /// The verifier's last complaint, if it has one.
    private static func verdict(on instructions: [BPFInstruction]) -> String? {
        var log = [CChar](repeating: 0, count: 1 << 16)
        let number = instructions.withUnsafeBytes { program in
            log.withUnsafeMutableBufferPointer { log in
                apus_device_program_load(
                    program.baseAddress, UInt32(clamping: instructions.count), log.baseAddress,
                    UInt32(log.count))
            }
        }
        if number >= 0 { close(number) }
        let text = log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let lines = text.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
        return lines.last { !$0.hasPrefix("processed ") && !$0.hasPrefix("verification time") }
    }
}
