/// What a command line asks for.
public struct Request: Equatable, Sendable {
    public enum Action: Equatable, Sendable {
        /// Help on a command, or on the whole program.
        case help(Verb?)
        case version
        case command(Invocation)
        case misuse(Misuse)
    }

    /// The program as it was called.
    public var program: String
    /// The options before the command; they are complete even if what follows them is misuse.
    public var globals: Values
    public var action: Action
}

/// A command with its options and operands, as many of them as it takes.
public struct Invocation: Equatable, Sendable {
    public var verb: Verb
    public var options: Values
    public var operands: [String]
}

/// A command line that says nothing this program understands.
public struct Misuse: Error, Equatable, Sendable {
    public var message: String
    /// The help to show with it.
    public var topic: Topic

    public enum Topic: Equatable, Sendable {
        case none
        case program
        case command(Verb)
    }

    public init(_ message: String, topic: Topic) {
        self.message = message
        self.topic = topic
    }
}
