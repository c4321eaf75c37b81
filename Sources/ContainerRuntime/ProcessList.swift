import Cgroups
import Diagnosis
import Glibc
import Kernel

extension ContainerRuntime {
    /// The pids of a container's processes, as the host sees them; in the kernel's order.
    public func processes(_ id: String) throws(Failure) -> [Int32] {
        let (_, record) = try load(id)
        return try record.pids()
    }

    /// What the host's ps(1) says of a container's processes: its head line, and the lines of these processes.
    ///
    /// - Parameter options: for ps; none stands for `-ef`.
    public func processTable(_ id: String, options: [String]) throws(Failure) -> String {
        let pids = Set(try processes(id))
        return try ProcessTable.lines(
            of: pids, in: try ProcessTable.output(options.isEmpty ? ["-ef"] : options))
    }
}

/// The table that ps(1) prints.
enum ProcessTable {
    /// The head line and the lines whose column PID is one of `pids`, each with its line feed.
    static func lines(of pids: Set<Int32>, in output: String) throws(Failure) -> String {
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
        guard let head = lines.first, let column = fields(head).firstIndex(of: "PID") else {
            throw Failure(
                "couldn't find PID field in ps output", remedy: "add the column pid to the options of ps")
        }
        var text = "\(head)\n"
        for line in lines.dropFirst() where !line.isEmpty {
            let fields = fields(line)
            guard column < fields.count, let pid = Int32(fields[column]) else {
                throw Failure("unable to parse pid: \"\(line)\"")
            }
            if pids.contains(pid) { text += "\(line)\n" }
        }
        return text
    }

    private static func fields(_ line: Substring) -> [Substring] {
        line.split { $0 == " " || $0 == "\t" }
    }

    /// Runs the host's ps.
    static func output(_ options: [String]) throws(Failure) -> String {
        guard let path = HostProgram.find("ps") else {
            throw Failure(
                doing: "exec: \"ps\"", reason: "executable file not found in $PATH",
                remedy: "install it (procps), or use --format json")
        }
        let outcome = try HostProgram.run(path, ["ps"] + options)
        guard outcome.status == .exited(0) else { throw Failure(doing: path, reason: outcome.complaint) }
        return outcome.output
    }
}
