import Diagnosis

extension Linux {
    func validate(at pointer: Pointer, process: Process) throws(Failure) {
        try validateNamespaces(at: pointer)
        try validateUserNamespace(at: pointer, process: process)
        try validateTimeOffsets(at: pointer)
        for (index, device) in devices.enumerated() {
            try device.validate(at: { pointer.key("devices").index(index) })
        }
        try validateNetDevices(at: pointer.key("netDevices"))
        try validateSysctl(at: pointer.key("sysctl"))
        try validatePaths(maskedPaths, at: pointer.key("maskedPaths"))
        try validatePaths(readonlyPaths, at: pointer.key("readonlyPaths"))
        try resources?.validate(at: pointer.key("resources"))
        try seccomp?.validate(at: pointer.key("seccomp"))
        if let flag = personality?.flags.first {
            throw Failure(
                at: pointer.key("personality").key("flags").index(0),
                "\(quoted(flag)) is not known: the specification defines no flags")
        }
        try memoryPolicy?.validate(at: pointer.key("memoryPolicy"))
        try intelRdt?.validate(at: pointer.key("intelRdt"))
    }

    /// Whether a namespace of this kind is in the list, a new one or one to be joined.
    public func has(_ kind: Namespace.Kind) -> Bool { namespaces.contains { $0.type == kind } }

    private func validateNamespaces(at pointer: Pointer) throws(Failure) {
        for (index, namespace) in namespaces.enumerated() {
            if let first = namespaces[..<index].firstIndex(where: { $0.type == namespace.type }) {
                throw Failure(
                    at: pointer.key("namespaces").index(index),
                    "a second \(namespace.type.rawValue) namespace, after \(pointer.key("namespaces").index(first))"
                )
            }
            if let path = namespace.path, !path.utf8.starts(with: "/".utf8) {
                throw Failure(
                    at: pointer.key("namespaces").index(index).key("path"),
                    "\(quoted(path)) is not an absolute path")
            }
        }
    }

    private func validateUserNamespace(at pointer: Pointer, process: Process) throws(Failure) {
        let user = namespaces.first { $0.type == .user }
        try validate(uidMappings, of: user, at: { pointer.key("uidMappings") })
        try validate(gidMappings, of: user, at: { pointer.key("gidMappings") })
        guard let user, user.path == nil else { return }
        try refuseUnmapped(process.user.uid, uidMappings, "uid", at: { pointer.key("uidMappings") })
        try refuseUnmapped(process.user.gid, gidMappings, "gid", at: { pointer.key("gidMappings") })
    }

    private func validate(
        _ mappings: [IDMapping], of user: Namespace?, at pointer: () -> Pointer
    ) throws(Failure) {
        if mappings.isEmpty {
            if let user, user.path == nil {
                throw Failure(at: pointer(), "required, since there is a new user namespace")
            }
            return
        }
        if user == nil {
            throw Failure(
                at: pointer(), "there is no user namespace for these mappings",
                remedy: "add one to /linux/namespaces")
        }
        try validateMappings(mappings, at: pointer)
    }

    private func refuseUnmapped(
        _ id: UInt32, _ mappings: [IDMapping], _ name: String, at pointer: () -> Pointer
    ) throws(Failure) {
        if mappings.contains(where: { $0.covers(id) }) { return }
        throw Failure(
            at: Pointer("/process/user").key(name),
            "\(id) is not mapped into the container's user namespace by \(pointer())")
    }

    private func validateTimeOffsets(at pointer: Pointer) throws(Failure) {
        if timeOffsets.isEmpty { return }
        guard let namespace = namespaces.first(where: { $0.type == .time }) else {
            throw Failure(
                at: pointer.key("timeOffsets"), "there is no time namespace for these offsets",
                remedy: "add one to /linux/namespaces")
        }
        if namespace.path != nil {
            throw Failure(
                at: pointer.key("timeOffsets"),
                "the offsets of a time namespace that exists already cannot be set")
        }
        for offset in timeOffsets where offset.nanosecs > 999_999_999 {
            throw Failure(
                at: pointer.key("timeOffsets").key(offset.clock.rawValue).key("nanosecs"),
                "\(offset.nanosecs) is out of range: 0 to 999999999 is allowed")
        }
    }

    private func validatePaths(_ paths: [String], at pointer: Pointer) throws(Failure) {
        if !paths.isEmpty, !has(.mount) {
            throw Failure(
                at: pointer, "needs a mount namespace of the container's own",
                remedy: "add one to /linux/namespaces")
        }
        for (index, path) in paths.enumerated() where !path.utf8.starts(with: "/".utf8) {
            throw Failure(at: pointer.index(index), "\(quoted(path)) is not an absolute path")
        }
    }
}

extension IDMapping {
    /// Whether the mapping covers an ID of the container's.
    public func covers(_ id: UInt32) -> Bool { id >= containerID && id - containerID < size }
}

extension Device {
    /// The permission bits that ``fileMode`` asks for. Engines put the file's type into it too.
    public var permissions: UInt32 { (fileMode ?? 0o666) & 0o7777 }

    func validate(at pointer: () -> Pointer) throws(Failure) {
        if !path.utf8.starts(with: "/".utf8) {
            throw Failure(at: pointer().key("path"), "\(quoted(path)) is not an absolute path")
        }
        if type == .p { return }
        // dev_t of the kernel: 12 and 20 bits. mknod(2) drops what is above.
        for (name, number, most) in [("major", major, UInt32(0xfff)), ("minor", minor, 0xfffff)] {
            guard let number else {
                throw Failure(at: pointer().key(name), "required for a device of type \(type.rawValue)")
            }
            if number > most {
                throw Failure(
                    at: pointer().key(name), "\(number) is out of range: 0 to \(most) is allowed")
            }
        }
    }
}
