import CKernel
import Diagnosis
import Glibc

extension NamespaceFile {
    /// setns(2) of the calling thread.
    ///
    /// - Parameter type: CLONE_NEW*.
    public static func enter(_ path: String, type: Int32) throws(SystemError) {
        let file = try FileDescriptor.open(path, O_RDONLY)
        let number = file.number
        _ = try system("enter \(path)") { apus_setns(number, type) }
    }

    /// Root of the user namespace that this process, with one thread, has entered: it has not become anybody by that.
    public static func becomeRoot() throws(SystemError) {
        _ = try system("become root of the user namespace") { apus_set_root_ids() }
    }

    /// Keeps a namespace by a mount on a new file (mount(2), MS_BIND).
    public static func pin(_ name: String, ofProcess pid: Int32, at path: String) throws(SystemError) {
        do {
            _ = try FileDescriptor.open(path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o444)
        }
        do throws(SystemError) {
            let bind: UInt = 4096
            _ = try system("pin the \(name) namespace at \(path)") {
                apus_mount("/proc/\(pid)/ns/\(name)", path, bind)
            }
        } catch {
            _ = Glibc.unlink(path)
            throw error
        }
    }

    /// Undoes it, if it was done.
    public static func unpin(_ path: String) {
        _ = umount2(path, Int32(MNT_DETACH))
        _ = Glibc.unlink(path)
    }
}

/// The names of a UTS namespace (uts_namespaces(7)).
public enum HostName {
    /// sethostname(2).
    public static func set(_ name: String) throws(SystemError) {
        _ = try system("set the host name to \"\(name)\"") { sethostname(name, name.utf8.count) }
    }

    /// setdomainname(2).
    public static func setDomain(_ name: String) throws(SystemError) {
        _ = try system("set the domain name to \"\(name)\"") { setdomainname(name, name.utf8.count) }
    }
}
