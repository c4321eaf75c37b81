import Kernel

/// Where a bus can be reached (D-Bus Specification, "Server Addresses"): `unix:path=/run/dbus/system_bus_socket`,
/// or several with `;` between them, to be tried in this order.
public struct Address: Equatable, Sendable {
    /// `unix`, `tcp` and so on.
    public let transport: String
    /// Un-escaped, in the order of the text.
    let parameters: [(key: String, value: [UInt8])]
    /// As it was written.
    public let text: String

    public static func == (one: Address, other: Address) -> Bool { one.text == other.text }

    /// Reads a list of addresses.
    ///
    /// - Throws: ``DBusError/unreachable(_:)`` with what is wrong with it.
    public static func list(_ text: String) throws(DBusError) -> [Address] {
        var addresses: [Address] = []
        for entry in text.split(separator: ";") { addresses.append(try Address(String(entry))) }
        if addresses.isEmpty { throw .unreachable("the address is empty") }
        return addresses
    }

    /// The address of a socket at a path.
    public init(path: String) {
        transport = "unix"
        parameters = [("path", Array(path.utf8))]
        text = "unix:path=" + Self.escaped(path)
    }

    private init(_ text: String) throws(DBusError) {
        self.text = text
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex else {
            throw .unreachable("\"\(text)\" is no address: it has no transport, as in unix:path=…")
        }
        transport = String(text[..<colon])
        var parameters: [(key: String, value: [UInt8])] = []
        for pair in text[text.utf8.index(after: colon)...].split(separator: ",") {
            guard let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")), equals > pair.startIndex else {
                throw .unreachable("\"\(text)\" is no address: \"\(pair)\" is not KEY=VALUE")
            }
            let key = String(pair[..<equals])
            guard let value = Self.unescaped(pair[pair.utf8.index(after: equals)...]) else {
                throw .unreachable("\"\(text)\" is no address: % wants two hexadecimal digits after it")
            }
            if parameters.contains(where: { $0.key == key }) {
                throw .unreachable("\"\(text)\" is no address: it has two of \"\(key)\"")
            }
            parameters.append((key, value))
        }
        self.parameters = parameters
    }

    func value(of key: String) -> [UInt8]? { parameters.first { $0.key == key }?.value }

    /// The socket to connect to.
    ///
    /// - Parameter runtimeDirectory: `$XDG_RUNTIME_DIR`, for `unix:runtime=yes`.
    /// - Throws: ``DBusError/unreachable(_:)`` if it is none that this client can connect to.
    func socket(runtimeDirectory: String?) throws(DBusError) -> StreamSocket.Name {
        guard transport == "unix" else {
            throw .unreachable("\(text): only unix sockets are supported")
        }
        switch (value(of: "path"), value(of: "abstract"), value(of: "runtime")) {
        case (let path?, nil, nil):
            guard let name = String(validating: path, as: UTF8.self), !path.contains(0), !path.isEmpty else {
                throw .unreachable("\(text): not a path")
            }
            return .path(name)
        case (nil, let name?, nil):
            return .abstract(name)
        case (nil, nil, let answer?) where answer == Array("yes".utf8):
            guard let runtimeDirectory, !runtimeDirectory.isEmpty else {
                throw .unreachable("\(text): XDG_RUNTIME_DIR is not set")
            }
            return .path(runtimeDirectory + "/bus")
        default:
            throw .unreachable("\(text): wants one of path=, abstract= and runtime=yes")
        }
    }

    private static func unescaped(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func escaped(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += byte < 16 ? "%0" : "%"
                text += String(byte, radix: 16)
            }
        }
        return text
    }
}
