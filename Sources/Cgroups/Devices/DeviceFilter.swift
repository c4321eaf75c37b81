import Diagnosis
import OCISpec

/// Which devices a container may read, write and make nodes of (config-linux.md, "Allowed Device list").
///
/// Each kind of access is decided by the last rule that names it for the device, and an access of several kinds
/// (open for reading and writing) is let in if all of them are. What no rule names is denied. So it is for
/// cgroup v1's allow list and for runc where it accepts a list; where runc refuses one ("cannot punch hole in
/// existing wildcard rule"), the last rule wins here.
struct DeviceFilter: Equatable, Sendable {
    struct Access: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        // BPF_DEVCG_ACC_* of linux/bpf.h.
        static let makeNode = Access(rawValue: 1)
        static let read = Access(rawValue: 2)
        static let write = Access(rawValue: 4)
        static let all: Access = [.makeNode, .read, .write]
    }

    enum Kind: Int32, CaseIterable, Sendable {
        // BPF_DEVCG_DEV_* of linux/bpf.h.
        case block = 1
        case character = 2
    }

    struct Rule: Equatable, Sendable {
        var allow: Bool
        /// `nil` is both.
        var kind: Kind?
        /// `nil` is any.
        var major: UInt32?
        var minor: UInt32?
        var access: Access

        /// Whether every access that `other` names is named here.
        func covers(_ other: Rule) -> Bool {
            (kind == nil || kind == other.kind) && (major == nil || major == other.major)
                && (minor == nil || minor == other.minor) && access.isSuperset(of: other.access)
        }
    }

    /// In the order of the configuration, the defaults last; without those that later ones cover.
    let rules: [Rule]
    /// The configured rules, if there are any.
    let origin: Pointer?

    /// - Parameter nodes: the configured device nodes: one with a default device's path stands for it, and
    ///   brings no rule of its own.
    init(_ configured: [Resources.DeviceRule], at pointer: Pointer, nodes: [Device]) throws(Failure) {
        var rules: [Rule] = []
        for position in configured.indices {
            rules.append(try Self.rule(configured[position], at: pointer.index(position)))
        }
        for standard in Self.defaults where !nodes.contains(where: { $0.path == standard.path }) {
            rules.append(standard.rule)
        }
        self.rules = Self.pruned(rules)
        origin = configured.isEmpty ? nil : pointer
    }

    /// Whether nothing is denied.
    var allowsEverything: Bool {
        // Pruned: a rule for all accesses of all devices is the first if it is there at all.
        guard let first = rules.first, first.isTotal else { return false }
        return rules.allSatisfy(\.allow)
    }

    private static func pruned(_ rules: [Rule]) -> [Rule] {
        var kept: [Rule] = []
        for rule in rules.reversed() where !kept.contains(where: { $0.covers(rule) }) {
            kept.append(rule)
        }
        return kept.reversed()
    }

    private static func rule(_ rule: Resources.DeviceRule, at pointer: Pointer) throws(Failure) -> Rule {
        var access: Access = []
        for letter in rule.access ?? "" {
            switch letter {
            case "r": access.insert(.read)
            case "w": access.insert(.write)
            case "m": access.insert(.makeNode)
            default:
                throw Failure(at: pointer.key("access"), "\"\(letter)\" is none of r, w and m")
            }
        }
        if access.isEmpty {
            throw Failure(at: pointer.key("access"), "device access field cannot be empty: give some of rwm")
        }
        return Rule(
            allow: rule.allow,
            kind: rule.type.flatMap { $0 == .a ? nil : $0 == .b ? .block : .character },
            major: try number(rule.major, at: pointer.key("major")),
            minor: try number(rule.minor, at: pointer.key("minor")), access: access)
    }

    private static func number(_ value: Int64?, at pointer: Pointer) throws(Failure) -> UInt32? {
        guard let value, value != -1 else { return nil }
        guard let number = UInt32(exactly: value) else {
            throw Failure(at: pointer, "\(value) is not a device number, nor -1 for all")
        }
        return number
    }
}

extension DeviceFilter.Rule {
    /// Names all accesses of all devices.
    var isTotal: Bool { kind == nil && major == nil && minor == nil && access == .all }
}

extension DeviceFilter {
    /// What every container may use, as with runc: nodes of any device (an unusable node does no harm), the
    /// default devices, terminals, and /dev/net/tun, which engines rely on.
    static let defaults: [Default] = [
        Default(Rule(allow: true, kind: .character, access: .makeNode)),
        Default(Rule(allow: true, kind: .block, access: .makeNode)),
        Default(Rule(allow: true, kind: .character, major: 1, minor: 3, access: .all), path: "/dev/null"),
        Default(Rule(allow: true, kind: .character, major: 1, minor: 8, access: .all), path: "/dev/random"),
        Default(Rule(allow: true, kind: .character, major: 1, minor: 7, access: .all), path: "/dev/full"),
        Default(Rule(allow: true, kind: .character, major: 5, minor: 0, access: .all), path: "/dev/tty"),
        Default(Rule(allow: true, kind: .character, major: 1, minor: 5, access: .all), path: "/dev/zero"),
        Default(Rule(allow: true, kind: .character, major: 1, minor: 9, access: .all), path: "/dev/urandom"),
        Default(Rule(allow: true, kind: .character, major: 136, access: .all)),
        Default(Rule(allow: true, kind: .character, major: 5, minor: 2, access: .all)),
        Default(Rule(allow: true, kind: .character, major: 10, minor: 200, access: .all)),
    ]

    struct Default {
        let rule: Rule
        /// Of the node that the rule comes with; empty if it is for others.
        let path: String

        init(_ rule: Rule, path: String = "") {
            self.rule = rule
            self.path = path
        }
    }
}
