import Diagnosis
import Glibc
import Kernel

// The order is the kernel's: chown(2) takes set-ID bits and security.capability away, so both come after it.
extension LayerWriter {
    /// Of an open file or directory. The times are not set here.
    func setAttributes(
        _ attributes: EntryAttributes, of file: Int32, isDirectory: Bool
    ) throws(SystemError) {
        try Entry.changeOwner(uid: attributes.uid, gid: attributes.gid, of: file)
        for (name, value) in attributes.extended {
            try setExtended(name, isUserAllowed: true) { () throws(SystemError) in
                try ExtendedAttributes.set(name, value, of: file)
            }
        }
        try Entry.changeMode(attributes.mode, of: file)
    }

    /// Of a link, a device or a FIFO; its times as well.
    func setAttributes(
        _ attributes: EntryAttributes, of entry: RawPath, in directory: Int32, isLink: Bool
    ) throws(SystemError) {
        try Entry.changeOwner(entry, uid: attributes.uid, gid: attributes.gid, in: directory)
        for (name, value) in attributes.extended {
            try setExtended(name, isUserAllowed: false) { () throws(SystemError) in
                try ExtendedAttributes.set(name, value, of: entry, in: directory)
            }
        }
        if !isLink { try Entry.changeMode(entry, attributes.mode, in: directory) }
        try Entry.setTimes(entry, attributes.modified, in: directory)
    }

    /// Overlay's own marks are dropped: an archive has names for what they say. Attributes that the file system has no
    /// room for are noted, but for the capabilities of a program, without which it does not work.
    ///
    /// - Parameter isUserAllowed: whether user.* is for files of this kind (xattr(7)).
    private func setExtended(
        _ name: RawPath, isUserAllowed: Bool, _ set: () throws(SystemError) -> Void
    ) throws(SystemError) {
        if name.bytes.starts(with: OverlayMarks.attributePrefix) { return }
        do throws(SystemError) {
            try set()
        } catch {
            let isUser = name.bytes.starts(with: Array("user.".utf8))
            let isCapability = name == RawPath("security.capability")
            guard
                error.errno == Errno(ENOTSUP) && !isCapability
                    || error.errno == Errno(EPERM) && isUser && !isUserAllowed
            else { throw error }
            statistics.skippedAttributes.add(name)
        }
    }
}
