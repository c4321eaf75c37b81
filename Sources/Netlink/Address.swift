/// An address of a network device (RTM_NEWADDR of rtnetlink(7)).
public struct Address: Equatable, Sendable {
    /// Of the device.
    public var index: Int32
    /// AF_INET or AF_INET6.
    public var family: UInt8
    public var prefixLength: UInt8
    public var scope: UInt8
    public var flags: UInt32
    /// The device's own; absent if it is ``peer``.
    public var local: [UInt8]?
    /// The other end's, where the device is a link between two; else the device's own.
    public var peer: [UInt8]?
    public var broadcast: [UInt8]?
    /// Of the route that comes with it.
    public var metric: UInt32?
    /// How long it is to last still (struct ifa_cacheinfo).
    public var lifetimes: [UInt8]?

    init?(_ message: Message) {
        let body = message.body[...]
        guard message.type == Kind.new, let family = body.native(0, as: UInt8.self),
            let prefixLength = body.native(1, as: UInt8.self), let flags = body.native(2, as: UInt8.self),
            let scope = body.native(3, as: UInt8.self), let index = body.native(4, as: Int32.self),
            let attributes = Attributes(body.dropFirst(Self.fixedSize))
        else { return nil }
        self.index = index
        self.family = family
        self.prefixLength = prefixLength
        self.scope = scope
        // The byte has the first eight of them.
        self.flags = attributes[Attribute.flags]?.native(0) ?? UInt32(flags)
        local = attributes[Attribute.local].map(Array.init)
        peer = attributes[Attribute.address].map(Array.init)
        broadcast = attributes[Attribute.broadcast].map(Array.init)
        metric = attributes[Attribute.metric]?.native(0)
        lifetimes = attributes[Attribute.lifetimes].map(Array.init)
    }

    /// Whether somebody set it who did not mean it to expire (IFA_F_PERMANENT).
    public var isPermanent: Bool { flags & 0x80 != 0 }
    /// RT_SCOPE_UNIVERSE.
    public var isGlobal: Bool { scope == 0 }

    static var query: Message {
        Message(
            type: Kind.get, flags: Message.Flags.request | Message.Flags.dump,
            body: [UInt8](repeating: 0, count: fixedSize))
    }

    /// The same address for another device.
    func addition(to index: Int32) -> Message {
        // What is asked for, rather than what has come of it: IFA_F_NODAD, IFA_F_HOMEADDRESS,
        // IFA_F_MANAGETEMPADDR, IFA_F_NOPREFIXROUTE, IFA_F_MCAUTOJOIN.
        let wishes = flags & 0x712
        var body: [UInt8] = [family, prefixLength, UInt8(truncatingIfNeeded: wishes), scope]
        body.appendNative(index)
        if let local { body += Attributes.bytes(Attribute.local, local) }
        if let peer { body += Attributes.bytes(Attribute.address, peer) }
        if let broadcast { body += Attributes.bytes(Attribute.broadcast, broadcast) }
        if let metric { body += Attributes.bytes(Attribute.metric, metric) }
        if let lifetimes { body += Attributes.bytes(Attribute.lifetimes, lifetimes) }
        body += Attributes.bytes(Attribute.flags, wishes)
        return Message(
            type: Kind.new,
            flags: Message.Flags.request | Message.Flags.acknowledge | Message.Flags.create
                | Message.Flags.exclusive, body: body)
    }

    /// struct ifaddrmsg.
    private static let fixedSize = 8

    private enum Kind {
        static let new: UInt16 = 20
        static let get: UInt16 = 22
    }

    private enum Attribute {
        static let address: UInt16 = 1
        static let local: UInt16 = 2
        static let broadcast: UInt16 = 4
        static let lifetimes: UInt16 = 6
        static let flags: UInt16 = 8
        static let metric: UInt16 = 9
    }
}
