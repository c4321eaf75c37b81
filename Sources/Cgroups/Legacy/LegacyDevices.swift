import Diagnosis

/// What the v1 devices controller knows of a cgroup (cgroup-v1/devices.rst): what it does by default, and for which
/// devices it does otherwise.
///
/// The controller has no order of rules, and its exceptions cannot have exceptions. So the rules are played through
/// here, and what is left of them is written; where that cannot be said, they are refused.
struct LegacyDevices: Equatable {
    struct Device: Hashable {
        var kind: DeviceFilter.Kind
        /// `nil` is any.
        var major: UInt32?
        var minor: UInt32?

        func covers(_ other: Device) -> Bool {
            kind == other.kind && (major == nil || major == other.major)
                && (minor == nil || minor == other.minor)
        }

        func overlaps(_ other: Device) -> Bool {
            kind == other.kind && (major == nil || other.major == nil || major == other.major)
                && (minor == nil || other.minor == nil || minor == other.minor)
        }
    }

    struct Exception: Equatable {
        var device: Device
        var access: DeviceFilter.Access
    }

    private(set) var allowsByDefault = false
    private(set) var exceptions: [Exception] = []

    /// - Throws: a rule takes back a part of a wider one.
    init(_ filter: DeviceFilter) throws(Failure) {
        for rule in filter.rules {
            if rule.isTotal {
                allowsByDefault = rule.allow
                exceptions = []
                continue
            }
            for kind in rule.kind.map({ [$0] }) ?? [.block, .character] {
                let device = Device(kind: kind, major: rule.major, minor: rule.minor)
                if rule.allow != allowsByDefault {
                    add(device, rule.access)
                } else {
                    try remove(device, rule.access, filter)
                }
            }
        }
    }

    /// What `devices.list` says. Of a cgroup that allows by default it tells no exceptions.
    init(list: String) {
        for line in list.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 3 else { continue }
            let numbers = fields[1].split(separator: ":")
            if fields[0] == "a" {
                allowsByDefault = true
                exceptions = []
                return
            }
            guard let kind = DeviceFilter.Kind.allCases.first(where: { $0.letter == fields[0] }),
                numbers.count == 2
            else { continue }
            add(
                Device(kind: kind, major: UInt32(numbers[0]), minor: UInt32(numbers[1])),
                DeviceFilter.Access(letters: fields[2]))
        }
    }

    private mutating func add(_ device: Device, _ access: DeviceFilter.Access) {
        if let position = exceptions.firstIndex(where: { $0.device == device }) {
            exceptions[position].access.formUnion(access)
        } else {
            exceptions.append(Exception(device: device, access: access))
        }
    }

    private mutating func remove(
        _ device: Device, _ access: DeviceFilter.Access, _ filter: DeviceFilter
    ) throws(Failure) {
        for position in exceptions.indices {
            let exception = exceptions[position]
            if device.covers(exception.device) {
                exceptions[position].access.subtract(access)
            } else if device.overlaps(exception.device), !exception.access.isDisjoint(with: access) {
                let (rule, wider) = (Exception(device: device, access: access).line, exception.line)
                throw Failure(
                    filter.origin.map { .config($0) } ?? .runtime,
                    reason: "cgroup v1 cannot \(allowsByDefault ? "allow" : "deny") \"\(rule)\" "
                        + "after \(allowsByDefault ? "denying" : "allowing") \"\(wider)\"",
                    remedy: "name the devices one by one, or use cgroup v2")
            }
        }
        exceptions.removeAll { $0.access.isEmpty }
    }

    /// The writes that make this out of what is there, in their order.
    func writes(from current: LegacyDevices) -> [(file: String, line: String)] {
        if allowsByDefault {
            // Takes all exceptions away, those that are not to be seen too.
            return [("devices.allow", "a")] + exceptions.map { ("devices.deny", $0.line) }
        }
        if current.allowsByDefault {
            return [("devices.deny", "a")] + exceptions.map { ("devices.allow", $0.line) }
        }
        // A container that runs must not be without its devices for a moment.
        return exceptions.flatMap { $0.missing(in: current.exceptions).map { ("devices.allow", $0) } }
            + current.exceptions.flatMap { $0.missing(in: exceptions).map { ("devices.deny", $0) } }
    }
}

extension LegacyDevices.Exception {
    /// As the controller's files have it: `c 1:3 rwm`.
    var line: String {
        "\(device.kind.letter) \(device.major.map(String.init) ?? "*"):\(device.minor.map(String.init) ?? "*") "
            + access.letters
    }

    /// The part that these do not have for the same device.
    fileprivate func missing(in others: [Self]) -> [String] {
        var rest = self
        for other in others where other.device == device { rest.access.subtract(other.access) }
        return rest.access.isEmpty ? [] : [rest.line]
    }
}

extension DeviceFilter.Kind {
    var letter: String { self == .block ? "b" : "c" }
}

extension DeviceFilter.Access {
    var letters: String {
        (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.makeNode) ? "m" : "")
    }

    init(letters: Substring) {
        self = []
        if letters.contains("r") { insert(.read) }
        if letters.contains("w") { insert(.write) }
        if letters.contains("m") { insert(.makeNode) }
    }
}
