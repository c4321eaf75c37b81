import Diagnosis
import Foundation
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

/// What an unprivileged user can have, found out before there is a process.
@Suite struct RootlessTests {
    private func config(_ uid: [IDMapping], _ gid: [IDMapping], namespaces: [Namespace.Kind] = [.user])
        -> Config
    {
        var config = Config(ociVersion: "1.3.0")
        var linux = Linux()
        linux.namespaces = namespaces.map { Namespace(type: $0) }
        linux.uidMappings = uid
        linux.gidMappings = gid
        config.linux = linux
        return config
    }

    private let range = [IDMapping(containerID: 0, hostID: 100_000, size: 65_536)]
    private var own: [IDMapping] { [IDMapping(containerID: 5, hostID: geteuid(), size: 1)] }
    private var ownGroup: [IDMapping] { [IDMapping(containerID: 5, hostID: getegid(), size: 1)] }

    @Test func theKernelsRefusalNamesTheMap() throws {
        for (uid, gid, pointer) in [(range, [], "/linux/uidMappings"), ([], range, "/linux/gidMappings")] {
            let maps = try IDMaps(config(uid, gid), capabilities: .max)
            let failure = #expect(throws: Failure.self) { try maps.write(pid: .max) }
            #expect(failure?.origin == .config(Pointer(pointer)))
            #expect(failure?.errno == Errno(ENOENT))
        }
    }

    /// With CAP_SETUID and CAP_SETGID anything; else the own ID alone, and groups are then denied.
    @Test func writers() throws {
        let denied = IDMaps.deniesGroups(pid: nil)
        #expect(try IDMaps(config(range, range), capabilities: 1 << 7 | 1 << 6).deniesGroups == denied)
        #expect(try IDMaps(config(own, ownGroup), capabilities: 0).deniesGroups)
        #expect(try IDMaps(config(own, ownGroup), capabilities: 1 << 6).deniesGroups == denied)
    }

    @Test func withoutHelpersOnlyTheOwnIDs() throws {
        let path = ProcessInfo.processInfo.environment["PATH"]
        setenv("PATH", "/nowhere", 1)
        defer { setenv("PATH", path ?? "", 1) }
        let two = own + [IDMapping(containerID: 6, hostID: 100_000, size: 1)]
        for (uid, gid, pointer, helper) in [
            (range, ownGroup, "/linux/uidMappings", "newuidmap"),
            (two, ownGroup, "/linux/uidMappings", "newuidmap"),
            (own, range, "/linux/gidMappings", "newgidmap"),
        ] {
            let failure = #expect(throws: Failure.self) { try IDMaps(config(uid, gid), capabilities: 0) }
            #expect(failure?.origin == .config(Pointer(pointer)))
            #expect(failure?.doing == "exec: \"\(helper)\"")
            #expect(failure?.remedy?.contains("uidmap") == true)
        }
    }

    @Test func needsUserNamespace() throws {
        let administrator: UInt64 = 1 << 21
        #expect(throws: Never.self) {
            try config([], [], namespaces: [.mount]).requireUserNamespace(capabilities: administrator)
        }
        #expect(throws: Never.self) { try config(own, own).requireUserNamespace(capabilities: 0) }
        let failure = #expect(throws: Failure.self) {
            try config([], [], namespaces: [.mount]).requireUserNamespace(capabilities: ~administrator)
        }
        #expect(
            failure?.description.hasPrefix("/linux/namespaces: rootless container requires user namespaces")
                == true)
    }

    /// Both marks come back from the record.
    @Test(arguments: [
        NamespaceMark.projectIDs([1, 536_870_913, 1_073_741_825, 4_294_967_294]), .mountNamespace(.max),
    ])
    func marksAreKept(_ mark: NamespaceMark) throws {
        let before = try record { $0.mark = mark }
        #expect(try ContainerRecord(json: before.json).mark == mark)
    }
}
