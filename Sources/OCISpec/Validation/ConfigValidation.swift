import Diagnosis

extension Config {
    /// Checks what the values mean, alone and together, as far as that needs no look at the host.
    ///
    /// The rules are the specification's, the kernel's where it would refuse later with a bare error
    /// number, and runc's where a configuration would not do what it says (a sysctl of the host's, a
    /// mapping without a user namespace). Which fields the runtime supports is decided elsewhere.
    /// - Throws: A failure for the first rule broken, with the pointer of the value at fault.
    public func validate() throws(Failure) {
        guard isVersion1(ociVersion) else {
            throw Failure(
                at: "/ociVersion",
                "\(quoted(ociVersion)) is not a version of the runtime specification 1.x, such as \"1.3.0\"")
        }
        guard let root else { throw Failure(at: "/root", "required, but missing") }
        if root.path.isEmpty { throw Failure(at: "/root/path", "must not be empty") }
        guard let process else { throw Failure(at: "/process", "required, but missing") }
        try process.validate(at: "/process")
        for (index, mount) in mounts.enumerated() {
            try mount.validate(at: { Pointer("/mounts").index(index) }, hasUserNamespace: has(.user))
        }
        try hooks?.validate(at: "/hooks")
        if annotations[""] != nil {
            throw Failure(at: Pointer("/annotations/"), "an annotation's key is empty")
        }
        try runtimeAnnotations.validate()
        try validateHostname(hostname, at: "/hostname")
        try validateHostname(domainname, at: "/domainname")
        try linux?.validate(at: "/linux", process: process)
    }

    /// Whether a namespace of this kind is in the list, a new one or one to be joined.
    func has(_ kind: Namespace.Kind) -> Bool { linux?.has(kind) ?? false }

    private func validateHostname(_ name: String?, at pointer: Pointer) throws(Failure) {
        guard let name else { return }
        if !has(.uts) {
            throw Failure(
                at: pointer, "\(quoted(name)) needs a UTS namespace of the container's own",
                remedy: "add one to /linux/namespaces")
        }
        // __NEW_UTS_LEN of the kernel.
        if name.utf8.count > 64 {
            throw Failure(at: pointer, "\(quoted(name)) has \(name.utf8.count) bytes, 64 are allowed")
        }
    }
}
