import Diagnosis

/// Why devices of the Container Device Interface cannot be had.
public struct CDIError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// What was asked for is not the name of a device.
        case invalid
        /// There is no such device, or its document is not valid.
        case notFound
        /// Two documents of one directory, or two of the devices asked for, disagree.
        case conflict
        /// The host lacks what the document says.
        case host
    }

    public var kind: Kind
    public var failure: Failure

    init(_ kind: Kind, _ origin: String, _ reason: String, remedy: String? = nil) {
        self.kind = kind
        failure = Failure(.option(origin), reason: reason, remedy: remedy)
    }

    public var description: String { failure.description }
}
