import Diagnosis

/// The accounts of a root file system: /etc/passwd (passwd(5)) and /etc/group (group(5)).
///
/// Images are hostile: the files are read through a descriptor of the root, up to a size, and lines that make no
/// sense are skipped, as the C library does it.
struct Accounts {
    struct User: Equatable {
        var name: String
        var uid: UInt32
        var gid: UInt32
        var home: String
    }

    struct Group: Equatable {
        var name: String
        var gid: UInt32
        var members: [String]
    }

    var users: [User] = []
    var groups: [Group] = []

    /// Bytes; some 100,000 accounts.
    static let limit = 8 << 20

    init(passwd: [UInt8] = [], group: [UInt8] = []) {
        users = Self.lines(passwd).compactMap { fields in
            guard fields.count >= 4, !fields[0].isEmpty, let uid = Self.id(fields[2]),
                let gid = Self.id(fields[3])
            else { return nil }
            return User(name: fields[0], uid: uid, gid: gid, home: fields.count > 5 ? fields[5] : "")
        }
        groups = Self.lines(group).compactMap { fields in
            guard fields.count >= 3, !fields[0].isEmpty, let gid = Self.id(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return Group(name: fields[0], gid: gid, members: members)
        }
    }

    init(of root: String, files: any HostFiles) throws(SystemError) {
        self.init(
            passwd: try files.read("etc/passwd", in: root, limit: Self.limit) ?? [],
            group: try files.read("etc/group", in: root, limit: Self.limit) ?? [])
    }

    /// The first wins, as in the C library.
    func user(named name: String) -> User? { users.first { $0.name == name } }
    func user(_ uid: UInt32) -> User? { users.first { $0.uid == uid } }
    func group(named name: String) -> Group? { groups.first { $0.name == name } }

    /// Of all groups that list the user.
    func memberships(of name: String) -> [UInt32] { groups.filter { $0.members.contains(name) }.map(\.gid) }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            if line.first == UInt8(ascii: "#") || line.contains(0) { return nil }
            return line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// What runtimes take: see ``Accounts/largestID``.
    private static func id(_ text: String) -> UInt32? {
        guard let id = UInt32(text), id <= largestID else { return nil }
        return id
    }

    /// The kernel has IDs up to 2³² − 2, runc takes them up to here.
    static let largestID = UInt32(Int32.max)
}
