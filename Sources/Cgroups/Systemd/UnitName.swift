import Diagnosis

/// Which systemd unit is a container's, and in which slice: what `linux.cgroupsPath` says under the systemd
/// driver.
///
/// The rules are runc's: `slice:prefix:name` is the scope `prefix-name.scope` in that slice; a name that ends in
/// `.slice` is a slice's. Absent or empty it is `apus-ID.scope`.
struct UnitName: Equatable, Sendable {
    /// The unit's, with its suffix.
    let unit: String
    /// The parent's, as systemd wants it: `a-b.slice`.
    let slice: String
    /// The container's, for people.
    let container: String

    var isSlice: Bool { unit.hasSuffix(Self.suffix) }

    /// - Parameter isUser: the manager is a user's own, whose containers go to `user.slice`.
    init(cgroupsPath: String?, id: String, isUser: Bool) throws(Failure) {
        var slice = ""
        if let cgroupsPath, !cgroupsPath.isEmpty {
            let parts = cgroupsPath.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else {
                throw Failure(
                    at: CgroupPath.origin,
                    "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, "
                        + "got \"\(cgroupsPath)\" instead",
                    remedy: "write it so, or leave --systemd-cgroup out")
            }
            slice = parts[0]
            container = parts[2]
            unit = try Self.unit(prefix: parts[1], name: parts[2])
        } else {
            container = id
            unit = try Self.unit(prefix: "apus", name: id)
        }
        if slice.isEmpty { slice = isUser ? "user.slice" : "system.slice" }
        self.slice = slice
        _ = try Self.path(ofSlice: slice)
        if isSlice { _ = try Self.path(ofSlice: unit) }
    }

    /// The directories of the unit's cgroup, below the manager's own.
    var path: [String] {
        get throws(Failure) {
            // A slice is where its name says, whatever it is said to be in.
            isSlice ? try Self.path(ofSlice: unit) : try Self.path(ofSlice: slice) + [unit]
        }
    }

    /// The directories of a slice (systemd.slice(5)): `a-b.slice` is `a.slice/a-b.slice`, and `-.slice` the root.
    static func path(ofSlice slice: String) throws(Failure) -> [String] {
        let refusal = Failure(
            at: CgroupPath.origin, "invalid slice name: \(slice)",
            remedy: "a slice is named as in a-b.slice, which is below a.slice")
        guard slice.hasSuffix(suffix), isValid(slice) else { throw refusal }
        let name = slice.dropLast(suffix.utf8.count)
        if name == "-" { return [] }
        var path: [String] = []
        var prefix = ""
        for component in name.split(separator: "-", omittingEmptySubsequences: false) {
            if component.isEmpty { throw refusal }
            prefix += component
            path.append(prefix + suffix)
            prefix += "-"
        }
        return path
    }

    private static let suffix = ".slice"

    private static func unit(prefix: String, name: String) throws(Failure) -> String {
        let unit =
            name.hasSuffix(suffix) ? name : prefix.isEmpty ? "\(name).scope" : "\(prefix)-\(name).scope"
        guard !name.isEmpty, isValid(unit) else {
            throw Failure(
                at: CgroupPath.origin, "\"\(unit)\" is not a name for a systemd unit",
                remedy: "use at most 255 letters, digits and :-_.\\ in linux.cgroupsPath, SLICE:PREFIX:NAME")
        }
        return unit
    }

    /// systemd.unit(5): what systemd itself would refuse, and above all a slash.
    private static func isValid(_ unit: String) -> Bool {
        unit.utf8.count <= 255
            && unit.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "-"),
                    UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "\\"):
                    true
                default: false
                }
            }
    }
}
