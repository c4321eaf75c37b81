import Diagnosis
import Glibc
import Kernel
import OCISpec

/// The devices of this host's CDI documents: `*.json` and `*.yaml` in some directories, of which a later one takes
/// precedence.
///
/// Documents are read at each use: drivers and device plugins write them while containers are made.
public struct CDIRegistry: Sendable {
    /// In rising precedence.
    public var directories: [String]

    public init(directories: [String] = ["/etc/cdi", "/var/run/cdi"]) { self.directories = directories }

    /// What these devices want of a container, each asked for by its full name, `vendor.com/class=device`. What all
    /// devices of a document want is there once, before the first of them.
    ///
    /// - Throws: the first name that is none, that no valid document has, or that two of one directory have; and
    ///   what the host lacks of a device. Documents that are not asked for may have faults.
    public func edits(for names: [String]) throws(CDIError) -> ContainerEdits {
        if names.isEmpty { return ContainerEdits() }
        var wanted: [CDIName] = []
        for text in names {
            guard let name = CDIName(text) else { throw .notAName(text) }
            if !wanted.contains(name) { wanted.append(name) }
        }
        let index = index(of: wanted)
        var edits = ContainerEdits()
        var documents: Set<String> = []
        for name in wanted {
            let found = try index.find(name)
            if documents.insert(found.file).inserted { try edits.append(found.common, for: name) }
            try edits.append(found.own, for: name)
        }
        return edits
    }

    /// The devices that a container's request names: those of its field `CDI_devices`, and those of annotations whose
    /// keys begin with `cdi.k8s.io/`, in the order of the keys; each once.
    ///
    /// - Throws: a name that is none.
    public static func devices(
        field: [String], annotations: [String: String]
    ) throws(CDIError) -> [String] {
        var names: [String] = []
        for text in field {
            guard CDIName(text) != nil else { throw .notAName(text, in: "CDI_devices") }
            if !names.contains(text) { names.append(text) }
        }
        let requests = annotations.filter { $0.key.hasPrefix("cdi.k8s.io/") }.sorted { $0.key < $1.key }
        for (key, value) in requests {
            for part in value.split(separator: ",", omittingEmptySubsequences: false) {
                let text = String(part)
                guard CDIName(text) != nil else { throw .notAName(text, in: "annotation \(key)") }
                if !names.contains(text) { names.append(text) }
            }
        }
        return names
    }

    /// Reads all documents for what is wanted of them.
    private func index(of wanted: [CDIName]) -> CDIIndex {
        let wanted = Set(wanted)
        var index = CDIIndex()
        for directory in directories {
            // Of this directory alone: what an earlier one has is overridden.
            var here: [CDIName: CDIIndex.Device] = [:]
            var conflicts: [CDIName: [String]] = [:]
            for file in index.files(in: directory) {
                do throws(Failure) {
                    let document = try Self.read(file)
                    index.devices[document.kind, default: []] += document.devices.map(\.name)
                    for (device, edits) in document.devices {
                        let name = CDIName(kind: document.kind, device: device)
                        guard wanted.contains(name) else { continue }
                        if let other = here[name] {
                            conflicts[name, default: [other.file]].append(file)
                        } else {
                            here[name] = CDIIndex.Device(file: file, common: document.edits, own: edits)
                        }
                    }
                } catch {
                    index.faults.append("\(file): \(error)")
                }
            }
            for (name, device) in here {
                index.found[name] = device
                index.conflicts[name] = conflicts[name]
            }
        }
        return index
    }

    private static func read(_ file: String) throws(Failure) -> CDIDocument {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileTree.read(file, limit: CDIDocument.maximumSize + 1)
        } catch {
            throw Failure(.runtime, error)
        }
        if file.hasSuffix(".json") { return try CDIDocument(json: bytes) }
        guard bytes.count <= CDIDocument.maximumSize else {
            throw Failure(at: "", "the document is larger than \(CDIDocument.maximumSize >> 20) MiB")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(at: "", "the document is not UTF-8")
        }
        return try CDIDocument(json: try CDIYAML.json(text))
    }
}

/// What was found for a request.
private struct CDIIndex {
    struct Device {
        var file: String
        var common: CDIEdits
        var own: CDIEdits
    }

    var found: [CDIName: Device] = [:]
    /// Files of one directory that have the same device.
    var conflicts: [CDIName: [String]] = [:]
    /// The names of all devices by their kind.
    var devices: [String: [String]] = [:]
    /// Documents that could not be used.
    var faults: [String] = []

    func find(_ name: CDIName) throws(CDIError) -> Device {
        if let files = conflicts[name] {
            throw CDIError(
                .conflict, name.description,
                "there is more than one: in \(files.joined(separator: " and in "))",
                remedy: "remove one, or have it in a directory that takes precedence")
        }
        if let device = found[name] { return device }
        var reason = "there is no device of the kind \(name.kind)"
        if let others = devices[name.kind] {
            let shown = Set(others).sorted()
            let more = shown.count > 16 ? " and \(shown.count - 16) more" : ""
            reason = "there is no such device, but \(shown.prefix(16).joined(separator: ", "))\(more)"
        }
        if !faults.isEmpty { reason += "; not used: \(faults.joined(separator: "; "))" }
        throw CDIError(.notFound, name.description, reason)
    }

    /// The documents of a directory, in the order of their names.
    mutating func files(in directory: String) -> [String] {
        do throws(SystemError) {
            return try FileTree.list(directory).filter { $0.hasSuffix(".json") || $0.hasSuffix(".yaml") }
                .map { "\(directory)/\($0)" }.filter { (try? FileTree.status($0))?.isDirectory != true }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            if error.errno != Errno(ENOENT) { faults.append("\(error)") }
            return []
        }
    }
}

extension ContainerEdits {
    /// Adds what a document says.
    fileprivate mutating func append(_ edits: CDIEdits, for name: CDIName) throws(CDIError) {
        for device in edits.others.netDevices {
            if let other = netDevices.first(where: {
                $0.hostName == device.hostName || $0.name == device.name
            }) {
                throw CDIError(
                    .conflict, name.description,
                    "the network device \(device.hostName) as \(device.name ?? device.hostName) is at odds "
                        + "with another's: \(other.hostName) as \(other.name ?? other.hostName)")
            }
        }
        append(edits.others)
        for node in edits.nodes { deviceNodes.append(try node.resolve(for: name.description)) }
    }
}

extension CDIError {
    fileprivate static func notAName(_ text: String, in place: String = "CDI device") -> CDIError {
        CDIError(.invalid, place, "\"\(text)\" is not the full name of a device: vendor.com/class=device")
    }
}
