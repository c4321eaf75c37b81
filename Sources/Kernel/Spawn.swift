import CKernel
import Diagnosis
import Glibc

extension Child {
    /// posix_spawn(3): a program of the host, with default signal dispositions and an empty mask.
    ///
    /// - Parameters:
    ///   - arguments: the whole argv.
    ///   - environment: `nil` is the caller's own.
    ///   - input: what it gets as standard input.
    ///   - output: what it gets as standard output.
    ///   - errors: what it gets as standard error; `nil` is the same.
    ///   - apart: whether it is to lead a process group of its own, by which it can be killed with all that it
    ///     started, and to have no descriptor but these three, whatever a library of this process left open.
    public static func spawn(
        _ path: String, arguments: [String], environment: [String]?, input: Int32, output: Int32,
        errors: Int32? = nil, apart: Bool = false
    ) throws(SystemError) -> Child {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let group = apart ? POSIX_SPAWN_SETPGROUP : 0
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors ?? output, 2)
        if apart { _ = apus_spawn_close_from(&actions, 3) }

        let argv = CStrings(arguments)
        let envp = environment.map(CStrings.init)
        var pid: pid_t = 0
        let result = posix_spawn(&pid, path, &actions, &attributes, argv.pointers, envp?.pointers ?? environ)
        if result != 0 { throw SystemError("exec \(path)", Errno(result)) }
        do throws(SystemError) {
            return Child(pid: pid, pidfd: try ProcessControl.open(pid: pid))
        } catch {
            // For want of descriptors: nobody would know of it.
            kill(pid, SIGKILL)
            _ = ProcessControl.wait(pid: pid)
            throw error
        }
    }
}

/// A NULL-terminated array of C strings.
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
