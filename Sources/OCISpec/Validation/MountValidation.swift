import Diagnosis

extension Mount {
    /// The destination as an absolute path in the container, with `.`, `..`, and doubled and trailing
    /// slashes resolved by the text alone. A relative destination, which the specification deprecates,
    /// counts from `/`.
    public var target: String {
        if isPlain { return destination }
        var names: [String] = []
        for name in destination.utf8.split(separator: UInt8(ascii: "/")) {
            switch String(Substring(name)) {
            case ".": break
            case "..": _ = names.popLast()
            case let name: names.append(name)
            }
        }
        return "/" + names.joined(separator: "/")
    }

    /// Whether the destination is absolute and has nothing to resolve. It may be: most are.
    private var isPlain: Bool {
        let slash = UInt8(ascii: "/")
        guard destination.utf8.first == slash, destination.utf8.last != slash else { return false }
        var previous: UInt8 = 0
        for byte in destination.utf8 {
            if previous == slash && (byte == slash || byte == UInt8(ascii: ".")) { return false }
            previous = byte
        }
        return true
    }

    /// Whether the mount is to have an ID mapping, its own or the container's user namespace's.
    public var isIDMapped: Bool {
        uidMappings != nil || gidMappings != nil || options.contains("idmap") || options.contains("ridmap")
            || hasMappingOption
    }

    /// Whether an option gives the mapping, in the way of crun.
    private var hasMappingOption: Bool {
        options.contains { $0.hasPrefix("idmap=") || $0.hasPrefix("ridmap=") }
    }

    func validate(at pointer: () -> Pointer, hasUserNamespace: Bool) throws(Failure) {
        if destination.isEmpty { throw Failure(at: pointer().key("destination"), "must not be empty") }
        // Nothing that ends with a name is the root.
        let last = destination.utf8.last
        if last == UInt8(ascii: "/") || last == UInt8(ascii: "."), target == "/" {
            throw Failure(
                at: pointer().key("destination"),
                "\(quoted(destination)) is the root; what is mounted there is /root of config.json")
        }
        guard isIDMapped else { return }
        switch (uidMappings, gidMappings) {
        case (nil, nil):
            if !hasUserNamespace && !hasMappingOption {
                throw Failure(
                    at: pointer(), "the mount is to be ID-mapped, but no mapping is given",
                    remedy:
                        "add uidMappings and gidMappings to the mount, or a user namespace to the container")
            }
        case (let uids?, let gids?):
            try validateMappings(uids, at: { pointer().key("uidMappings") })
            try validateMappings(gids, at: { pointer().key("gidMappings") })
        case (nil, _):
            throw Failure(at: pointer().key("uidMappings"), "required, since there are gidMappings")
        case (_, nil):
            throw Failure(at: pointer().key("gidMappings"), "required, since there are uidMappings")
        }
    }
}

/// Checks what the kernel demands of a uid_map or gid_map: user_namespaces(7).
public func validateMappings(_ mappings: [IDMapping], at pointer: () -> Pointer) throws(Failure) {
    // UID_GID_MAP_MAX_EXTENTS.
    if mappings.count > 340 {
        throw Failure(at: pointer(), "\(mappings.count) mappings are more than the kernel's limit of 340")
    }
    for (index, mapping) in mappings.enumerated() {
        if mapping.size == 0 { throw Failure(at: pointer().index(index).key("size"), "must not be 0") }
        for (name, first) in [("containerID", mapping.containerID), ("hostID", mapping.hostID)]
        where UInt64(first) + UInt64(mapping.size) > UInt64(UInt32.max) {
            throw Failure(
                at: pointer().index(index).key(name),
                "\(first) and the \(mapping.size) IDs from there on go beyond the last, \(UInt32.max - 1)")
        }
    }
    guard mappings.count > 1 else { return }
    try refuseOverlap(mappings.map { (UInt64($0.containerID), UInt64($0.size)) }, "container's", at: pointer)
    try refuseOverlap(mappings.map { (UInt64($0.hostID), UInt64($0.size)) }, "host's", at: pointer)
}

private func refuseOverlap(
    _ ranges: [(first: UInt64, size: UInt64)], _ whose: String, at pointer: () -> Pointer
) throws(Failure) {
    let order = ranges.indices.sorted { ranges[$0].first < ranges[$1].first }
    for (before, after) in zip(order, order.dropFirst())
    where ranges[before].first + ranges[before].size > ranges[after].first {
        throw Failure(
            at: pointer().index(max(before, after)),
            "maps some of the \(whose) IDs that \(pointer().index(min(before, after))) maps too")
    }
}
