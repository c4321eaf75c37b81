import Diagnosis

extension Linux {
    /// config-linux.md, "Network Devices", and the kernel's dev_valid_name().
    func validateNetDevices(at pointer: Pointer) throws(Failure) {
        if netDevices.isEmpty { return }
        if !has(.network) {
            throw Failure(
                at: pointer, "needs a network namespace of the container's own",
                remedy: "add one to /linux/namespaces")
        }
        for (index, device) in netDevices.enumerated() {
            try validate(device.hostName, at: { pointer.key(device.hostName) })
            guard let name = device.name else { continue }
            try validate(name, at: { pointer.key(device.hostName).key("name") })
            // The kernel puts a number into a template.
            if name.utf8.contains(UInt8(ascii: "%")) { continue }
            if let other = netDevices[..<index].first(where: { ($0.name ?? $0.hostName) == name }) {
                throw Failure(
                    at: pointer.key(device.hostName).key("name"),
                    "\(quoted(name)) is also what \(pointer.key(other.hostName)) is to be called")
            }
        }
    }

    private func validate(_ name: String, at pointer: () -> Pointer) throws(Failure) {
        let reason: String
        if name.isEmpty || name == "." || name == ".." {
            reason = "is not a name for a network device"
        } else if name.utf8.count > 15 {
            reason = "is longer than 15 bytes, the most for a network device's name"
        } else if name.utf8.contains(where: {
            $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") || $0 <= 0x20
        }) {
            reason =
                "has a slash, a colon, white space or a control character, which a network device's name cannot"
        } else {
            return
        }
        throw Failure(at: pointer(), "\(quoted(name)) \(reason)")
    }
}
