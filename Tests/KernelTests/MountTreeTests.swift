import CKernel
import Diagnosis
import Glibc
import Testing

@testable import Kernel

/// Mounts that are attached nowhere. They take root.
@Suite(.enabled(if: geteuid() == 0)) struct MountTreeTests {
    @Test func copies() throws {
        try withTemporaryDirectory { directory in
            try FileTree.replace("\(directory)/file", with: Array("text".utf8), mode: 0o600)
            #expect(symlink("file", "\(directory)/link") == 0)
            let link = try MountTree.copy("\(directory)/link", recursive: false, followsLink: false)
            try MountTree.propagate(link, 1 << 19)
            #expect(try link.status().isSymbolicLink)
            #expect(try MountTree.copy("\(directory)/link", recursive: false).status().isRegular)
        }
        #expect(throws: SystemError("open_tree /nowhere", Errno(ENOENT))) {
            _ = try MountTree.copy("/nowhere", recursive: true)
        }
        #expect(MountTree.canMapIDs)
    }

    @Test func fileSystems() throws {
        var complaint = ""
        let mount = try MountTree.make(
            "tmpfs", source: "tmpfs", options: [("size", "64k"), ("mode", "711"), ("ro", nil)],
            attributes: UInt32(MOUNT_ATTR_NODEV), complaint: &complaint)
        #expect(try mount.status().mode & 0o777 == 0o711)
        #expect(try mount.fileSystemMagic() == 0x0102_1994 && complaint.isEmpty)
        #expect(throws: SystemError("fsconfig sise=1", Errno(EINVAL))) {
            _ = try MountTree.make(
                "tmpfs", source: "x", options: [("sise", "1")], attributes: 0, complaint: &complaint)
        }
        #expect(complaint == "tmpfs: Unknown parameter 'sise'")
        #expect(throws: SystemError("fsopen nofs", Errno(ENODEV))) {
            _ = try MountTree.make("nofs", source: "x", options: [], attributes: 0, complaint: &complaint)
        }
    }
}

/// User namespaces with nobody in them. A launch like others, of which there is one at a time: see `launch()`.
func checkUserNamespaces() throws {
    guard geteuid() == 0 else { return }
    let namespace = try UserNamespace.make(uids: "0 5000 10\n", gids: "0 6000 10\n")
    #expect(NamespaceFile.type(of: namespace) == CLONE_NEWUSER)
    try withTemporaryDirectory { directory in
        let tree = try MountTree.copy(directory, recursive: true)
        try MountTree.map(tree, like: namespace, recursive: false)
        let status = try tree.status()
        #expect(status.owner == 5000 && status.group == 6000)
        // Not twice.
        #expect(throws: SystemError.self) { try MountTree.map(tree, like: namespace, recursive: false) }
    }
    // An empty range is no map; the process that held the namespace is gone all the same.
    #expect(throws: SystemError.self) { _ = try UserNamespace.make(uids: "0 0 0\n", gids: "0 0 1\n") }
}
