import Cgroups
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import OCISpec

/// Runs the hooks of one kind, in their order, each with the container's state on its standard input.
struct HookRunner {
    let kind: HookKind
    let state: State
    /// Starts hooks of the kinds that run in the container's namespaces; `nil` for the others.
    var inContainer:
        ((_ hook: Hook, _ position: Int, _ stdio: StandardReplacements) throws(Failure) -> Stage)?
    /// Where hooks of these kinds are to be, if they cannot be born there.
    var cgroup: ContainerCgroup?
    var trace: Trace?

    /// - Throws: the failure of the first hook that fails; the ones after it do not run.
    func run(_ hooks: [Hook]) throws(Failure) {
        for (position, hook) in hooks.enumerated() { try run(hook, position) }
    }

    private func run(_ hook: Hook, _ position: Int) throws(Failure) {
        let pointer = Pointer("/hooks").key(kind.rawValue).index(position)
        let origin = Failure.Origin.config(pointer)
        let doing = "run \(hook.path)"
        trace?.begin("\(kind.rawValue) hook \(hook.path)", origin)
        // Hooks read to the end of it, and need not read at all: a file serves better than a pipe.
        let input = try Failure.blaming(origin) { () throws(SystemError) in
            try MemoryFile.readable("apus-state", Array(state.hookJSON().utf8))
        }
        let output = try Failure.blaming(origin) { () throws(SystemError) in try Pipe.make() }
        let files = DescriptorTable()
        let annotations = RuntimeAnnotations(state.annotations)
        let (out, errors) = (
            try Self.open(annotations.hookOutput, "stdout", files) ?? output.writeNumber,
            try Self.open(annotations.hookErrors, "stderr", files) ?? output.writeNumber
        )

        let process: RunningHook
        if let inContainer {
            let stage = try inContainer(
                hook, position, StandardReplacements(input: input.number, output: out, error: errors))
            guard
                try stage.proceed({ (action) throws(Failure) in
                    if action == .joinCgroup { try cgroup?.add(pid: stage.pid) }
                }) == .closed, stage.hasReachedExec
            else { throw stage.diagnose() }
            process = .staged(stage)
        } else {
            let child = try Failure.blaming(origin) { () throws(SystemError) in
                try Child.spawn(
                    hook.path, arguments: hook.args.isEmpty ? [hook.path] : hook.args, environment: hook.env,
                    input: input.number, output: out, errors: errors)
            }
            process = .spawned(pid: child.pid, handle: child.takePidfd().release())
        }
        let collector = OutputCollector(output.takeReadEnd())
        // A year stands for all that is longer: the sum must not overflow.
        let deadline = hook.timeout.map { Poll.now() + min($0, 365 * 86_400) * 1000 }
        let ended = try collector.collect(until: process.pidfd, deadline: deadline)
        if !ended { process.kill() }
        let status = process.reap()
        if !ended {
            throw Failure(
                origin, doing: doing,
                reason: "hook ran past specified timeout of \(hook.timeout ?? 0).0s\(collector.quoted)")
        }
        switch status {
        case .exited(0): trace?.end()
        case .exited(let code):
            throw Failure(origin, doing: doing, reason: "exit status \(code)\(collector.quoted)")
        case .killed(let signal):
            throw Failure(origin, doing: doing, reason: "killed by signal \(signal)\(collector.quoted)")
        case nil:
            throw Failure(origin, doing: doing, reason: "its end was not seen")
        }
    }
}

extension HookRunner {
    /// A file that a hook's output is appended to, by the annotation of that stream. Relative to the bundle, as the
    /// working directory is.
    private static func open(
        _ path: String?, _ stream: String, _ files: DescriptorTable
    ) throws(Failure) -> Int32? {
        guard let path else { return nil }
        let origin = Failure.Origin.config(Pointer("/annotations").key("run.oci.hooks.\(stream)"))
        return files.keep(
            try Failure.blaming(origin) { () throws(SystemError) in
                try FileDescriptor.open(path, O_CREAT | O_WRONLY | O_APPEND | O_NOCTTY, mode: 0o600)
            })
    }
}

extension ContainerRecord {
    /// Hooks of the host run in the bundle's directory, whichever verb runs them. A bundle that is gone keeps no
    /// poststop hook from cleaning up.
    func enterBundle() { try? WorkingDirectory.change(to: bundle) }
}

/// A hook's process.
private enum RunningHook {
    case spawned(pid: Int32, handle: Int32)
    case staged(Stage)

    var pidfd: Int32 {
        switch self {
        case .spawned(_, let handle): handle
        case .staged(let stage): stage.pidfdNumber
        }
    }

    func kill() {
        switch self {
        case .spawned(let pid, _): try? ProcessControl.signal(pid: pid, SIGKILL)
        case .staged(let stage): stage.kill()
        }
    }

    func reap() -> ExitStatus? {
        switch self {
        case .spawned(let pid, let handle):
            _ = FileDescriptor(owning: handle)
            return ProcessControl.wait(pid: pid)
        case .staged(let stage): return stage.wait()
        }
    }
}

/// What a hook prints, as far as an error message can show it.
private final class OutputCollector {
    private let pipe: FileDescriptor
    private var bytes: [UInt8] = []
    private static let limit = 4096

    init(_ pipe: consuming FileDescriptor) { self.pipe = pipe }

    /// Reads until the process ends. Its own children may hold the pipe for longer; nobody waits for them.
    ///
    /// - Returns: whether it ended in time.
    func collect(until pidfd: Int32, deadline: Int?) throws(Failure) -> Bool {
        var isOpen = true
        while true {
            let left = deadline.map { max(0, $0 - Poll.now()) }
            let ready = try Failure.blaming { () throws(SystemError) in
                try Poll.readable(isOpen ? [pidfd, pipe.number] : [pidfd], timeout: left)
            }
            if isOpen && ready[1] {
                isOpen = try readSome()
                continue
            }
            if ready[0] { return true }
            if left != nil { return false }
        }
    }

    private func readSome() throws(Failure) -> Bool {
        let some = try Failure.blaming { () throws(SystemError) in try pipe.read(4096) }
        if bytes.count < Self.limit { bytes += some.prefix(Self.limit - bytes.count) }
        return !some.isEmpty
    }

    var quoted: String {
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        return text.isEmpty ? "" : ", output: \(text)"
    }
}
