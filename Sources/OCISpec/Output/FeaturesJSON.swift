extension Features {
    /// What `features` prints, with its newline: indented by four spaces, keys in runc's order.
    public func json() -> String {
        var writer = JSONWriter(indent: "    ")
        writer.object { writer in
            writer.member("ociVersionMin", ociVersionMin)
            writer.member("ociVersionMax", ociVersionMax)
            writer.optional("hooks", hooks)
            writer.optional("mountOptions", mountOptions)
            if let linux {
                writer.key("linux")
                linux.encode(to: &writer)
            }
            if !annotations.isEmpty { writer.member("annotations", annotations) }
            writer.optional("potentiallyUnsafeConfigAnnotations", potentiallyUnsafeConfigAnnotations)
        }
        return writer.text + "\n"
    }
}

extension Features.Linux {
    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.optional("namespaces", namespaces)
            writer.optional("capabilities", capabilities)
            if let cgroup {
                writer.key("cgroup")
                writer.object { writer in
                    writer.optional("v1", cgroup.v1)
                    writer.optional("v2", cgroup.v2)
                    writer.optional("systemd", cgroup.systemd)
                    writer.optional("systemdUser", cgroup.systemdUser)
                    writer.optional("rdma", cgroup.rdma)
                }
            }
            if let seccomp {
                writer.key("seccomp")
                writer.object { writer in
                    writer.optional("enabled", seccomp.enabled)
                    writer.optional("actions", seccomp.actions)
                    writer.optional("operators", seccomp.operators)
                    writer.optional("archs", seccomp.archs)
                    writer.optional("knownFlags", seccomp.knownFlags)
                    writer.optional("supportedFlags", seccomp.supportedFlags)
                }
            }
            writer.enabled("apparmor", apparmorEnabled)
            writer.enabled("selinux", selinuxEnabled)
            if let intelRdt {
                writer.key("intelRdt")
                writer.object { writer in
                    writer.optional("enabled", intelRdt.enabled)
                    writer.optional("schemata", intelRdt.schemata)
                    writer.optional("monitoring", intelRdt.monitoring)
                }
            }
            if let memoryPolicy {
                writer.key("memoryPolicy")
                writer.object { writer in
                    writer.optional("modes", memoryPolicy.modes)
                    writer.optional("flags", memoryPolicy.flags)
                }
            }
            if idmapMountsEnabled != nil {
                writer.key("mountExtensions")
                writer.object { writer in writer.enabled("idmap", idmapMountsEnabled) }
            }
            writer.enabled("netDevices", netDevicesEnabled)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func optional(_ name: String, _ value: Bool?) {
        if let value { member(name, value) }
    }

    fileprivate mutating func optional(_ name: String, _ values: [String]?) {
        if let values { member(name, values) }
    }

    /// Writes an object with nothing but `enabled`.
    fileprivate mutating func enabled(_ name: String, _ value: Bool?) {
        guard let value else { return }
        key(name)
        object { writer in writer.member("enabled", value) }
    }
}
