import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// The filter, which is made for the capabilities that the container has.
    mutating func compileSeccomp() throws(SpecificationError) {
        var (choice, pointer) = try ProfileChoice.parse(
            security.hasSeccomp ? security.seccomp : nil, at: Self.securityContext.key("seccomp"),
            deprecated: security.seccompProfilePath, at: Self.securityContext.key("seccomp_profile_path"))
        if choice == .unset, input.options.unsetSeccomp == .runtimeDefault {
            (choice, pointer) = (.runtimeDefault, Self.securityContext.key("seccomp"))
        }
        if choice == .unset || choice == .unconfined { return }
        if security.privileged {
            warn(pointer, "privileged containers have no seccomp filter")
            return
        }
        guard input.host.hasSeccomp else {
            throw SpecificationError(at: pointer, "the kernel has no seccomp (CONFIG_SECCOMP)")
        }
        if case .localhost(let name) = choice {
            linux.seccomp = try loadProfile(try profilePath(name, at: pointer), at: pointer)
        } else if let path = input.options.defaultSeccompProfile {
            linux.seccomp = try loadProfile(path, at: pointer)
        } else {
            linux.seccomp = DefaultSeccomp.profile(for: capabilities, machine: input.host.machine)
        }
    }

    private func profilePath(_ name: String, at pointer: Pointer) throws(SpecificationError) -> String {
        if name.hasPrefix("/") { return name }
        guard let root = input.options.seccompRoot else {
            throw SpecificationError(at: pointer, "\(quoted(name)) is not an absolute path")
        }
        if name.split(separator: "/").contains("..") {
            throw SpecificationError(at: pointer, "\(quoted(name)) leads out of \(root)")
        }
        return cleanPath(root + "/" + name)
    }

    /// A `linux.seccomp` object of the runtime's specification in a file of its own.
    private func loadProfile(_ path: String, at pointer: Pointer) throws(SpecificationError) -> SeccompProfile
    {
        let limit = 4 << 20
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try input.files.read(path, limit: limit)
        } catch {
            throw SpecificationError(at: pointer, error, remedy: "put the profile there, on every node")
        }
        if bytes.count == limit {
            throw SpecificationError(at: pointer, "\(path) has \(limit) bytes or more: that is no profile")
        }
        do throws(Failure) {
            try SeccompFile.refuseDialect(bytes)
            guard let profile = try SeccompFile.decode(bytes) else {
                throw Failure(at: "/defaultAction", "required, but missing")
            }
            return profile
        } catch {
            throw SpecificationError(at: pointer, "\(path): \(error)")
        }
    }
}

/// A profile on disk.
enum SeccompFile {
    /// By the decoder of config.json, so that what is good there is good here.
    static func decode(_ bytes: [UInt8]) throws(Failure) -> SeccompProfile? {
        // Alone first: a document that closes the object early would else be one with what is put around it.
        var reader = try JSONReader(bytes, limit: Config.maximumSize)
        try reader.skip()
        try reader.finish()
        let before = Array(#"{"ociVersion":"1.1.0","linux":{"seccomp":"#.utf8)
        do throws(Failure) {
            return try Config.decode(before + bytes + Array("}}".utf8)).linux?.seccomp
        } catch {
            var failure = error
            if case .config(let pointer) = failure.origin {
                failure.origin = .config(pointer.relative(to: "/linux/seccomp"))
            }
            throw failure
        }
    }

    /// Docker's and Podman's own profiles have rules for some architectures and capabilities alone. To read them
    /// without their conditions would allow more than their author meant.
    static func refuseDialect(_ bytes: [UInt8]) throws(Failure) {
        var reader = try JSONReader(bytes, limit: Config.maximumSize)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key == "archMap" { throw dialect(reader, key) }
            guard key == "syscalls" else { continue }
            try reader.beginArray()
            while try reader.nextElement() {
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    if key == "includes" || key == "excludes" {
                        let value = String(decoding: try reader.json(), as: UTF8.self)
                        if !["null", "{}"].contains(value.filter { !$0.isWhitespace }) {
                            throw dialect(reader, key)
                        }
                    }
                }
            }
        }
    }

    private static func dialect(_ reader: borrowing JSONReader, _ key: String) -> Failure {
        reader.fail(
            "\"\(key)\" is not of the OCI's form, but of Docker's profiles",
            remedy: "resolve it for this node: architectures and syscalls as in config.json")
    }
}

extension Pointer {
    func relative(to parent: String) -> Pointer {
        description.hasPrefix(parent) ? Pointer(String(description.dropFirst(parent.count))) : self
    }
}
