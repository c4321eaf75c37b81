import Diagnosis
import Glibc
import Kernel
import OCISpec

/// What was done for a pod, on disk: `POD.json` in the cache directory. It is there before the first plugin runs, so
/// that whatever was begun can be undone by whoever comes next, with the configuration that it was begun with.
struct AttachmentRecord: Sendable, Equatable {
    var pod: String
    var netns: String
    var interface: String
    /// `CNI_ARGS`.
    var arguments: String
    var capabilities: [PluginConfiguration.Member]
    var list: NetworkList
    /// What the last plugin wrote; nil as long as not all have.
    var result: [UInt8]?

    private static let format = 1

    init(
        pod: String, netns: String, interface: String, arguments: String,
        capabilities: [PluginConfiguration.Member], list: NetworkList
    ) {
        self.pod = pod
        self.netns = netns
        self.interface = interface
        self.arguments = arguments
        self.capabilities = capabilities
        self.list = list
    }

    init(json: [UInt8]) throws(Failure) {
        var reader = try JSONReader(json)
        var list: NetworkList?
        var pod: String?
        var (netns, interface, arguments) = ("", "eth0", "")
        var capabilities: [PluginConfiguration.Member] = []
        var result: [UInt8]?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "format":
                let format = try reader.int()
                if format != Self.format { throw reader.fail("format \(format) is not known") }
            case "pod": pod = try reader.string()
            case "netns": netns = try reader.string()
            case "interface": interface = try reader.string()
            case "args": arguments = try reader.string()
            case "capabilityArgs":
                try reader.beginMap()
                while let key = try reader.nextKey() {
                    capabilities.append(PluginConfiguration.Member(key: key, json: try reader.json()))
                }
            case "list": list = try NetworkList(from: &reader)
            case "result": result = try reader.json()
            default: break
            }
        }
        try reader.finish()
        guard let list else { throw reader.missing("list") }
        guard let pod else { throw reader.missing("pod") }
        self.init(
            pod: pod, netns: netns, interface: interface, arguments: arguments, capabilities: capabilities,
            list: list)
        self.result = result
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("format", Self.format)
            writer.member("pod", pod)
            writer.member("netns", netns)
            writer.member("interface", interface)
            writer.member("args", arguments)
            writer.key("capabilityArgs")
            writer.object { writer in
                for capability in capabilities {
                    writer.key(capability.key)
                    writer.json(capability.json)
                }
            }
            writer.key("list")
            list.encode(to: &writer)
            if let result {
                writer.key("result")
                writer.json(result)
            }
        }
        return writer.bytes
    }
}

/// The directory of the records.
struct RecordDirectory: Sendable {
    let path: String

    func file(_ pod: String) -> String { "\(path)/\(pod).json" }

    /// The pods that have one, in order; what a writer that was killed left half-written is removed.
    func pods() throws(NetworkError) -> [String] {
        do throws(SystemError) {
            var pods: [String] = []
            for name in try FileTree.list(path) where name.hasSuffix(".json") {
                if name.hasPrefix(".") {
                    try? FileTree.unlink("\(path)/\(name)")
                } else {
                    pods.append(String(name.dropLast(".json".count)))
                }
            }
            return pods.sorted()
        } catch  where error.errno == Errno(ENOENT) {
            return []
        } catch {
            throw NetworkError(error)
        }
    }

    func exists(_ pod: String) -> Bool { FileTree.exists(file(pod)) }

    /// - Returns: nil if there is none.
    func load(_ pod: String) throws(NetworkError) -> AttachmentRecord? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileTree.read(file(pod), limit: 16 << 20)
        } catch  where error.errno == Errno(ENOENT) {
            return nil
        } catch {
            throw NetworkError(error)
        }
        do throws(Failure) {
            return try AttachmentRecord(json: bytes)
        } catch {
            throw NetworkError(.internal, in: file(pod), error)
        }
    }

    /// - Throws: `plugin` if what a plugin has said could not be read again: what nests as deeply as may be does not fit
    ///   into another text. DEL would not have it then.
    func save(_ record: AttachmentRecord) throws(NetworkError) {
        let json = record.json
        do throws(Failure) {
            _ = try AttachmentRecord(json: json)
        } catch {
            throw NetworkError(.plugin, in: file(record.pod), error)
        }
        do throws(SystemError) {
            do throws(SystemError) {
                try FileTree.replace(file(record.pod), with: json, mode: 0o600)
            } catch  where error.errno == Errno(ENOENT) {
                try FileTree.makeDirectories(path, mode: 0o700)
                try FileTree.replace(file(record.pod), with: json, mode: 0o600)
            }
        } catch {
            throw NetworkError(error)
        }
    }

    func remove(_ pod: String) throws(NetworkError) {
        do throws(SystemError) {
            try FileTree.unlink(file(pod))
        } catch  where error.errno == Errno(ENOENT) {
            // Somebody else was as quick.
        } catch {
            throw NetworkError(error)
        }
    }
}
