import CKernel
import Diagnosis
import Glibc

/// A socket of rtnetlink(7). It belongs to the network namespace that it was made in.
public struct NetlinkSocket: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// In this process's network namespace.
    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try system("open a netlink socket") { apus_netlink_open() })
    }

    /// In another one. This process is in there for a moment.
    public init(in namespace: borrowing FileDescriptor) throws(SystemError) {
        let own = try FileDescriptor.open("/proc/thread-self/ns/net", O_RDONLY)
        let number = namespace.number
        _ = try system("enter the network namespace") { apus_setns(number, CLONE_NEWNET) }
        let opened = apus_netlink_open()
        let error = errno
        let home = own.number
        _ = try system("come back to the runtime's network namespace") { apus_setns(home, CLONE_NEWNET) }
        if opened < 0 { throw SystemError("open a netlink socket", Errno(error)) }
        descriptor = FileDescriptor(owning: opened)
    }

    public func send(_ bytes: [UInt8]) throws(SystemError) {
        let number = descriptor.number
        _ = try system("send to the kernel") {
            bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, 0) }
        }
    }

    /// One datagram of the kernel's.
    public func receive() throws(SystemError) -> [UInt8] {
        // The kernel's own are of 32 KiB at most.
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let number = descriptor.number
        let count = try system("receive from the kernel") {
            bytes.withUnsafeMutableBytes { apus_netlink_receive(number, $0.baseAddress, $0.count) }
        }
        guard count <= bytes.count else { throw SystemError("receive from the kernel", Errno(EMSGSIZE)) }
        return Array(bytes[..<count])
    }
}
