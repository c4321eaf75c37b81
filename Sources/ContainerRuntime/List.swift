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
        var users = UserNames()
        for name in try entries() {
            guard let status = status(ofEntry: name) else { continue }
            let directory = StateDirectory(path: "\(settings.root)/\(name)")
            do throws(Failure) {
                let record = try directory.load()
                var state = record.state(try record.status(in: directory))
                state.owner = users.name(of: status.owner)
                states.append(state)
            } catch {
                failures.append((name, error))
            }
        }
        return (states, failures)
    }

    /// The IDs under the root.
    func names() throws(Failure) -> [String] { try entries().filter { status(ofEntry: $0) != nil } }

    /// Of a directory under the root; `nil` for anything else.
    private func status(ofEntry name: String) -> FileStatus? {
        guard let status = try? FileTree.status("\(settings.root)/\(name)"), status.isDirectory else {
            return nil
        }
        return status
    }

    private func entries() throws(Failure) -> [String] {
        do throws(SystemError) {
            return try FileTree.list(settings.root).sorted()
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

/// Names of the host's users, by /etc/passwd alone: a name service would have to be loaded.
struct UserNames {
    /// Those asked for already: all containers may be of one user.
    private var known: [(uid: UInt32, name: String)] = []

    /// The number, if there is no name.
    mutating func name(of uid: UInt32) -> String {
        if let user = known.first(where: { $0.uid == uid }) { return user.name }
        let name = Self.search(uid) ?? String(uid)
        known.append((uid, name))
        return name
    }

    private static func search(_ uid: UInt32) -> String? {
        guard let bytes = try? FileTree.read("/etc/passwd") else { return nil }
        let wanted = String(uid)
        for line in bytes.split(separator: 0x0a) {
            let fields = line.split(separator: 0x3a, maxSplits: 3, omittingEmptySubsequences: false)
            if fields.count > 2, fields[2].elementsEqual(wanted.utf8) {
                return String(decoding: fields[0], as: UTF8.self)
            }
        }
        return nil
    }
}
