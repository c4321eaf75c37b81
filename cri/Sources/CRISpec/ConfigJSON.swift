import OCISpec

extension Config {
    /// The document, indented, with its fields in the specification's order and maps by their keys.
    package var json: [UInt8] {
        var writer = JSONWriter(indent: "  ")
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            if let root {
                writer.object("root") { writer in
                    writer.member("path", root.path)
                    writer.member("readonly", root.readonly)
                }
            }
            if let process { writer.object("process") { process.encode(to: &$0) } }
            if let hostname { writer.member("hostname", hostname) }
            writer.list("mounts", mounts) { $0.encode(to: &$1) }
            if let hooks {
                writer.key("hooks")
                hooks.encode(to: &writer)
            }
            if !annotations.isEmpty { writer.member("annotations", annotations) }
            if let linux { writer.object("linux") { linux.encode(to: &$0) } }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }
}

extension Process {
    fileprivate func encode(to writer: inout JSONWriter) {
        if terminal { writer.member("terminal", true) }
        writer.object("user") { writer in
            writer.member("uid", UInt64(user.uid))
            writer.member("gid", UInt64(user.gid))
            writer.list("additionalGids", user.additionalGids) { $1.unsigned(UInt64($0)) }
        }
        writer.member("args", args)
        writer.member("env", env)
        writer.member("cwd", cwd)
        if let capabilities {
            writer.object("capabilities") { writer in
                writer.member("bounding", capabilities.bounding)
                writer.member("effective", capabilities.effective)
                writer.member("permitted", capabilities.permitted)
                if !capabilities.inheritable.isEmpty {
                    writer.member("inheritable", capabilities.inheritable)
                }
                if !capabilities.ambient.isEmpty { writer.member("ambient", capabilities.ambient) }
            }
        }
        writer.list("rlimits", rlimits) { limit, writer in
            writer.object { writer in
                writer.member("type", limit.type.rawValue)
                writer.member("soft", limit.soft)
                writer.member("hard", limit.hard)
            }
        }
        writer.member("noNewPrivileges", noNewPrivileges)
        if let apparmorProfile { writer.member("apparmorProfile", apparmorProfile) }
        if let selinuxLabel { writer.member("selinuxLabel", selinuxLabel) }
        if let oomScoreAdj { writer.member("oomScoreAdj", oomScoreAdj) }
    }
}

extension Mount {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("destination", destination)
            if let type { writer.member("type", type) }
            if let source { writer.member("source", source) }
            if !options.isEmpty { writer.member("options", options) }
            if let uidMappings { writer.list("uidMappings", uidMappings) { $0.encode(to: &$1) } }
            if let gidMappings { writer.list("gidMappings", gidMappings) { $0.encode(to: &$1) } }
        }
    }
}

extension IDMapping {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("containerID", UInt64(containerID))
            writer.member("hostID", UInt64(hostID))
            writer.member("size", UInt64(size))
        }
    }
}

extension Linux {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.list("namespaces", namespaces) { namespace, writer in
            writer.object { writer in
                writer.member("type", namespace.type.rawValue)
                if let path = namespace.path { writer.member("path", path) }
            }
        }
        writer.list("uidMappings", uidMappings) { $0.encode(to: &$1) }
        writer.list("gidMappings", gidMappings) { $0.encode(to: &$1) }
        writer.list("devices", devices) { $0.encode(to: &$1) }
        if !netDevices.isEmpty {
            writer.object("netDevices") { writer in
                for device in netDevices {
                    writer.object(device.hostName) { writer in
                        if let name = device.name { writer.member("name", name) }
                    }
                }
            }
        }
        if let cgroupsPath { writer.member("cgroupsPath", cgroupsPath) }
        if let resources {
            writer.key("resources")
            resources.encode(to: &writer)
        }
        if let rootfsPropagation { writer.member("rootfsPropagation", rootfsPropagation.rawValue) }
        if let seccomp { writer.object("seccomp") { seccomp.encode(to: &$0) } }
        if !maskedPaths.isEmpty { writer.member("maskedPaths", maskedPaths) }
        if !readonlyPaths.isEmpty { writer.member("readonlyPaths", readonlyPaths) }
        if let mountLabel { writer.member("mountLabel", mountLabel) }
        if let intelRdt { writer.object("intelRdt") { intelRdt.encode(to: &$0) } }
    }
}

extension Device {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("path", path)
            writer.member("type", type.rawValue)
            for (name, number) in [("major", major), ("minor", minor), ("fileMode", fileMode)] {
                if let number { writer.member(name, UInt64(number)) }
            }
            for (name, number) in [("uid", uid), ("gid", gid)] {
                if let number { writer.member(name, UInt64(number)) }
            }
        }
    }
}

extension SeccompProfile {
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.member("defaultAction", defaultAction.rawValue)
        if let defaultErrnoRet { writer.member("defaultErrnoRet", UInt64(defaultErrnoRet)) }
        if !architectures.isEmpty { writer.member("architectures", architectures.map(\.rawValue)) }
        if let flags { writer.member("flags", flags.map(\.rawValue)) }
        if let listenerPath { writer.member("listenerPath", listenerPath) }
        if let listenerMetadata { writer.member("listenerMetadata", listenerMetadata) }
        writer.list("syscalls", syscalls) { rule, writer in
            writer.object { writer in
                writer.member("names", rule.names)
                writer.member("action", rule.action.rawValue)
                if let errno = rule.errnoRet { writer.member("errnoRet", UInt64(errno)) }
                writer.list("args", rule.args) { argument, writer in
                    writer.object { writer in
                        writer.member("index", UInt64(argument.index))
                        writer.member("value", argument.value)
                        if argument.valueTwo != 0 { writer.member("valueTwo", argument.valueTwo) }
                        writer.member("op", argument.op.rawValue)
                    }
                }
            }
        }
    }
}

extension IntelRdt {
    fileprivate func encode(to writer: inout JSONWriter) {
        if let closID { writer.member("closID", closID) }
        if !schemata.isEmpty { writer.member("schemata", schemata) }
        if let l3CacheSchema { writer.member("l3CacheSchema", l3CacheSchema) }
        if let memBwSchema { writer.member("memBwSchema", memBwSchema) }
        if enableMonitoring { writer.member("enableMonitoring", true) }
    }
}

extension JSONWriter {
    fileprivate mutating func object(_ name: String, _ members: (inout JSONWriter) -> Void) {
        key(name)
        object(members)
    }

    /// An array, unless it is empty.
    fileprivate mutating func list<Element>(
        _ name: String, _ elements: [Element], _ encode: (Element, inout JSONWriter) -> Void
    ) {
        if elements.isEmpty { return }
        key(name)
        array { writer in
            for element in elements { encode(element, &writer) }
        }
    }
}
