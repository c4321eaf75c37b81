import Diagnosis
import Glibc
import Kernel
import OCISpec

/// `ROOT/ID`: all that is known of a container between two commands.
struct StateDirectory: Sendable {
    let path: String

    var recordPath: String { path + "/state.json" }
    /// There as long as the container waits for its start.
    var fifoPath: String { path + "/exec.fifo" }
    var reportPath: String { path + "/report" }
    /// A copy of config.json, for those verbs to come that need more of it than the record holds: the bundle's
    /// may have changed by then.
    var configPath: String { path + "/config.json" }

    /// What is bound on /run/notify.
    var notifyPath: String { path + "/notify" }

    /// Makes it; it being there already is how two containers of one ID are told.
    func make() throws(Failure) {
        do throws(SystemError) {
            // The containers' own users may pass through it, and not look around.
            do throws(SystemError) {
                try FileTree.makeDirectory(path, mode: 0o711)
            } catch  where error.errno == Errno(ENOENT) {
                let root = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
                try FileTree.makeDirectories(root, mode: 0o700)
                try FileTree.makeDirectory(path, mode: 0o711)
            }
            try FileTree.changeMode(path, 0o711)
        } catch  where error.errno == Errno(EEXIST) {
            throw Failure("container with given ID already exists: \(path)")
        } catch {
            throw Failure(.option("--root"), error)
        }
    }

    /// The record, or `container does not exist`.
    func load() throws(Failure) -> ContainerRecord {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileTree.read(recordPath, limit: 64 << 20)
        } catch  where error.errno == Errno(ENOENT) || error.errno == Errno(ENOTDIR) {
            throw Failure("container does not exist", remedy: nil)
        } catch {
            throw Failure(.runtime, error)
        }
        do throws(Failure) {
            return try ContainerRecord(json: bytes)
        } catch {
            throw Failure("\(recordPath) is damaged: \(error)", remedy: "delete the container with --force")
        }
    }

    func save(_ record: ContainerRecord) throws(Failure) {
        do throws(SystemError) {
            try FileTree.replace(recordPath, with: record.json, mode: 0o600)
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// Takes it away with all that is in it.
    func remove() throws(Failure) {
        // All that there is as a rule, so that nobody has to look; the record goes last.
        for file in [configPath, filterPath, reportPath, recordPath] { try? FileTree.unlink(file) }
        if (try? FileTree.removeDirectory(path)) != nil { return }
        do throws(SystemError) {
            if FileTree.exists(notifyPath) {
                for name in try FileTree.list(notifyPath) { try FileTree.unlink("\(notifyPath)/\(name)") }
                try FileTree.removeDirectory(notifyPath)
            }
            for name in try FileTree.list(path) { try FileTree.unlink("\(path)/\(name)") }
            try FileTree.removeDirectory(path)
        } catch  where error.errno == Errno(ENOENT) {
            // Somebody else was as quick.
        } catch {
            throw Failure(.runtime, error)
        }
    }

    var exists: Bool { FileTree.exists(path) }
}
