import CRIProto
import Diagnosis
import Glibc
import Kernel

/// The files of a pod that its containers get as `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf`.
///
/// kubelet mounts a hosts file of its own over ours; pods of others have this one.
struct PodFiles {
    /// The pod's directory; it is there already.
    var directory: String
    /// Before the paths of the host; for tests.
    var root = ""

    var hostname: String { directory + "/hostname" }
    var hosts: String { directory + "/hosts" }
    var resolver: String { directory + "/resolv.conf" }

    /// Writes those that can be before the pod is on the network: all but `/etc/hosts`.
    ///
    /// - Parameters:
    ///   - name: the pod's host name.
    ///   - dns: nil if the request has none.
    func write(
        name: String, dns: Runtime_V1_DNSConfig?, usesHostNetwork: Bool
    ) throws(Failure) {
        try check(name)
        let text = try ResolverConfiguration.text(dns, usesHostNetwork: usesHostNetwork, root: root)
        try put(Array((name + "\n").utf8), hostname)
        try put(text, resolver)
    }

    /// Writes `/etc/hosts`: that of the host for a pod on its network, else the loopback addresses and the pod's.
    ///
    /// - Parameter addresses: the pod's.
    func writeHosts(name: String, addresses: [String], usesHostNetwork: Bool) throws(Failure) {
        try check(name)
        if usesHostNetwork, let text = try hostText() { return try put(text, hosts) }
        var lines = [
            "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::0\tip6-localnet",
            "ff00::0\tip6-mcastprefix", "ff02::1\tip6-allnodes", "ff02::2\tip6-allrouters",
        ]
        if !name.isEmpty && !usesHostNetwork { lines += addresses.map { "\($0)\t\(name)" } }
        try put(Array(lines.map { $0 + "\n" }.joined().utf8), hosts)
    }

    private func hostText() throws(Failure) -> [UInt8]? {
        do throws(SystemError) {
            return try FileTree.read(root + "/etc/hosts")
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// Containers run as any user: all may read it, whatever the daemon's umask.
    private func put(_ bytes: [UInt8], _ path: String) throws(Failure) {
        try Failure.blaming { () throws(SystemError) in
            try FileTree.replace(path, with: bytes, mode: 0o644)
            try FileTree.changeMode(path, 0o644)
        }
    }

    private func check(_ name: String) throws(Failure) {
        let pointer = Pointer("/config/hostname")
        if name.utf8.count > 64 {
            throw Failure(at: pointer, "the name has \(name.utf8.count) bytes, the kernel's limit is 64")
        }
        if name.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7f }) {
            throw Failure(at: pointer, "the name has a space or a control character")
        }
    }
}
