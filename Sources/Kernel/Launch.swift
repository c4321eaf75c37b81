import CKernel
import Diagnosis
import Glibc

/// What a child has in place of this process's descriptors 0, 1 and 2; `nil` leaves it the same.
public struct StandardReplacements: Sendable {
    public var input: Int32?
    public var output: Int32?
    public var error: Int32?

    public init(input: Int32? = nil, output: Int32? = nil, error: Int32? = nil) {
        self.input = input
        self.output = output
        self.error = error
    }
}

/// What ``Child/launch(_:)`` is to start.
public struct LaunchRequest: Sendable {
    /// CLONE_NEW* flags.
    public var flags: UInt64 = 0
    /// A cgroup v2 directory to be born in.
    public var cgroup: Int32?
    public var arguments: [String]
    public var environment: [String] = []
    public let program: Program
    /// Whether the child is to have no signal blocked, whatever this process has.
    public var clearsSignalMask = false
    /// Whether the child is to be kept from gaining privileges by exec, and all that come of it.
    public var noNewPrivileges = false
    /// Descriptors that stay open in the child, beside its standard ones.
    public var keep: [Int32] = []
    /// Replacements for descriptors 0, 1 and 2.
    public var stdio = StandardReplacements()

    public enum Program: Equatable, Sendable {
        /// An open descriptor.
        case descriptor(Int32)
        case path(String)
    }

    public init(executable: Int32, arguments: [String]) {
        program = .descriptor(executable)
        self.arguments = arguments
    }

    public init(path: String, arguments: [String]) {
        program = .path(path)
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

    /// clone3(2) and execveat(2), in C: see launch.h.
    ///
    /// Returns when the child has exec'd or ended; a failed exec ends it with status 126 and shows in
    /// `lastExecError`: ENOMEM or E2BIG where its cgroup has no memory left.
    public static func launch(_ request: LaunchRequest) throws(SystemError) -> Child {
        guard request.keep.count <= Int(LAUNCH_KEEP) else {
            throw SystemError("hand \(request.keep.count) descriptors to the stage", Errno(EMFILE))
        }
        let launch = record
        launch.pointee = CKernel.launch()
        launch.pointee.flags = request.flags
        launch.pointee.cgroup = request.cgroup ?? -1
        switch request.program {
        case .descriptor(let number): launch.pointee.exe = number
        case .path(let path):
            launch.pointee.exe = -1
            launch.pointee.path = UnsafePointer(strdup(path))
        }
        let arguments = copied(request.arguments)
        let environment = copied(request.environment)
        defer {
            free(UnsafeMutablePointer(mutating: launch.pointee.path))
            release(arguments)
            release(environment)
        }
        launch.pointee.argv = arguments
        launch.pointee.envp = environment
        launch.pointee.clear_mask = request.clearsSignalMask ? 1 : 0
        launch.pointee.no_new_privs = request.noNewPrivileges ? 1 : 0
        launch.pointee.stdio = (
            request.stdio.input ?? -1, request.stdio.output ?? -1, request.stdio.error ?? -1
        )
        launch.pointee.keep_count = UInt32(request.keep.count)
        withUnsafeMutableBytes(of: &launch.pointee.keep) { room in
            let numbers = room.bindMemory(to: Int32.self)
            for (index, number) in request.keep.enumerated() { numbers[index] = number }
        }
        let pid = launch_stage(launch)
        if pid < 0 { throw SystemError("clone3", Errno(-pid)) }
        return Child(pid: pid, pidfd: FileDescriptor(owning: launch.pointee.pidfd))
    }

    /// A process in namespaces of its own, that waits to be killed. It has no other use.
    ///
    /// - Parameter flags: CLONE_NEW*. A user namespace is made first, and owns the others.
    public static func holdNamespaces(_ flags: UInt64 = UInt64(CLONE_NEWUSER)) throws(SystemError) -> Child {
        let launch = record
        launch.pointee = CKernel.launch()
        launch.pointee.flags = flags
        let pid = launch_holder(launch)
        if pid < 0 { throw SystemError("clone3 with new namespaces", Errno(-pid)) }
        return Child(pid: pid, pidfd: FileDescriptor(owning: launch.pointee.pidfd))
    }

    /// A NULL-terminated array of C strings, for ``release(_:)``.
    private static func copied(_ strings: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
        let pointers = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = UnsafePointer(strdup(string)) }
        pointers[strings.count] = nil
        return UnsafePointer(pointers)
    }

    private static func release(_ strings: UnsafePointer<UnsafePointer<CChar>?>) {
        var next = strings
        while let string = next.pointee {
            free(UnsafeMutablePointer(mutating: string))
            next += 1
        }
        strings.deallocate()
    }

    /// Why the child launched last could not exec.
    public static var lastExecError: Errno? {
        let error = record.pointee.error
        return error == 0 ? nil : Errno(error)
    }

    // One launch at a time, in a process without threads.
    nonisolated(unsafe) private static let record = UnsafeMutablePointer<launch>.allocate(capacity: 1)
}
