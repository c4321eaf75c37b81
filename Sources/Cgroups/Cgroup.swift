import Diagnosis
import Glibc
import Kernel

/// A container's cgroup in the cgroup v2 tree (cgroups(7), cgroup-v2.rst).
///
/// The value is a name: it may outlive the cgroup, and what asks for the state of one that is gone finds no
/// processes in it.
public struct Cgroup: Equatable, Sendable {
    /// The absolute path of the directory.
    public let path: String

    /// The cgroup at a path that ``create(cgroupsPath:id:limits:on:)`` once gave.
    public init(path: String) { self.path = path }

    /// The directory, for CLONE_INTO_CGROUP (clone3(2), Linux 5.7): the child is born in the cgroup.
    public func directory() throws(Failure) -> FileDescriptor {
        do throws(SystemError) {
            return try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// Moves a process into the cgroup, where it could not be born in it.
    public func add(pid: Int32) throws(Failure) {
        let file = file("cgroup.procs")
        var attempts = 5
        while true {
            do throws(SystemError) {
                return try FileTree.write(String(pid), to: file)
            } catch {
                // A process that is only just being made cannot be moved yet.
                attempts -= 1
                if error.errno == Errno(EINVAL), attempts > 0 {
                    usleep(10_000)
                    continue
                }
                throw Failure(.runtime, SystemError("move process \(pid) into \(path)", error.errno))
            }
        }
    }

    /// Whether the cgroup's processes are stopped, or being stopped, by `cgroup.freeze`. One read.
    ///
    /// `false` if there is no such cgroup.
    public func isFrozen() throws(Failure) -> Bool {
        do throws(SystemError) {
            return try CoreFile.text(file("cgroup.freeze")).hasPrefix("1")
        } catch  where error.isAbsence {
            return false
        } catch {
            throw Failure(.runtime, error)
        }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

extension SystemError {
    /// There is no such cgroup: ENOENT on opening a file, ENODEV on one that was opened before.
    var isAbsence: Bool { errno == Errno(ENOENT) || errno == Errno(ENODEV) }
}
