/// The cgroup file systems in a `/proc/PID/mountinfo` (proc(5)).
struct CgroupMounts: Equatable, Sendable {
    struct Mount: Equatable, Sendable {
        /// The cgroup that is seen at the mount point, as `/proc/PID/cgroup` would write it.
        var root: String
        var mountPoint: String
    }

    /// cgroup v2, in the order of mounting.
    private(set) var unified: [Mount] = []
    /// cgroup v1, in the order of mounting; of a hierarchy that is mounted twice the first mount.
    private(set) var hierarchies: [LegacyHierarchy] = []

    /// Where each v1 controller is bound. Named hierarchies without a controller are left out.
    var legacy: [String: String] {
        var legacy: [String: String] = [:]
        for hierarchy in hierarchies where !hierarchy.isNamed {
            for controller in hierarchy.controllers { legacy[controller] = hierarchy.mountPoint }
        }
        return legacy
    }

    init(mountinfo: String) {
        for line in mountinfo.utf8.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " "))
            // Optional fields end with a lone dash; the type, the source and the options follow it.
            guard let dash = fields.firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                dash >= 6, fields.count > dash + 3
            else { continue }
            let type = Substring(fields[dash + 1])
            guard type == "cgroup" || type == "cgroup2" else { continue }
            let mount = Mount(root: Self.unescaped(fields[3]), mountPoint: Self.unescaped(fields[4]))
            if type == "cgroup2" {
                unified.append(mount)
            } else {
                add(mount, options: Substring(fields[dash + 3]))
            }
        }
    }

    private mutating func add(_ mount: Mount, options: Substring) {
        let options = options.split(separator: ",")
        var controllers = options.filter(Self.isController).map(String.init)
        // Of the hierarchies without a controller systemd's is the one that containers have a place in.
        if controllers.isEmpty, options.contains("name=systemd") { controllers = ["name=systemd"] }
        guard let first = controllers.first, !hierarchies.contains(where: { $0.controllers.contains(first) })
        else { return }
        hierarchies.append(
            LegacyHierarchy(controllers: controllers, root: mount.root, mountPoint: mount.mountPoint))
    }

    /// Flags and the like stand between the controllers in the options of a v1 mount.
    private static func isController(_ option: Substring) -> Bool {
        let others: Set<Substring> = [
            "rw", "ro", "all", "none", "noprefix", "clone_children", "cpuset_v2_mode", "xattr",
            "favordynmods", "nofavordynmods",
        ]
        return !others.contains(option) && !option.utf8.contains(UInt8(ascii: "="))
    }

    /// The kernel writes blanks and backslashes in a path as three octal digits: `\040`.
    static func unescaped(_ field: Substring.UTF8View) -> String {
        let bytes = Array(field)
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), position + 3 < bytes.count {
                let digits = bytes[(position + 1)...(position + 3)]
                if let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) {
                    result.append(value)
                    position += 4
                    continue
                }
            }
            result.append(bytes[position])
            position += 1
        }
        return String(decoding: result, as: UTF8.self)
    }
}
