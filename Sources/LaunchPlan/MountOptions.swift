import CKernel

/// The options of one mount (config.md, "Linux mount options"), sorted by what they act on.
public struct MountOptions: Equatable, Sendable {
    /// MOUNT_ATTR_* to set and to clear on the mount itself.
    public var attributes = Attributes()
    /// The same for the whole tree (`rro` and the like).
    public var recursiveAttributes = Attributes()
    /// MS_SHARED and the like, in the order given; each is a call of its own.
    public var propagation: [UInt64] = []
    /// MS_* flags of the super block.
    public var superFlags: UInt64 = 0
    public var isBind = false
    public var isRecursiveBind = false
    public var isRemount = false
    /// What is left for the file system: `size=64k`.
    public var data: [String] = []
    /// `tmpcopyup`: what the directory below holds is copied onto the new file system.
    public var copiesUp = false
    /// `copy-symlink`: a source that is a link is made anew instead of mounted.
    public var remakesLink = false
    /// `src-nofollow` and `dest-nofollow`: links there are mounted, and mounted on, themselves.
    public var keepsSourceLink = false
    public var keepsTargetLink = false
    public var idMap: IDMapOption?

    public struct Attributes: Equatable, Sendable {
        public var set: UInt32 = 0
        public var clear: UInt32 = 0

        public var isEmpty: Bool { self.set == 0 && self.clear == 0 }

        mutating func add(_ attribute: UInt32) {
            set |= attribute
            clear &= ~attribute
        }

        mutating func drop(_ attribute: UInt32) {
            clear |= attribute
            set &= ~attribute
        }

        /// One of NOATIME, STRICTATIME and RELATIME (0), which exclude one another.
        mutating func setAccessTime(_ value: UInt32) {
            set = set & ~accessTimeMask | value
            clear |= accessTimeMask
        }

        /// The two in one number, as the plan has them.
        var packed: UInt64 { UInt64(set) | UInt64(clear) << 32 }
    }

    public init(_ options: [String] = []) {
        for option in options { add(option) }
    }

    private mutating func add(_ option: String) {
        if let effect = Self.effect(option) {
            effect.act(on: &self)
        } else if option.hasPrefix("idmap=") {
            idMap = IDMapOption(isRecursive: false, mappings: String(option.dropFirst(6)))
        } else if option.hasPrefix("ridmap=") {
            idMap = IDMapOption(isRecursive: true, mappings: String(option.dropFirst(7)))
        } else if !option.isEmpty {
            data.append(option)
        }
    }

    /// One string may hold several options, as mount(2) takes them; a comma behind a backslash is part of one.
    static func split(_ option: String) -> [String] {
        if !option.utf8.contains(UInt8(ascii: ",")) { return option.isEmpty ? [] : [option] }
        var parts: [String] = []
        var part = ""
        var isEscaped = false
        for character in option {
            if character == "," && !isEscaped {
                if !part.isEmpty { parts.append(part) }
                part = ""
            } else {
                part.append(character)
            }
            isEscaped = character == "\\" && !isEscaped
        }
        if !part.isEmpty { parts.append(part) }
        return parts
    }

    /// What the options of the table do.
    private enum Effect: Sendable {
        case set(UInt32), clear(UInt32), accessTime(UInt32)
        case setAll(UInt32), clearAll(UInt32), accessTimeAll(UInt32)
        case propagate(UInt64)
        case superFlag(UInt64), clearSuperFlag(UInt64)
        case bind, recursiveBind, remount
        case readOnly(Bool)
        case copyUp, remakeLink, keepSourceLink, keepTargetLink
        case idMap(isRecursive: Bool)
        case nothing

        func act(on options: inout MountOptions) {
            switch self {
            case .set(let attribute): options.attributes.add(attribute)
            case .clear(let attribute): options.attributes.drop(attribute)
            case .accessTime(let value): options.attributes.setAccessTime(value)
            case .setAll(let attribute): options.recursiveAttributes.add(attribute)
            case .clearAll(let attribute): options.recursiveAttributes.drop(attribute)
            case .accessTimeAll(let value): options.recursiveAttributes.setAccessTime(value)
            case .propagate(let flags): options.propagation.append(flags)
            case .superFlag(let flag): options.superFlags |= flag
            case .clearSuperFlag(let flag): options.superFlags &= ~flag
            case .bind: options.isBind = true
            case .recursiveBind:
                options.isBind = true
                options.isRecursiveBind = true
            case .remount: options.isRemount = true
            case .readOnly(let yes):
                // Both the mount and, where the mount is its file system's first, the super block.
                if yes {
                    options.attributes.add(readOnlyAttribute)
                    options.superFlags |= MS.RDONLY
                } else {
                    options.attributes.drop(readOnlyAttribute)
                    options.superFlags &= ~MS.RDONLY
                }
            case .copyUp: options.copiesUp = true
            case .remakeLink: options.remakesLink = true
            case .keepSourceLink: options.keepsSourceLink = true
            case .keepTargetLink: options.keepsTargetLink = true
            case .idMap(let isRecursive): options.idMap = IDMapOption(isRecursive: isRecursive)
            case .nothing: break
            }
        }
    }

    /// The options that `features` lists, sorted: all that are understood and not handed to the file system.
    public static var known: [String] { table.map(\.name) }

    private struct Entry {
        let name: String
        let effect: Effect

        init(_ name: String, _ effect: Effect) {
            self.name = name
            self.effect = effect
        }
    }

    /// By halving the table: a dictionary would have to be filled at each start.
    private static func effect(_ name: String) -> Effect? {
        var range = table.startIndex..<table.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let entry = table[middle]
            if entry.name == name { return entry.effect }
            range = entry.name < name ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// In the order of the names.
    private static let table: [Entry] = [
        Entry("acl", .superFlag(MS.POSIXACL)),
        Entry("async", .clearSuperFlag(MS.SYNCHRONOUS)),
        Entry("atime", .accessTime(0)),
        Entry("bind", .bind),
        Entry("copy-symlink", .remakeLink),
        Entry("defaults", .nothing),
        Entry("dest-nofollow", .keepTargetLink),
        Entry("dev", .clear(noDevice)),
        Entry("diratime", .clear(noDirectoryTime)),
        Entry("dirsync", .superFlag(MS.DIRSYNC)),
        Entry("exec", .clear(noExec)),
        Entry("idmap", .idMap(isRecursive: false)),
        Entry("iversion", .superFlag(MS.I_VERSION)),
        Entry("lazytime", .superFlag(MS.LAZYTIME)),
        Entry("loud", .clearSuperFlag(MS.SILENT)),
        Entry("mand", .superFlag(MS.MANDLOCK)),
        Entry("noacl", .clearSuperFlag(MS.POSIXACL)),
        Entry("noatime", .accessTime(noAccessTime)),
        Entry("nodev", .set(noDevice)),
        Entry("nodiratime", .set(noDirectoryTime)),
        Entry("noexec", .set(noExec)),
        Entry("noiversion", .clearSuperFlag(MS.I_VERSION)),
        Entry("nolazytime", .clearSuperFlag(MS.LAZYTIME)),
        Entry("nomand", .clearSuperFlag(MS.MANDLOCK)),
        Entry("norelatime", .accessTime(0)),
        Entry("nostrictatime", .accessTime(0)),
        Entry("nosuid", .set(noSUID)),
        Entry("nosymfollow", .set(noSymlinkFollow)),
        Entry("private", .propagate(MS.PRIVATE)),
        Entry("ratime", .accessTimeAll(0)),
        Entry("rbind", .recursiveBind),
        Entry("rdev", .clearAll(noDevice)),
        Entry("rdiratime", .clearAll(noDirectoryTime)),
        Entry("relatime", .accessTime(0)),
        Entry("remount", .remount),
        Entry("rexec", .clearAll(noExec)),
        Entry("ridmap", .idMap(isRecursive: true)),
        Entry("rnoatime", .accessTimeAll(noAccessTime)),
        Entry("rnodev", .setAll(noDevice)),
        Entry("rnodiratime", .setAll(noDirectoryTime)),
        Entry("rnoexec", .setAll(noExec)),
        Entry("rnorelatime", .accessTimeAll(0)),
        Entry("rnostrictatime", .accessTimeAll(0)),
        Entry("rnosuid", .setAll(noSUID)),
        Entry("rnosymfollow", .setAll(noSymlinkFollow)),
        Entry("ro", .readOnly(true)),
        Entry("rprivate", .propagate(MS.PRIVATE | MS.REC)),
        Entry("rrelatime", .accessTimeAll(0)),
        Entry("rro", .setAll(readOnlyAttribute)),
        Entry("rrw", .clearAll(readOnlyAttribute)),
        Entry("rshared", .propagate(MS.SHARED | MS.REC)),
        Entry("rslave", .propagate(MS.SLAVE | MS.REC)),
        Entry("rstrictatime", .accessTimeAll(strictAccessTime)),
        Entry("rsuid", .clearAll(noSUID)),
        Entry("rsymfollow", .clearAll(noSymlinkFollow)),
        Entry("runbindable", .propagate(MS.UNBINDABLE | MS.REC)),
        Entry("rw", .readOnly(false)),
        Entry("shared", .propagate(MS.SHARED)),
        Entry("silent", .superFlag(MS.SILENT)),
        Entry("slave", .propagate(MS.SLAVE)),
        Entry("src-nofollow", .keepSourceLink),
        Entry("strictatime", .accessTime(strictAccessTime)),
        Entry("suid", .clear(noSUID)),
        Entry("symfollow", .clear(noSymlinkFollow)),
        Entry("sync", .superFlag(MS.SYNCHRONOUS)),
        Entry("tmpcopyup", .copyUp),
        Entry("unbindable", .propagate(MS.UNBINDABLE)),
    ]
}

/// mount(2) flags, as 64-bit numbers for the plan.
enum MS {
    static let RDONLY: UInt64 = 1
    static let SYNCHRONOUS: UInt64 = 16
    static let MANDLOCK: UInt64 = 64
    static let DIRSYNC: UInt64 = 128
    static let REC: UInt64 = 16384
    static let SILENT: UInt64 = 32768
    static let POSIXACL: UInt64 = 1 << 16
    static let UNBINDABLE: UInt64 = 1 << 17
    static let PRIVATE: UInt64 = 1 << 18
    static let SLAVE: UInt64 = 1 << 19
    static let SHARED: UInt64 = 1 << 20
    static let I_VERSION: UInt64 = 1 << 23
    static let LAZYTIME: UInt64 = 1 << 25

    /// Those that fsconfig(2) has no word for.
    static let legacyOnly = SILENT | POSIXACL | I_VERSION
}

private let readOnlyAttribute = UInt32(MOUNT_ATTR_RDONLY)
private let noSUID = UInt32(MOUNT_ATTR_NOSUID)
private let noDevice = UInt32(MOUNT_ATTR_NODEV)
private let noExec = UInt32(MOUNT_ATTR_NOEXEC)
private let noSymlinkFollow = UInt32(MOUNT_ATTR_NOSYMFOLLOW)
private let noDirectoryTime = UInt32(MOUNT_ATTR_NODIRATIME)
private let noAccessTime = UInt32(MOUNT_ATTR_NOATIME)
private let strictAccessTime = UInt32(MOUNT_ATTR_STRICTATIME)
private let accessTimeMask = UInt32(MOUNT_ATTR__ATIME)
