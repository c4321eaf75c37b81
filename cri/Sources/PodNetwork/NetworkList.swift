import Diagnosis
import OCISpec

/// A network configuration (CNI spec, section 1): a name, and the plugins that make it, in their order.
struct NetworkList: Sendable, Equatable {
    var name: String
    var version: CNIVersion
    var disableCheck = false
    var disableGC = false
    /// Whether plugins in a directory named as the network are left alone.
    var loadOnlyInlinedPlugins = false
    var plugins: [PluginConfiguration] = []

    /// Larger texts are not read.
    static let maximumSize = 1 << 20

    /// Decodes a list: a `*.conflist`, or what the cache has.
    init(list bytes: [UInt8]) throws(Failure) {
        var reader = try JSONReader(bytes, limit: Self.maximumSize)
        try self.init(from: &reader)
        try reader.finish()
    }

    /// Decodes a file with a single plugin: a `*.conf` or `*.json`.
    init(single bytes: [UInt8]) throws(Failure) {
        var reader = try JSONReader(bytes, limit: Self.maximumSize)
        var header = PluginConfiguration.Header()
        let plugin = try PluginConfiguration(from: &reader, header: &header)
        name = try Self.checked(name: header.name)
        version = try Self.select(header.version, [])
        // Else a directory named as the network would be read, of which this form knows nothing.
        loadOnlyInlinedPlugins = true
        plugins = [plugin]
        try reader.finish()
    }

    /// Decodes the value at which `reader` stands.
    init(from reader: inout JSONReader) throws(Failure) {
        name = ""
        version = .v030
        var (givenName, givenVersion): (String?, String?)
        var versions: [String] = []
        var hasPlugins = false
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "name": givenName = try reader.string()
            case "cniVersion": givenVersion = try reader.string()
            case "cniVersions": versions = try reader.strings()
            case "disableCheck": disableCheck = try reader.flag()
            case "disableGC": disableGC = try reader.flag()
            case "loadOnlyInlinedPlugins": loadOnlyInlinedPlugins = try reader.flag()
            case "plugins":
                hasPlugins = true
                try reader.beginArray()
                while try reader.nextElement() {
                    var header = PluginConfiguration.Header()
                    plugins.append(try PluginConfiguration(from: &reader, header: &header))
                }
            case "type":
                throw reader.fail(
                    "a list has plugins and no type of its own: this is a single plugin",
                    remedy: "name the file *.conf")
            default: break
            }
        }
        name = try Self.checked(name: givenName)
        version = try Self.select(givenVersion, versions)
        if hasPlugins && plugins.isEmpty { throw Failure(at: "/plugins", "must not be empty") }
        if !hasPlugins && loadOnlyInlinedPlugins {
            throw Failure(at: "/plugins", "required, but missing, where loadOnlyInlinedPlugins is true")
        }
    }

    /// Writes it with all its plugins inlined.
    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("cniVersion", version.rawValue)
            writer.member("name", name)
            if disableCheck { writer.member("disableCheck", true) }
            if disableGC { writer.member("disableGC", true) }
            writer.member("loadOnlyInlinedPlugins", true)
            writer.key("plugins")
            writer.array { writer in
                for plugin in plugins { plugin.encode(to: &writer) }
            }
        }
    }

    /// The highest version that both the list and we speak ("Version considerations").
    private static func select(_ version: String?, _ versions: [String]) throws(Failure) -> CNIVersion {
        var named: [(Pointer, String)] = []
        if let version { named.append(("/cniVersion", version)) }
        for (index, version) in versions.enumerated() {
            named.append((Pointer("/cniVersions").index(index), version))
        }
        for (pointer, version) in named where !CNIVersion.isVersion(version) {
            throw Failure(at: pointer, "\"\(version)\" is not a version: three numbers are expected")
        }
        if named.isEmpty {
            throw Failure(
                at: "/cniVersion", "required, but missing", remedy: "versions \(CNIVersion.list) are spoken")
        }
        guard let highest = named.compactMap({ CNIVersion(rawValue: $0.1) }).max() else {
            throw Failure(
                at: named[0].0,
                "version \(named.map(\.1).joined(separator: ", ")) is not spoken, but \(CNIVersion.list)")
        }
        return highest
    }

    private static func checked(name: String?) throws(Failure) -> String {
        guard let name else { throw Failure(at: "/name", "required, but missing") }
        guard CNIName.isValid(name) else {
            throw Failure(at: "/name", "\"\(name)\" is not a name: \(CNIName.rule)")
        }
        return name
    }
}

/// What networks and containers are called (CNI spec, sections 1 and 2).
enum CNIName {
    static let rule = "a letter or a digit, and then letters, digits, '_', '.' and '-', at most 200"

    static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= 200 else { return false }
        return name.utf8.allSatisfy {
            isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
                || $0 == UInt8(ascii: "-")
        }
    }

    /// An interface's: what the kernel takes (`dev_valid_name`).
    static func isValidInterface(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 15 && name != "." && name != ".."
            && !name.unicodeScalars.contains { $0 == "/" || $0 == ":" || $0.properties.isWhitespace }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

extension JSONReader {
    /// Reads `true` or `false`, which other runtimes take as strings too.
    fileprivate mutating func flag() throws(Failure) -> Bool {
        let text = try json()
        switch String(decoding: text, as: UTF8.self).lowercased() {
        case "true", "\"true\"": return true
        case "false", "\"false\"": return false
        default:
            throw fail("expected true or false, found \(String(decoding: text.prefix(40), as: UTF8.self))")
        }
    }
}
