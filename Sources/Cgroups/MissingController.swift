import Diagnosis
import Glibc
import Kernel

/// Why a cgroup lacks a controller's files: where the controller is, and how to get it. Looked into only when a
/// limit could not be set.
struct MissingController {
    static let bootUnified =
        "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 on /sys/fs/cgroup"

    enum Cause: Equatable {
        /// In a v1 hierarchy, mounted there if one can see it.
        case legacy(mountPoint: String?)
        /// The kernel has it for cgroup v1, and it could be mounted.
        case notMounted
        case disabledAtBoot
        case unknownToKernel
        /// The kernel has it for cgroup v2, but not for this part of the tree.
        case notDelegated(to: String)
        /// It stops at a directory that does not pass it on.
        case notEnabled(in: String, Errno)
    }

    let controller: Controller
    let cause: Cause

    init(_ controller: Controller, cause: Cause) {
        self.controller = controller
        self.cause = cause
    }

    /// For a host without a cgroup v2 tree, or a tree that has no such controller at all.
    init(_ controller: Controller, host: CgroupHost) {
        let mountinfo = (try? HostFile.mountinfo.text()) ?? ""
        let table = (try? HostFile.controllers.text()) ?? ""
        self.init(
            controller,
            cause: Self.cause(
                controller, mounts: CgroupMounts(mountinfo: mountinfo), table: table,
                mount: host.unifiedMount))
    }

    /// - Parameter table: /proc/cgroups: name, hierarchy (0 is v2), cgroups, enabled.
    static func cause(
        _ controller: Controller, mounts: CgroupMounts, table: String, mount: String?
    ) -> Cause {
        if let mountPoint = mounts.legacy[controller.v1Name] { return .legacy(mountPoint: mountPoint) }
        for line in table.split(separator: "\n") {
            let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
            guard fields.count == 4, fields[0] == controller.v1Name else { continue }
            if fields[3] == "0" { return .disabledAtBoot }
            if fields[1] != "0" { return .legacy(mountPoint: nil) }
            if controller.isLegacyOnly { return .notMounted }
            return mount.map { .notDelegated(to: $0) } ?? .notMounted
        }
        return .unknownToKernel
    }

    /// Looks for the first directory from the mount down to `names` that lacks the controller.
    ///
    /// - Returns: `nil` if the controller is there after all.
    static func find(_ controller: Controller, host: CgroupHost, mount: String, names: [String]) -> Self? {
        var directory = mount
        for name in names {
            guard ControllerList.available(in: directory).contains(Substring(controller.name)) else {
                if directory == mount { return MissingController(controller, host: host) }
                return Self(controller, cause: .notDelegated(to: directory))
            }
            if !ControllerList.enabled(in: directory).contains(Substring(controller.name)) {
                do throws(SystemError) {
                    try FileTree.write("+\(controller)", to: "\(directory)/cgroup.subtree_control")
                } catch {
                    return Self(controller, cause: .notEnabled(in: directory, error.errno))
                }
            }
            directory += "/" + name
        }
        return nil
    }

    func failure(of setting: Setting) -> Failure {
        let subject =
            setting.origin.description.split(separator: "/").contains("unified")
            ? "unified resource \"\(setting.file)\" can't be set: controller \"\(controller)\" not available"
            : "controller \"\(controller)\" not available"
        return failure(at: setting.origin, subject)
    }

    func failure(at pointer: Pointer, _ subject: String) -> Failure {
        var failure = Failure(.config(pointer), reason: "\(subject): \(explanation)", remedy: remedy)
        if case .notEnabled(_, let errno) = cause { failure.errno = errno }
        return failure
    }

    private var explanation: String {
        switch cause {
        case .legacy(let mountPoint?): "it is bound to cgroup v1, at \(mountPoint)"
        case .legacy(nil): "it is bound to cgroup v1, in a hierarchy that is not mounted here"
        case .notMounted: "its cgroup v1 hierarchy is not mounted"
        case .disabledAtBoot: "it is disabled by the kernel's command line (cgroup_disable=)"
        case .unknownToKernel: "this kernel does not have it"
        case .notDelegated(let directory): "\(directory)/cgroup.controllers does not list it"
        case .notEnabled(let directory, Errno(EBUSY)):
            "\(directory) has processes of its own, and then cannot enable it for its children"
        case .notEnabled(let directory, _): "it cannot be enabled in \(directory)/cgroup.subtree_control"
        }
    }

    private var remedy: String? {
        switch cause {
        case .legacy:
            "boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=\(controller.v1Name)"
        case .notMounted:
            "mount -t cgroup -o \(controller.v1Name) cgroup /sys/fs/cgroup/\(controller.v1Name)"
        case .disabledAtBoot: "boot without cgroup_disable=\(controller.v1Name)"
        case .unknownToKernel: nil
        case .notDelegated: "have it delegated, for example by systemd's Delegate=yes"
        case .notEnabled(_, Errno(EBUSY)): "set linux.cgroupsPath to a place below a cgroup without processes"
        case .notEnabled: nil
        }
    }
}

/// The lists of controllers in a cgroup's directory.
enum ControllerList {
    /// Those that the cgroup could pass on to its children.
    static func available(in directory: String) -> [Substring] {
        read("\(directory)/cgroup.controllers")
    }

    /// Those that it does pass on.
    static func enabled(in directory: String) -> [Substring] {
        read("\(directory)/cgroup.subtree_control")
    }

    /// An unreadable list is an empty one: what is missing for it shows when a limit is set.
    private static func read(_ path: String) -> [Substring] {
        guard let text = try? CoreFile.text(path) else { return [] }
        return text.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x0a }).map(Substring.init)
    }
}

/// The short files of a cgroup's core.
enum CoreFile {
    /// One read(2): the kernel gives such a file whole.
    static func text(_ path: String) throws(SystemError) -> String {
        let bytes = try FileDescriptor.open(path, O_RDONLY).read(1024, name: path)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A value of a "flat keyed" file: `populated 1`.
    static func value(of key: String, in text: String) -> Substring? {
        for line in Array(text.utf8).split(separator: 0x0a) {
            let fields = line.split(separator: 0x20)
            if fields.count == 2, fields[0].elementsEqual(key.utf8) {
                return Substring(decoding: fields[1], as: UTF8.self)
            }
        }
        return nil
    }
}
