import CKernel
import Diagnosis
import Glibc

/// What ``Child/launch(_:)`` is to start.
public struct LaunchRequest: Sendable {
    /// CLONE_NEW* flags.
    public var flags: UInt64 = 0
    /// A cgroup v2 directory to be born in.
    public var cgroup: Int32?
    public var arguments: [String]
    /// The program: an open descriptor.
    public var executable: Int32
    /// Descriptors that stay open in the child, beside its standard ones.
    public var keep: [Int32] = []
    /// Replacements for descriptors 0, 1 and 2.
    public var stdio: [Int32?] = [nil, nil, nil]

    public init(executable: Int32, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }
}

/// A process started by this one, held by pidfd.
public struct Child: ~Copyable, Sendable {
    public let pid: Int32
    public let pidfd: FileDescriptor

    public init(pid: Int32, pidfd: consuming FileDescriptor) {
        self.pid = pid
        self.pidfd = pidfd
    }

    /// The pidfd alone.
    public consuming func takePidfd() -> FileDescriptor { pidfd }

    /// clone3(2) and execveat(2), in C: see launch.h. The child's environment is empty.
    ///
    /// Returns before the child has exec'd; a failed exec ends the child with status 126 and shows in
    /// `lastExecError`.
    public static func launch(_ request: LaunchRequest) throws(SystemError) -> Child {
        guard request.keep.count <= Int(LAUNCH_KEEP) else {
            throw SystemError("hand \(request.keep.count) descriptors to the stage", Errno(EMFILE))
        }
        // The child reads all of this until it execs, which nobody here can see happen: it is kept.
        let argv = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(
            capacity: request.arguments.count + 1)
        for (index, argument) in request.arguments.enumerated() {
            argv[index] = UnsafePointer(strdup(argument))
        }
        argv[request.arguments.count] = nil
        let envp = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: 1)
        envp[0] = nil
        let launch = record
        launch.pointee = CKernel.launch()
        launch.pointee.flags = request.flags
        launch.pointee.cgroup = request.cgroup ?? -1
        launch.pointee.exe = request.executable
        launch.pointee.argv = UnsafePointer(argv)
        launch.pointee.envp = UnsafePointer(envp)
        launch.pointee.stdio = (request.stdio[0] ?? -1, request.stdio[1] ?? -1, request.stdio[2] ?? -1)
        launch.pointee.keep_count = UInt32(request.keep.count)
        withUnsafeMutableBytes(of: &launch.pointee.keep) { room in
            let numbers = room.bindMemory(to: Int32.self)
            for (index, number) in request.keep.enumerated() { numbers[index] = number }
        }
        let pid = launch_stage(launch)
        if pid < 0 { throw SystemError("clone3", Errno(-pid)) }
        return Child(pid: pid, pidfd: FileDescriptor(owning: launch.pointee.pidfd))
    }

    /// A process in a user namespace of its own, that waits to be killed. It has no other use.
    public static func holdUserNamespace() throws(SystemError) -> Child {
        let launch = record
        launch.pointee = CKernel.launch()
        let pid = launch_holder(launch)
        if pid < 0 { throw SystemError("clone3 with CLONE_NEWUSER", Errno(-pid)) }
        return Child(pid: pid, pidfd: FileDescriptor(owning: launch.pointee.pidfd))
    }

    /// Why the child launched last could not exec, once it has ended.
    public static var lastExecError: Errno? {
        let error = record.pointee.error
        return error == 0 ? nil : Errno(error)
    }

    // One launch at a time, in a process without threads.
    nonisolated(unsafe) private static let record = UnsafeMutablePointer<launch>.allocate(capacity: 1)
}
