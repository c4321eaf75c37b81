/// A call to a method of an object.
public struct MethodCall: Equatable, Sendable {
    /// A name on the bus; `nil` where there is no bus.
    public var destination: String?
    public var path: String
    public var interface: String
    public var member: String
    public var arguments: [Value]

    public init(
        destination: String?, path: String, interface: String, member: String, arguments: [Value] = []
    ) {
        self.destination = destination
        self.path = path
        self.interface = interface
        self.member = member
        self.arguments = arguments
    }

    /// A method of the bus itself.
    static func bus(_ member: String, _ arguments: [Value] = []) -> MethodCall {
        MethodCall(
            destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus", member: member, arguments: arguments)
    }

    func message(serial: UInt32) -> Message {
        var message = Message(.methodCall, serial: serial)
        message.destination = destination
        message.path = path
        message.interface = interface
        message.member = member
        message.body = arguments
        return message
    }
}
