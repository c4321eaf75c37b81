import Diagnosis

/// Why something could not be done with a pod's network, by what a caller can do about it.
public struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it is: each has a gRPC status of its own in the CRI layer.
    public enum Kind: Sendable, Equatable {
        /// The request itself is wrong: an annotation, a port, a name.
        case invalid
        /// There is no network to be had: no configuration, or no program for it. Another try may succeed.
        case notReady
        /// A plugin refused; see ``NetworkError/refusal``.
        case plugin
        /// A plugin did not end in time, and was killed.
        case timedOut
        /// The caller has gone, and the plugin was killed.
        case cancelled
        /// A fault of this host or of ours.
        case `internal`
    }

    public var kind: Kind
    public var failure: Failure
    /// What the plugin said, if it was one that refused.
    public var refusal: PluginRefusal?

    public init(_ kind: Kind, _ failure: Failure, refusal: PluginRefusal? = nil) {
        self.kind = kind
        self.failure = failure
        self.refusal = refusal
    }

    /// `doing: reason; remedy`.
    public init(_ kind: Kind, doing: String, _ reason: String, remedy: String? = nil) {
        self.init(kind, Failure(.runtime, doing: doing, reason: reason, remedy: remedy))
    }

    /// A value of the request that cannot be: the field's name and what is wrong with it.
    static func invalid(_ field: String, _ reason: String, remedy: String? = nil) -> NetworkError {
        NetworkError(.invalid, Failure(.option(field), reason: reason, remedy: remedy))
    }

    /// What the kernel refused.
    public init(_ error: SystemError) { self.init(.internal, Failure(.runtime, error)) }

    /// What is wrong in a JSON text: its name goes before the pointer.
    init(_ kind: Kind, in document: String, _ failure: Failure) {
        var failure = failure
        if case .config(let pointer) = failure.origin {
            let place = pointer.description
            failure.origin = .option(place.isEmpty ? document : "\(document): \(place)")
        }
        self.init(kind, failure)
    }

    public var description: String { failure.description }
}

/// An error result of a plugin (CNI spec, section 5, "Error").
public struct PluginRefusal: Sendable, Equatable {
    /// The plugin's `type`, which is its program's name.
    public var plugin: String
    /// What it was to do.
    public var command: PluginCommand
    /// 1 to 99 are the specification's, the others the plugin's own; nil if it ended without saying why.
    public var code: UInt64?
    public var message: String
    public var details: String

    /// The code of a plugin that knows of no such container, so that there is nothing to clean up.
    static let unknownContainer: UInt64 = 3

    public init(
        plugin: String, command: PluginCommand, code: UInt64?, message: String, details: String = ""
    ) {
        self.plugin = plugin
        self.command = command
        self.code = code
        self.message = message
        self.details = details
    }
}

/// What a plugin is asked to do (CNI spec, section 2, "CNI operations").
public enum PluginCommand: String, Sendable {
    case add = "ADD"
    case del = "DEL"
    case check = "CHECK"
    case gc = "GC"
    case status = "STATUS"
}
