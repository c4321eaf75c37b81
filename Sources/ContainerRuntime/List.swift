import Diagnosis
import Glibc
import Kernel
import OCISpec

extension ContainerRuntime {
    /// All containers under the root, by ID, and those whose state cannot be read.
    ///
    /// A default root that does not exist is an empty one; a root that somebody named must be there.
    public func list() throws(Failure) -> (states: [State], failures: [(id: String, failure: Failure)]) {
        var states: [State] = []
        var failures: [(id: String, failure: Failure)] = []
        for name in try names() {
            let directory = StateDirectory(path: "\(settings.root)/\(name)")
            guard let status = try? FileTree.status(directory.path) else { continue }
            do throws(Failure) {
                let record = try directory.load()
                var state = record.state(try record.status(in: directory))
                state.owner = UserNames.name(of: status.owner)
                states.append(state)
            } catch {
                failures.append((name, error))
            }
        }
        return (states, failures)
    }

    /// The IDs under the root.
    func names() throws(Failure) -> [String] {
        do throws(SystemError) {
            return try FileTree.list(settings.root).sorted().filter {
                (try? FileTree.status("\(settings.root)/\($0)"))?.isDirectory == true
            }
        } catch  where error.errno == Errno(ENOENT) && !settings.rootIsExplicit {
            return []
        } catch {
            throw Failure(.option("--root"), error)
        }
    }

    /// The state of one container (runtime.md, "Query State").
    public func state(_ id: String) throws(Failure) -> State {
        let (directory, record) = try load(id)
        return record.state(try record.status(in: directory))
    }
}

/// Names of the host's users.
enum UserNames {
    /// By /etc/passwd alone: a name service would have to be loaded. The number, if there is no name.
    static func name(of uid: UInt32) -> String {
        let wanted = String(uid)
        guard let bytes = try? FileTree.read("/etc/passwd") else { return wanted }
        for line in bytes.split(separator: 0x0a) {
            let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false)
            if fields.count > 2, String(decoding: fields[2], as: UTF8.self) == wanted {
                return String(decoding: fields[0], as: UTF8.self)
            }
        }
        return wanted
    }
}
