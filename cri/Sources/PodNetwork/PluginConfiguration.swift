import Diagnosis
import OCISpec

/// One plugin of a list (CNI spec, section 1, "Plugin configuration objects").
///
/// What is the plugin's own is kept as the text that it is, and handed on unchanged.
struct PluginConfiguration: Sendable, Equatable {
    /// The name of its program.
    var type: String
    /// The capability arguments that it wants.
    var capabilities: Set<String> = []
    /// All other members but `name` and `cniVersion`, in their order.
    var members: [Member] = []

    struct Member: Sendable, Equatable {
        var key: String
        var json: [UInt8]
    }

    /// What a file with a single plugin says of the network.
    struct Header: Sendable, Equatable {
        var name: String?
        var version: String?
    }

    /// Decodes the value at which `reader` stands.
    init(from reader: inout JSONReader, header: inout Header) throws(Failure) {
        type = ""
        var hasType = false
        try reader.beginMap()
        while let key = try reader.nextKey() {
            switch key {
            case "type":
                type = try reader.string()
                if let reason = Self.refusal(ofType: type) { throw reader.fail(reason) }
                hasType = true
            case "name": if try !reader.null() { header.name = try reader.string() }
            case "cniVersion": if try !reader.null() { header.version = try reader.string() }
            case "capabilities": if try !reader.null() { capabilities = try Self.capabilities(&reader) }
            case "plugins":
                throw reader.fail(
                    "a plugin has no plugins: this is a list", remedy: "name the file *.conflist")
            case "prevResult", "runtimeConfig":
                throw reader.fail("what the runtime puts in cannot be configured", remedy: "remove it")
            case _ where key.hasPrefix("cni.dev/"):
                throw reader.fail("keys of cni.dev are the runtime's to put in", remedy: "remove it")
            default: members.append(Member(key: key, json: try reader.json()))
            }
        }
        if !hasType { throw reader.missing("type") }
    }

    /// Why this cannot be the name of a plugin's program; nil if it can.
    private static func refusal(ofType type: String) -> String? {
        if type.isEmpty { return "must not be empty: it is the name of the plugin's program" }
        if type == "." || type == ".." || type.contains("/") || type.contains("\\") {
            return "\"\(type)\" is not the name of a program in one of the plugins' directories"
        }
        return nil
    }

    private static func capabilities(_ reader: inout JSONReader) throws(Failure) -> Set<String> {
        var names: Set<String> = []
        try reader.beginObject()
        while let name = try reader.nextKey() {
            if try reader.bool() { names.insert(name) }
        }
        return names
    }

    /// Writes it as it was configured.
    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("type", type)
            if !capabilities.isEmpty {
                writer.key("capabilities")
                writer.object { writer in
                    for name in capabilities.sorted() { writer.member(name, true) }
                }
            }
            for member in members {
                writer.key(member.key)
                writer.json(member.json)
            }
        }
    }

    /// The request configuration (CNI spec, section 3, "Deriving request configuration from plugin configuration").
    ///
    /// - Parameters:
    ///   - arguments: the capability arguments there are, as JSON texts; the plugin gets those that it declares.
    ///   - attachments: what still is attached, for GC.
    func request(
        name: String, version: CNIVersion, arguments: [Member] = [], previous: [UInt8]? = nil,
        attachments: [UInt8]? = nil
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("cniVersion", version.rawValue)
            writer.member("name", name)
            writer.member("type", type)
            for member in members {
                writer.key(member.key)
                writer.json(member.json)
            }
            let wanted = arguments.filter { capabilities.contains($0.key) }
            if !wanted.isEmpty {
                writer.key("runtimeConfig")
                writer.object { writer in
                    for argument in wanted {
                        writer.key(argument.key)
                        writer.json(argument.json)
                    }
                }
            }
            if let previous {
                writer.key("prevResult")
                writer.json(previous)
            }
            if let attachments {
                writer.key("cni.dev/valid-attachments")
                writer.json(attachments)
            }
        }
        return writer.bytes
    }
}
