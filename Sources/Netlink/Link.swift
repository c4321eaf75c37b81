/// A network device (RTM_NEWLINK of rtnetlink(7)).
public struct Link: Equatable, Sendable {
    /// Its number in its network namespace.
    public var index: Int32
    public var name: String
    public var isUp: Bool

    init?(_ message: Message) {
        let body = message.body[...]
        guard message.type == Kind.new, let index = body.native(4, as: Int32.self),
            let flags = body.native(8, as: UInt32.self),
            let name = Attributes(body.dropFirst(Self.fixedSize))?[Attribute.name]?.text
        else { return nil }
        self.index = index
        self.name = name
        isUp = flags & Self.up != 0
    }

    static func query(named name: String) -> Message {
        Message(
            type: Kind.get, flags: Message.Flags.request | Message.Flags.acknowledge,
            body: fixed(0) + Attributes.bytes(Attribute.name, name))
    }

    static func query(_ index: Int32) -> Message {
        Message(type: Kind.get, flags: Message.Flags.request | Message.Flags.acknowledge, body: fixed(index))
    }

    /// - Parameter name: what it is to be called there.
    static func move(_ index: Int32, toNamespace descriptor: Int32, as name: String) -> Message {
        change(
            index,
            Attributes.bytes(Attribute.namespace, UInt32(bitPattern: descriptor))
                + Attributes.bytes(Attribute.name, name))
    }

    static func rename(_ index: Int32, to name: String) -> Message {
        change(index, Attributes.bytes(Attribute.name, name))
    }

    static func setUp(_ index: Int32) -> Message {
        Message(
            type: Kind.set, flags: Message.Flags.request | Message.Flags.acknowledge,
            body: fixed(index, flags: up, change: up))
    }

    private static func change(_ index: Int32, _ attributes: [UInt8]) -> Message {
        Message(
            type: Kind.set, flags: Message.Flags.request | Message.Flags.acknowledge,
            body: fixed(index) + attributes)
    }

    /// struct ifinfomsg.
    private static func fixed(_ index: Int32, flags: UInt32 = 0, change: UInt32 = 0) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0]
        bytes.appendNative(index)
        bytes.appendNative(flags)
        bytes.appendNative(change)
        return bytes
    }

    private static let fixedSize = 16
    private static let up: UInt32 = 1

    private enum Kind {
        static let new: UInt16 = 16
        static let get: UInt16 = 18
        static let set: UInt16 = 19
    }

    private enum Attribute {
        static let name: UInt16 = 3
        static let namespace: UInt16 = 28
    }
}
