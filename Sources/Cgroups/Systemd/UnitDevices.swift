import DBus

// Device rules as properties of a unit (systemd.resource-control(5), DevicePolicy=, DeviceAllow=).

extension DeviceFilter {
    /// What systemd is to let in by a program of its own, beside which ours decides.
    ///
    /// systemd has a list of what to allow and nothing else. Where the rules deny a part of what they allow, or
    /// allow what systemd has no words for, it is told to keep out of it: its list would have to be too short or
    /// too long. (runc gives it too short a one then, and takes its program away; it comes back with the next
    /// `systemctl daemon-reload`.)
    ///
    /// Where the v1 controller guards, there is but one list, which both write, and a unit without a list is moved out
    /// of its cgroup: there systemd is told what it has words for, be it too little, and ours is written over it.
    ///
    /// - Parameter isLegacy: whether it is the v1 controller that guards.
    func unitProperties(systemd version: Int, isLegacy: Bool = false) -> [UnitProperty] {
        let type = DataType.structure([.string, .string])
        var properties = [
            // What is listed is added to what was listed before; the empty list takes that away.
            UnitProperty("DeviceAllow", .array(of: type, []))
        ]
        let entries = allowed?.map { $0.entry(systemd: version) } ?? [nil]
        guard !allowsEverything, isLegacy || !entries.contains(nil) else {
            return properties + [UnitProperty("DevicePolicy", .string("auto"))]
        }
        properties.append(UnitProperty("DevicePolicy", .string("strict")))
        properties.append(UnitProperty("DeviceAllow", .array(of: type, entries.compactMap { $0 })))
        return properties
    }

    /// The rules as a list of what to allow; `nil` if there is none for them.
    var allowed: [Rule]? {
        var allowed: [Rule] = []
        for rule in rules.flatMap(\.byKind) {
            if rule.allow {
                // One entry for a device, whatever was said about it.
                if let index = allowed.firstIndex(where: { $0.names(sameAs: rule) }) {
                    allowed[index].access.formUnion(rule.access)
                } else {
                    allowed.append(rule)
                }
                continue
            }
            for index in allowed.indices where allowed[index].meets(rule) {
                guard rule.includes(allowed[index]) else { return nil }
                allowed[index].access.subtract(rule.access)
            }
            allowed.removeAll { $0.access.isEmpty }
        }
        return allowed
    }
}

extension DeviceFilter.Rule {
    /// A rule for all kinds as one for each.
    fileprivate var byKind: [DeviceFilter.Rule] {
        guard kind == nil else { return [self] }
        return DeviceFilter.Kind.allCases.map { kind in
            var rule = self
            rule.kind = kind
            return rule
        }
    }

    fileprivate func names(sameAs other: DeviceFilter.Rule) -> Bool {
        kind == other.kind && major == other.major && minor == other.minor
    }

    /// Whether an access that this rule speaks of can be one that `other` speaks of. Both have a kind.
    fileprivate func meets(_ other: DeviceFilter.Rule) -> Bool {
        kind == other.kind && (major == nil || other.major == nil || major == other.major)
            && (minor == nil || other.minor == nil || minor == other.minor)
            && !access.isDisjoint(with: other.access)
    }

    /// Whether this rule is for every device that `other` is for. Both have a kind.
    fileprivate func includes(_ other: DeviceFilter.Rule) -> Bool {
        kind == other.kind && (major == nil || major == other.major)
            && (minor == nil || minor == other.minor)
    }

    /// As an element of DeviceAllow=; `nil` if systemd has no words for it.
    fileprivate func entry(systemd version: Int) -> Value? {
        let name = kind == .block ? "block" : "char"
        let path: String
        switch (major, minor) {
        case (nil, nil): path = "\(name)-*"
        // systemd 240: before, the group's name in /proc/devices was wanted.
        case (let major?, nil) where version >= 240: path = "\(name)-\(major)"
        case (let major?, let minor?): path = "/dev/\(name)/\(major):\(minor)"
        default: return nil
        }
        var letters = ""
        if access.contains(.read) { letters += "r" }
        if access.contains(.write) { letters += "w" }
        if access.contains(.makeNode) { letters += "m" }
        return .structure([.string(path), .string(letters)])
    }
}
