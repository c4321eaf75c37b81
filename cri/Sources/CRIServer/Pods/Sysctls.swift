import Diagnosis

/// Which kernel parameters belong to a namespace (namespaces(7), and kubelet's list of safe ones), so that a pod may set
/// its own without touching the host's.
enum Sysctls {
    private static let ofIPC: Set<String> = [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced",
    ]

    /// - Parameter written: with dots, or with slashes as sysctl(8) takes them, too.
    static func check(
        _ written: String, hasOwnNetwork: Bool, hasOwnIPC: Bool
    ) throws(CRIError) {
        let place = Pointer("/config/linux/sysctls").key(written)
        let slash = written.firstIndex(of: "/"), dot = written.firstIndex(of: ".")
        let usesSlashes = slash.map { slash in dot.map { slash < $0 } ?? true } ?? false
        let parts = written.split(separator: usesSlashes ? "/" : ".", omittingEmptySubsequences: false)
        guard parts.count > 1, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
            usesSlashes || !written.contains("/") || parts.first == "net"
        else { throw CRIError.invalid(place, "\"\(written)\" is no name of a kernel parameter") }
        let name = parts.joined(separator: ".")
        if parts[0] == "net" {
            guard hasOwnNetwork else {
                throw CRIError.invalid(
                    place, "\(written): the pod is in the host's network, whose parameters it must not change"
                )
            }
            return
        }
        if ofIPC.contains(name) || name.hasPrefix("fs.mqueue.") {
            guard hasOwnIPC else {
                throw CRIError.invalid(
                    place,
                    "\(written): the pod is in the host's IPC namespace, whose parameters it must not change")
            }
            return
        }
        throw CRIError.invalid(
            place, "\(written) is of no namespace: it would change the whole host",
            remedy: "pods can set net.*, kernel.shm*, kernel.msg*, kernel.sem and fs.mqueue.*")
    }
}
