import Diagnosis

extension Config {
    /// The size up to which config.json is read, in bytes. The largest that engines write, with a full
    /// seccomp profile, are some tens of kilobytes.
    public static let maximumSize = 16 << 20

    /// Decodes a config.json (runtime-spec, config.md).
    ///
    /// Properties the specification does not define are skipped, as its section "Extensibility" wants;
    /// so are the sections of other platforms. ``validate()`` checks what the values mean.
    /// - Throws: A failure with the JSON pointer of the first value that is malformed, of the wrong type
    ///   or not among those allowed, or of the one that is missing.
    public static func decode(_ bytes: [UInt8]) throws(Failure) -> Config {
        var reader = try JSONReader(bytes, limit: maximumSize)
        let config = try Config(from: &reader)
        try reader.finish()
        return config
    }

    /// Decodes the value at which `reader` stands.
    public init(from reader: inout JSONReader) throws(Failure) {
        var config = Config(ociVersion: "")
        var version: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "ociVersion": version = try reader.string()
            case "root": config.root = try Root(from: &reader)
            case "mounts":
                try reader.beginArray()
                while try reader.nextElement() { config.mounts.append(try Mount(from: &reader)) }
            case "process": config.process = try Process(from: &reader)
            case "hostname": config.hostname = try reader.nonEmptyString()
            case "domainname": config.domainname = try reader.nonEmptyString()
            case "hooks": config.hooks = try Hooks(from: &reader)
            case "annotations": config.annotations = try reader.annotations()
            case "linux": config.linux = try Linux(from: &reader)
            case "vm":
                throw reader.fail(
                    "containers in virtual machines are not supported",
                    remedy: "remove the section, or use a runtime that starts virtual machines")
            default: break
            }
        }
        guard let version else { throw reader.missing("ociVersion") }
        config.ociVersion = version
        if let receiver = config.runtimeAnnotations.seccompReceiver,
            config.linux?.seccomp?.listenerPath == nil
        {
            config.linux?.seccomp?.listenerPath = receiver
        }
        self = config
    }
}

extension Root {
    init(from reader: inout JSONReader) throws(Failure) {
        var path: String?
        var readonly = false
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "path": path = try reader.string()
            case "readonly": readonly = try reader.bool()
            default: break
            }
        }
        guard let path else { throw reader.missing("path") }
        self.init(path: path, readonly: readonly)
    }
}

extension Mount {
    init(from reader: inout JSONReader) throws(Failure) {
        var mount = Mount(destination: "")
        var destination: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "destination": destination = try reader.string()
            case "type": mount.type = try reader.nonEmptyString()
            case "source": mount.source = try reader.nonEmptyString()
            case "options": mount.options = try reader.strings()
            // An empty list is what an engine writes that has none.
            case "uidMappings":
                let mappings = try reader.idMappings()
                mount.uidMappings = mappings.isEmpty ? nil : mappings
            case "gidMappings":
                let mappings = try reader.idMappings()
                mount.gidMappings = mappings.isEmpty ? nil : mappings
            default: break
            }
        }
        guard let destination else { throw reader.missing("destination") }
        mount.destination = destination
        self = mount
    }
}

extension JSONReader {
    mutating func idMappings() throws(Failure) -> [IDMapping] {
        var mappings: [IDMapping] = []
        try beginArray()
        while try nextElement() { mappings.append(try IDMapping(from: &self)) }
        return mappings
    }

    /// A map of strings. Go makes an empty string of `null` here.
    mutating func annotations() throws(Failure) -> [String: String] {
        var annotations = [String: String]()
        try beginMap()
        while let key = try nextKey() {
            annotations[key] = try null() ? "" : try text()
        }
        return annotations
    }
}

extension IDMapping {
    init(from reader: inout JSONReader) throws(Failure) {
        var containerID: UInt32?
        var hostID: UInt32?
        var size: UInt32?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "containerID": containerID = try reader.uint32()
            case "hostID": hostID = try reader.uint32()
            case "size": size = try reader.uint32()
            default: break
            }
        }
        guard let containerID else { throw reader.missing("containerID") }
        guard let hostID else { throw reader.missing("hostID") }
        guard let size else { throw reader.missing("size") }
        self.init(containerID: containerID, hostID: hostID, size: size)
    }
}
