import Diagnosis
import Kernel
import Seccomp

/// The seccomp filter of a container, kept for `exec`: compiling a profile of an engine takes longer than all else that
/// `exec` does.
extension StateDirectory {
    /// Flags and instructions, in the host's byte order. As trustworthy as config.json beside it, which has the profile.
    var filterPath: String { path + "/seccomp.bpf" }

    func save(_ filter: SeccompFilter) throws(Failure) {
        try Failure.blaming { () throws(SystemError) in
            try FileTree.replace(
                filterPath, with: filter.flags.nativeBytes + filter.instructions, mode: 0o600)
        }
    }

    /// `nil` if there is none, or none that could be: then the profile is compiled.
    var savedFilter: SeccompFilter? {
        guard let bytes = try? FileTree.read(filterPath), bytes.count > 4 else { return nil }
        let filter = SeccompFilter(
            instructions: Array(bytes[4...]), flags: UInt32(native: bytes[..<4]))
        return filter.isWellFormed ? filter : nil
    }
}
