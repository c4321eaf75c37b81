import Diagnosis
import Glibc
import Kernel

/// Programs of the host that a verb needs.
enum HostProgram {
    /// Looks a name up in PATH.
    static func find(_ name: String) -> String? {
        for directory in (Environment["PATH"] ?? "").split(separator: ":") where directory.hasPrefix("/") {
            let path = "\(directory)/\(name)"
            if let status = try? FileTree.status(path), !status.isDirectory, status.mode & 0o111 != 0 {
                return path
            }
        }
        return nil
    }

    /// How a program ended, and what it wrote to its standard output and error.
    struct Outcome {
        /// `nil` if its end was not seen.
        var status: ExitStatus?
        var output: String

        /// What to say of an end that is not a success.
        var complaint: String {
            let words = output.last == "\n" ? output.dropLast() : output[...]
            switch status {
            case .exited(let code): return "exit status \(code): \(words)"
            case .killed(let signal): return "killed by signal \(signal): \(words)"
            case nil: return "its end was not seen"
            }
        }
    }

    /// Runs one to its end.
    ///
    /// - Parameter arguments: the whole argv.
    static func run(
        _ path: String, _ arguments: [String], origin: Failure.Origin = .runtime
    ) throws(Failure) -> Outcome {
        ProcessControl.resetChildSignal()
        return try Failure.blaming(origin) { () throws(SystemError) in
            let nothing = try FileDescriptor.open("/dev/null", O_RDONLY)
            let pipe = try Pipe.make()
            let child = try Child.spawn(
                path, arguments: arguments, environment: nil, input: nothing.number,
                output: pipe.writeNumber)
            let bytes = try pipe.takeReadEnd().readAll(name: "the output of \(path)")
            return Outcome(
                status: ProcessControl.wait(pid: child.pid), output: String(decoding: bytes, as: UTF8.self))
        }
    }
}
