import Diagnosis
import OCISpec

/// `containerEdits` of a document, as they are written there.
struct CDIEdits: Sendable, Equatable {
    /// All but the device nodes.
    var others = ContainerEdits()
    var nodes: [CDIDeviceNode] = []

    var isEmpty: Bool { self == CDIEdits() }

    init() {}

    /// Decodes the value at which `reader` stands.
    init(from reader: inout JSONReader, _ uses: inout [CDIVersion.Use]) throws(Failure) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "env": others.env = try reader.variables()
            case "deviceNodes":
                try reader.beginArray()
                while try reader.nextElement() { nodes.append(try CDIDeviceNode(from: &reader, &uses)) }
            case "netDevices":
                uses.append(CDIVersion.Use(pointer: reader.pointer, since: .v110))
                try reader.beginArray()
                while try reader.nextElement() { try addNetDevice(&reader) }
            case "mounts":
                try reader.beginArray()
                while try reader.nextElement() { others.mounts.append(try reader.mount(&uses)) }
            case "hooks":
                try reader.beginArray()
                while try reader.nextElement() { try addHook(&reader) }
            case "intelRdt":
                uses.append(CDIVersion.Use(pointer: reader.pointer, since: .v070))
                others.intelRdt = try reader.intelRdt(&uses)
            case "additionalGids":
                uses.append(CDIVersion.Use(pointer: reader.pointer, since: .v070))
                try reader.beginArray()
                while try reader.nextElement() {
                    let gid = try reader.uint32()
                    if gid != 0 { others.additionalGids.append(gid) }
                }
            default: throw reader.fail("unknown field")
            }
        }
    }

    private mutating func addNetDevice(_ reader: inout JSONReader) throws(Failure) {
        var (hostName, name): (String?, String?)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "hostInterfaceName": hostName = try reader.nonEmptyString()
            case "name": name = try reader.nonEmptyString()
            default: throw reader.fail("unknown field")
            }
        }
        guard let hostName else { throw reader.missing("hostInterfaceName") }
        guard let name else { throw reader.missing("name") }
        if others.netDevices.contains(where: { $0.hostName == hostName || $0.name == name }) {
            throw reader.fail("\(hostName) as \(name): one of these names is another device's already")
        }
        others.netDevices.append(NetDevice(hostName: hostName, name: name))
    }

    private mutating func addHook(_ reader: inout JSONReader) throws(Failure) {
        var name: String?
        var path: String?
        var hook = Hook(path: "")
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "hookName":
                let text = try reader.string()
                guard Self.list(of: text) != nil else { throw reader.fail("\"\(text)\" is no kind of hook") }
                name = text
            case "path": path = try reader.absolutePath()
            case "args": hook.args = try reader.strings()
            case "env": hook.env = try reader.variables()
            case "timeout":
                hook.timeout = try reader.int()
                if let timeout = hook.timeout, timeout <= 0 {
                    throw reader.fail("\(timeout) is not a time-out: it must be greater than 0")
                }
            default: throw reader.fail("unknown field")
            }
        }
        guard let name, let list = Self.list(of: name) else { throw reader.missing("hookName") }
        guard let path else { throw reader.missing("path") }
        hook.path = path
        others.hooks[keyPath: list].append(hook)
    }

    private static func list(of name: String) -> WritableKeyPath<Hooks, [Hook]>? {
        switch name {
        case "prestart": \.prestart
        case "createRuntime": \.createRuntime
        case "createContainer": \.createContainer
        case "startContainer": \.startContainer
        case "poststart": \.poststart
        case "poststop": \.poststop
        default: nil
        }
    }
}

extension JSONReader {
    fileprivate mutating func variables() throws(Failure) -> [String] {
        var entries: [String] = []
        try beginArray()
        while try nextElement() {
            let entry = try string()
            guard let equals = entry.firstIndex(of: "="), equals > entry.startIndex else {
                throw fail("\"\(entry)\" is not of the form NAME=VALUE")
            }
            entries.append(entry)
        }
        return entries
    }

    mutating func absolutePath() throws(Failure) -> String {
        let path = try string()
        if !path.hasPrefix("/") { throw fail("\"\(path)\" is not an absolute path") }
        return path
    }

    fileprivate mutating func mount(_ uses: inout [CDIVersion.Use]) throws(Failure) -> Mount {
        var (source, destination): (String?, String?)
        var mount = Mount(destination: "")
        try beginObject()
        while let key = try nextKey() {
            switch key {
            case "hostPath": source = try nonEmptyString()
            case "containerPath": destination = try absolutePath()
            case "type":
                mount.type = try nonEmptyString()
                if mount.type != nil { uses.append(CDIVersion.Use(pointer: pointer, since: .v040)) }
            case "options": mount.options = try strings()
            default: throw fail("unknown field")
            }
        }
        guard let source else { throw missing("hostPath") }
        guard let destination else { throw missing("containerPath") }
        mount.source = source
        mount.destination = destination
        return mount
    }

    fileprivate mutating func intelRdt(_ uses: inout [CDIVersion.Use]) throws(Failure) -> IntelRdt {
        var value = IntelRdt()
        try beginObject()
        while let key = try nextKey() {
            switch key {
            case "closID":
                value.closID = try nonEmptyString()
                if let id = value.closID, id != "/",
                    id.utf8.count >= 4096 || id == "." || id == ".." || id.contains("/") || id.contains("\n")
                {
                    throw fail("\"\(id)\" is not the name of a class of service")
                }
            case "l3CacheSchema": value.l3CacheSchema = try nonEmptyString()
            case "memBwSchema": value.memBwSchema = try nonEmptyString()
            case "schemata":
                uses.append(CDIVersion.Use(pointer: pointer, since: .v110))
                value.schemata = try strings()
            case "enableMonitoring":
                value.enableMonitoring = try bool()
                if value.enableMonitoring { uses.append(CDIVersion.Use(pointer: pointer, since: .v110)) }
            case "enableCMT", "enableMBM":
                // Dropped with 1.1.0, as the runtime specification has dropped them.
                if try bool() { throw fail("not supported", remedy: "use enableMonitoring") }
            default: throw fail("unknown field")
            }
        }
        return value
    }
}
