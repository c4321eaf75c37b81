import Diagnosis
import Foundation
import Glibc
import Kernel

/// The directory with a directory for each registry, `certs.d`: who serves which registry's images.
///
/// It is read anew for each pull, so that a change needs no restart.
struct RegistryDirectory: Sendable {
    /// nil: there is none, and every registry is served by itself.
    var path: String?

    /// The servers of a registry, in the order they are to be asked.
    ///
    /// Its directory is `host_port_`, `host:port`, or else `_default`. In it is `hosts.toml`, or, as Docker has it,
    /// authorities in `*.crt` and a client's certificate in `*.cert` with `*.key`.
    func hosts(of registry: String) throws(ImageError) -> [RegistryHost] {
        guard let path else { return [.itself(registry)] }
        var names = [registry, "_default"]
        if let colon = registry.lastIndex(of: ":"), !registry.hasSuffix("]") {
            names.insert("\(registry[..<colon])_\(registry[registry.index(after: colon)...])_", at: 0)
        }
        for name in names {
            let directory = "\(path)/\(name)"
            if !FileTree.exists(directory) { continue }
            let file = "\(directory)/hosts.toml"
            guard FileTree.exists(file) else { return [try dockerStyle(directory, registry)] }
            let read = try HostsFile(try text(of: file), path: file, registry: registry)
            return read.mirrors + [read.server]
        }
        return [.itself(registry)]
    }

    private func text(of file: String) throws(ImageError) -> String {
        let limit = 1 << 20
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileDescriptor.open(file, O_RDONLY).readAll(limit: limit, name: file)
        } catch {
            throw ImageError(error)
        }
        guard bytes.count < limit else { throw ImageError(.invalid, doing: file, "has a mebibyte or more") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ImageError(.invalid, doing: file, "is not UTF-8")
        }
        return text
    }

    private func dockerStyle(_ directory: String, _ registry: String) throws(ImageError) -> RegistryHost {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw ImageError(.internal, doing: "read \(directory)", "\(error.localizedDescription)")
        }
        var host = RegistryHost.itself(registry)
        host.tls.authorities = names.filter { $0.hasSuffix(".crt") }.map { "\(directory)/\($0)" }
        let certificates = names.filter { $0.hasSuffix(".cert") }
        guard certificates.count < 2 else {
            throw ImageError(
                .invalid, doing: directory, "has \(certificates.count) client certificates; one is supported")
        }
        if let certificate = certificates.first {
            let key = certificate.dropLast("cert".count) + "key"
            guard names.contains(String(key)) else {
                throw ImageError(.invalid, doing: "\(directory)/\(certificate)", "has no \(key) beside it")
            }
            host.tls.client = RegistryHost.ClientPair(
                certificate: "\(directory)/\(certificate)", key: "\(directory)/\(key)")
        }
        // Who puts certificates there wants the connection encrypted, be it to this machine.
        if !host.tls.authorities.isEmpty || host.tls.client != nil { host.isSecure = true }
        return host
    }
}
