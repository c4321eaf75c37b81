import Foundation

/// An image's configuration, as far as containers are made of it (image-spec, config.md).
public struct ImageConfiguration: Codable, Sendable, Equatable {
    /// What a container of the image is like unless told otherwise. Names of fields are those of the document.
    public struct Settings: Codable, Sendable, Equatable {
        /// `USER`, `UID`, `USER:GROUP` and so on; empty is root.
        public var user: String = ""
        /// `80/tcp`, sorted.
        public var exposedPorts: [String] = []
        /// `NAME=VALUE`.
        public var environment: [String] = []
        public var entrypoint: [String] = []
        public var command: [String] = []
        /// Paths, sorted.
        public var volumes: [String] = []
        public var workingDirectory: String = ""
        public var labels: [String: String] = [:]
        /// `SIGTERM`, or a number; empty if the image says none.
        public var stopSignal: String = ""

        public init() {}

        private enum CodingKeys: String, CodingKey {
            case user = "User"
            case exposedPorts = "ExposedPorts"
            case environment = "Env"
            case entrypoint = "Entrypoint"
            case command = "Cmd"
            case volumes = "Volumes"
            case workingDirectory = "WorkingDir"
            case labels = "Labels"
            case stopSignal = "StopSignal"
        }

        private struct Nothing: Codable {}

        public init(from decoder: any Swift.Decoder) throws {
            // Docker writes null where nothing is set.
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            user = try fields.decodeIfPresent(String.self, forKey: .user) ?? ""
            exposedPorts =
                try fields.decodeIfPresent([String: Nothing].self, forKey: .exposedPorts)?.keys.sorted() ?? []
            environment = try fields.decodeIfPresent([String].self, forKey: .environment) ?? []
            entrypoint = try fields.decodeIfPresent([String].self, forKey: .entrypoint) ?? []
            command = try fields.decodeIfPresent([String].self, forKey: .command) ?? []
            volumes =
                try fields.decodeIfPresent([String: Nothing].self, forKey: .volumes)?.keys.sorted() ?? []
            workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory) ?? ""
            labels = try fields.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
            stopSignal = try fields.decodeIfPresent(String.self, forKey: .stopSignal) ?? ""
        }

        public func encode(to encoder: any Swift.Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            func set(_ names: [String]) -> [String: Nothing] {
                Dictionary(names.map { ($0, Nothing()) }) { first, _ in first }
            }
            if !user.isEmpty { try fields.encode(user, forKey: .user) }
            if !exposedPorts.isEmpty { try fields.encode(set(exposedPorts), forKey: .exposedPorts) }
            if !environment.isEmpty { try fields.encode(environment, forKey: .environment) }
            if !entrypoint.isEmpty { try fields.encode(entrypoint, forKey: .entrypoint) }
            if !command.isEmpty { try fields.encode(command, forKey: .command) }
            if !volumes.isEmpty { try fields.encode(set(volumes), forKey: .volumes) }
            if !workingDirectory.isEmpty { try fields.encode(workingDirectory, forKey: .workingDirectory) }
            if !labels.isEmpty { try fields.encode(labels, forKey: .labels) }
            if !stopSignal.isEmpty { try fields.encode(stopSignal, forKey: .stopSignal) }
        }
    }

    public var architecture: String
    public var os: String
    public var variant: String?
    /// When it was made, as the document has it (RFC 3339).
    public var created: String?
    public var config: Settings
    /// The digests of the layers' archives without their compression, from the base upwards.
    public var diffIDs: [Digest]
    /// How many steps it was made in, those without a layer included.
    public var historyCount: Int

    private enum CodingKeys: String, CodingKey {
        case architecture, os, variant, created, config, rootfs, history
    }

    private struct RootFileSystem: Codable {
        var type: String
        var diffIDs: [String]

        private enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }
    }

    private struct Step: Codable {}

    public init(from decoder: any Swift.Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        architecture = try fields.decode(String.self, forKey: .architecture)
        os = try fields.decode(String.self, forKey: .os)
        variant = try fields.decodeIfPresent(String.self, forKey: .variant)
        created = try fields.decodeIfPresent(String.self, forKey: .created)
        config = try fields.decodeIfPresent(Settings.self, forKey: .config) ?? Settings()
        historyCount = try fields.decodeIfPresent([Step].self, forKey: .history)?.count ?? 0
        let root = try fields.decode(RootFileSystem.self, forKey: .rootfs)
        guard root.type == "layers" else {
            throw DecodingError.dataCorruptedError(
                forKey: .rootfs, in: fields,
                debugDescription: "root file systems of type \"\(root.type)\" are not known")
        }
        diffIDs = []
        for written in root.diffIDs {
            guard let known = Digest(written) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .rootfs, in: fields,
                    debugDescription: "\"\(written.prefix(160))\" is not a digest that is supported")
            }
            diffIDs.append(known)
        }
    }

    public func encode(to encoder: any Swift.Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(architecture, forKey: .architecture)
        try fields.encode(os, forKey: .os)
        try fields.encodeIfPresent(variant, forKey: .variant)
        try fields.encodeIfPresent(created, forKey: .created)
        try fields.encode(config, forKey: .config)
        let root = RootFileSystem(type: "layers", diffIDs: diffIDs.map(\.description))
        try fields.encode(root, forKey: .rootfs)
        try fields.encode([Step](repeating: Step(), count: historyCount), forKey: .history)
    }

    /// Reads the document.
    ///
    /// - Parameter name: whose it is, for errors.
    /// - Throws: `corrupt`, with the field as a JSON pointer.
    public init(_ bytes: [UInt8], name: String) throws(ImageError) {
        do {
            self = try JSONDecoder().decode(ImageConfiguration.self, from: Data(bytes))
        } catch {
            throw ImageError(.corrupt, doing: "configuration of \(name)", JSONFault.describe(error))
        }
    }
}
