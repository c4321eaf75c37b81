import CRIConfiguration
import Diagnosis
import Glibc
import Kernel

/// Keeps a second daemon out of both directories, as long as this value lives.
final class DaemonLock: Sendable {
    private let root: FileLock
    private let run: FileLock

    /// Makes the directories if they are missing: `root` for root alone; through `run` the users of containers may
    /// pass, and not look around.
    init(_ configuration: Configuration) throws(Failure) {
        run = try Self.take(configuration.run, mode: 0o711, setting: "run")
        root = try Self.take(configuration.root, mode: 0o700, setting: "root")
    }

    private static func take(_ directory: String, mode: UInt32, setting: String) throws(Failure) -> FileLock {
        do throws(SystemError) {
            try FileTree.makeDirectories(directory, mode: mode)
            return try FileLock.take(directory + "/lock")
        } catch {
            let taken = error.errno == Errno(EWOULDBLOCK)
            throw Failure(
                .option(setting), error,
                remedy: taken ? "another apus-cri has this directory: stop it, or give this one its own" : nil
            )
        }
    }
}
