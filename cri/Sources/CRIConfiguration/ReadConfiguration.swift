import Diagnosis
import Glibc
import Kernel
import TOMLKit

extension Configuration {
    /// Files are no larger than this.
    private static let fileLimit = 1 << 20

    /// Reads a file.
    ///
    /// - Parameter path: nil is ``defaultPath``, and the defaults if there is no such file.
    public static func read(_ path: String?) throws(ConfigurationError) -> Configuration {
        let file = path ?? defaultPath
        func failed(_ text: String) -> ConfigurationError {
            ConfigurationError(findings: [.init(file: file, line: 0, column: 0, text: text)])
        }
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try FileTree.read(file, limit: fileLimit + 1) } catch {
            if path == nil, error.errno == Errno(ENOENT) { return Configuration() }
            throw failed("\(error.errno)")
        }
        guard bytes.count <= fileLimit else { throw failed("has more than a mebibyte") }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failed("is not UTF-8") }
        return try Configuration(text, file: file)
    }

    /// Takes a file's text. What it leaves out is as in ``Configuration/init()``.
    ///
    /// - Parameter file: its name, for messages.
    public init(_ text: String, file: String) throws(ConfigurationError) {
        // The parser would stop there, as at the end.
        if text.utf8.contains(0) {
            throw ConfigurationError(
                findings: [.init(file: file, line: 0, column: 0, text: "has a NUL character")])
        }
        let table: TOMLTable
        do { table = try TOMLTable(string: text) } catch {
            let error = error as? TOMLParseError
            throw ConfigurationError(findings: [
                .init(
                    file: file, line: error?.source.begin.line ?? 0, column: error?.source.begin.column ?? 0,
                    text: error?.description ?? "is not TOML")
            ])
        }
        guard case .table(let members) = TOMLNode(table) else {
            preconditionFailure("a table is made a table")
        }
        self.init()
        var reader = ConfigurationReader(file: file, places: TOMLPlaces(of: text), configuration: self)
        reader.read(members)
        guard reader.findings.isEmpty else {
            throw ConfigurationError(
                findings: reader.findings.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
        }
        self = reader.configuration
    }
}

/// Takes a document apart, and notes what is wrong.
private struct ConfigurationReader {
    let file: String
    let places: TOMLPlaces
    var configuration: Configuration
    private(set) var findings: [ConfigurationError.Finding] = []

    init(file: String, places: TOMLPlaces, configuration: Configuration) {
        self.file = file
        self.places = places
        self.configuration = configuration
    }

    mutating func read(_ members: [String: TOMLNode]) {
        section([], members)
        if configuration.handlers[configuration.defaultHandler] == nil {
            let names = configuration.handlers.keys.sorted().joined(separator: ", ")
            found(
                at: places.values[["default_handler"]],
                "default_handler is \(quoted(configuration.defaultHandler)), and the handlers are: \(names)")
        }
    }

    private mutating func section(_ path: [String], _ members: [String: TOMLNode]) {
        let settings = Settings.sections.first { $0.path == path }?.settings ?? []
        var tables = Set(
            Settings.sections.map(\.path).filter { $0.count == path.count + 1 && $0.starts(with: path) }
                .compactMap(\.last))
        if path.isEmpty { tables.insert("handlers") }
        for (name, node) in members {
            let here = path + [name]
            if let setting = settings.first(where: { $0.name == name }) {
                var changed = configuration
                take(setting, node, at: here, into: &changed)
                configuration = changed
            } else if !tables.contains(name) {
                unknown(here, among: settings.map(\.name) + tables)
            } else if let members = table(node, at: here) {
                if here == ["handlers"] { handlers(members) } else { section(here, members) }
            }
        }
    }

    private mutating func handlers(_ members: [String: TOMLNode]) {
        for (name, node) in members {
            let path = ["handlers", name]
            guard Self.isHandlerName(name) else {
                found(
                    at: places.keys[path],
                    "\(quoted(name)) cannot be a handler's name: it has letters, digits, \"-\", \"_\" and \".\", "
                        + "begins with a letter or digit, and has at most 63 of them")
                continue
            }
            guard let members = table(node, at: path) else { continue }
            var handler = configuration.handlers[name] ?? Configuration.Handler(path: "", kind: .oci)
            for (key, node) in members {
                if let setting = Settings.handler.first(where: { $0.name == key }) {
                    take(setting, node, at: path + [key], into: &handler)
                } else {
                    unknown(path + [key], among: Settings.handler.map(\.name))
                }
            }
            if handler.path.isEmpty, members["path"] == nil {
                found(at: places.keys[path], "\(Self.shown(path)) has no path; give the executable's")
            }
            configuration.handlers[name] = handler
        }
    }

    /// Names become those of directories.
    private static func isHandlerName(_ name: String) -> Bool {
        func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isASCII && scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
        }
        return name.utf8.count <= 63 && name.unicodeScalars.first.map(isLetterOrDigit) == true
            && name.unicodeScalars.allSatisfy { isLetterOrDigit($0) || "-_.".unicodeScalars.contains($0) }
    }

    private mutating func take<Root>(
        _ setting: Setting<Root>, _ node: TOMLNode, at path: [String], into root: inout Root
    ) {
        do throws(UnsuitableValue) { try setting.take(node, &root) } catch {
            let element = error.element.map { path + ["\($0)"] } ?? path
            let name = Self.shown(path) + (error.element.map { "[\($0)]" } ?? "")
            found(
                at: places.values[element] ?? places.values[path] ?? places.keys[path],
                "\(name) \(error.reason)")
        }
    }

    private mutating func table(_ node: TOMLNode, at path: [String]) -> [String: TOMLNode]? {
        if case .table(let members) = node { return members }
        found(
            at: places.values[path] ?? places.keys[path],
            "\(Self.shown(path)) is \(node.description), which is not a table: [\(Self.shown(path))]")
        return nil
    }

    private mutating func unknown(_ path: [String], among names: [String]) {
        let guess =
            Spelling.nearest(to: path.last ?? "", among: names).map { "; did you mean \"\($0)\"?" } ?? ""
        found(at: places.keys[path], "\(Self.shown(path)) is no setting\(guess)")
    }

    private mutating func found(at place: TOMLPlaces.Place?, _ text: String) {
        findings.append(.init(file: file, line: place?.line ?? 0, column: place?.column ?? 0, text: text))
    }

    /// `images.limits.depth`, with quotes around what is no bare key.
    private static func shown(_ path: [String]) -> String {
        path.map { name in
            let isBare =
                !name.isEmpty
                && name.utf8.allSatisfy {
                    (0x30...0x39).contains($0) || (0x41...0x5a).contains($0 & 0xdf) || $0 == 0x5f
                        || $0 == 0x2d
                }
            return isBare ? name : quoted(name)
        }
        .joined(separator: ".")
    }
}
