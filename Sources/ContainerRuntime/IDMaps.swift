import Diagnosis
import Kernel
import OCISpec

/// The ID maps of a new user namespace, and how they come to be written (user_namespaces(7)).
struct IDMaps {
    /// Who may write a map.
    private enum Writer: Equatable {
        /// The runtime, any map: it has CAP_SETUID or CAP_SETGID in its own user namespace.
        case privileged
        /// The runtime, because the map is of its own ID alone. For groups setgroups(2) has to be denied first.
        case owner
        /// newuidmap(1) or newgidmap(1), for the ranges that root has given to the user.
        case helper(String)
    }

    private let uid: [IDMapping]
    private let gid: [IDMapping]
    private let uidWriter: Writer
    private let gidWriter: Writer

    /// Finds out how, before there is a process.
    ///
    /// - Throws: where the maps cannot be written.
    init(_ config: Config, capabilities: UInt64) throws(Failure) {
        uid = config.linux?.uidMappings ?? []
        gid = config.linux?.gidMappings ?? []
        uidWriter = try Self.writer(
            uid, ownID: ProcessControl.effectiveUID, isPrivileged: capabilities >> 7 & 1 == 1,  // CAP_SETUID
            helper: "newuidmap", "/linux/uidMappings")
        gidWriter = try Self.writer(
            gid, ownID: ProcessControl.effectiveGID, isPrivileged: capabilities >> 6 & 1 == 1,  // CAP_SETGID
            helper: "newgidmap", "/linux/gidMappings")
    }

    private static func writer(
        _ mappings: [IDMapping], ownID: UInt32, isPrivileged: Bool, helper: String, _ pointer: Pointer
    ) throws(Failure) -> Writer {
        if isPrivileged { return .privileged }
        if mappings.count == 1, mappings[0].size == 1, mappings[0].hostID == ownID { return .owner }
        guard let path = HostProgram.find(helper) else {
            let written = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)" }.joined(separator: ", ")
            throw Failure(
                .config(pointer), doing: "exec: \"\(helper)\"",
                reason: "executable file not found in $PATH, and without it a user may map but the own ID: "
                    + "\(ownID), not \(written)",
                remedy: "install it (Debian's package uidmap), or map one ID to \(ownID)")
        }
        return .helper(path)
    }

    /// Whether nobody in the namespace will be able to set groups.
    var deniesGroups: Bool { gidWriter == .owner || Self.deniesGroups(pid: nil) }

    /// Whether setgroups(2) is denied in a process's user namespace, or in the caller's own.
    static func deniesGroups(pid: Int32?) -> Bool {
        (try? FileTree.readText("/proc/\(pid.map(String.init) ?? "self")/setgroups")) == "deny"
    }

    /// Writes both for the namespace that `pid` is in.
    func write(pid: Int32) throws(Failure) {
        try write(uid, by: uidWriter, pid: pid, "uid_map", "/linux/uidMappings")
        if gidWriter == .owner {
            try Failure.blaming(.config("/linux/gidMappings")) { () throws(SystemError) in
                try FileTree.write("deny", to: "/proc/\(pid)/setgroups")
            }
        }
        try write(gid, by: gidWriter, pid: pid, "gid_map", "/linux/gidMappings")
    }

    private func write(
        _ mappings: [IDMapping], by writer: Writer, pid: Int32, _ file: String, _ pointer: Pointer
    ) throws(Failure) {
        guard !mappings.isEmpty else { return }
        if case .helper(let path) = writer {
            return try call(path, pid: pid, mappings, pointer)
        }
        let lines = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
        try Failure.blaming(.config(pointer), remedy: "ranges must not overlap, and 340 are the most") {
            () throws(SystemError) in
            try FileTree.write(lines, to: "/proc/\(pid)/\(file)")
        }
    }

    private func call(
        _ path: String, pid: Int32, _ mappings: [IDMapping], _ pointer: Pointer
    ) throws(Failure) {
        var arguments = [path, String(pid)]
        for mapping in mappings {
            arguments += [String(mapping.containerID), String(mapping.hostID), String(mapping.size)]
        }
        let outcome = try HostProgram.run(path, arguments, origin: .config(pointer))
        guard outcome.status == .exited(0) else {
            throw Failure(
                .config(pointer), doing: arguments.joined(separator: " "), reason: outcome.complaint,
                remedy: "the ranges have to be the user's by subuid(5) and subgid(5)")
        }
    }
}
