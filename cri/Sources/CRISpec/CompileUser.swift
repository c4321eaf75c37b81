import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// Who the process runs as: by the container's security context, by the image, or root.
    ///
    /// - Returns: the home directory of the account, if there is one.
    mutating func compileUser() throws(SpecificationError) -> String? {
        let pointer = Self.securityContext
        if security.hasRunAsUser, !security.runAsUsername.isEmpty {
            throw SpecificationError(
                at: pointer.key("run_as_username"), "run_as_user is set too; only one of them can be")
        }
        if security.hasRunAsGroup, !security.hasRunAsUser, security.runAsUsername.isEmpty {
            throw SpecificationError(
                at: pointer.key("run_as_group"), "neither run_as_user nor run_as_username is set",
                remedy: "set one of them")
        }
        let accounts: Accounts
        do throws(SystemError) {
            accounts = try Accounts(of: input.rootfs, files: input.files)
        } catch {
            throw SpecificationError(
                .invalidArgument,
                Failure(.config(Self.container.key("image")), error, remedy: "use another image"))
        }
        var identity = try identity(accounts)
        if security.hasRunAsGroup {
            identity.gid = try id(security.runAsGroup.value, at: pointer.key("run_as_group").key("value"))
        }
        var others: Set<UInt32> = []
        for (index, group) in security.supplementalGroups.enumerated() {
            others.insert(try id(group, at: pointer.key("supplemental_groups").index(index)))
        }
        switch security.supplementalGroupsPolicy {
        case .merge: if let name = identity.name { others.formUnion(accounts.memberships(of: name)) }
        case .strict: break
        case .UNRECOGNIZED(let number):
            throw unknownValue(
                number, of: "SupplementalGroupsPolicy", at: pointer.key("supplemental_groups_policy"))
        }
        others.remove(identity.gid)
        process.user.uid = identity.uid
        process.user.gid = identity.gid
        // With the primary one among them, a file that denies something to this group denies it still when the
        // process has another primary group (CVE-2022-36109).
        process.user.additionalGids = [identity.gid] + others.sorted()
        return identity.home
    }

    private struct Identity {
        var uid: UInt32
        var gid: UInt32
        /// The account's, if there is one.
        var name: String?
        var home: String?

        init(_ user: Accounts.User) {
            uid = user.uid
            gid = user.gid
            name = user.name
            home = user.home.hasPrefix("/") ? user.home : nil
        }

        /// The account of a number, or the number alone, in group 0.
        init(_ uid: UInt32, _ accounts: Accounts) {
            self.init(accounts.user(uid) ?? Accounts.User(name: "", uid: uid, gid: 0, home: ""))
            if name == "" { name = nil }
        }
    }

    private func identity(_ accounts: Accounts) throws(SpecificationError) -> Identity {
        let pointer = Self.securityContext
        if security.hasRunAsUser {
            return Identity(
                try id(security.runAsUser.value, at: pointer.key("run_as_user").key("value")), accounts)
        }
        if !security.runAsUsername.isEmpty {
            return try identity(
                of: security.runAsUsername, accounts, at: pointer.key("run_as_username"), "user ")
        }
        let pieces = input.image.user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            .map(String.init)
        guard let user = pieces.first, !input.image.user.isEmpty else { return Identity(0, accounts) }
        let image = Self.container.key("image")
        var identity =
            user.isEmpty
            ? Identity(0, accounts)
            : try self.identity(of: user, accounts, at: image, "the image's user ")
        if pieces.count > 1, !pieces[1].isEmpty {
            if let group = accounts.group(named: pieces[1]) {
                identity.gid = group.gid
            } else if let number = Int64(pieces[1]) {
                identity.gid = try id(number, at: image)
            } else {
                throw SpecificationError(
                    at: image, "the image's group \(quoted(pieces[1])) is not in its /etc/group")
            }
        }
        return identity
    }

    /// A name, or else a number.
    private func identity(
        of text: String, _ accounts: Accounts, at pointer: Pointer, _ whose: String
    ) throws(SpecificationError) -> Identity {
        if let user = accounts.user(named: text) { return Identity(user) }
        if let number = Int64(text) { return Identity(try id(number, at: pointer), accounts) }
        throw SpecificationError(
            at: pointer, "\(whose)\(quoted(text)) is not in the image's /etc/passwd",
            remedy: "use run_as_user with a number, or an image that has this user")
    }

    private func id(_ number: Int64, at pointer: Pointer) throws(SpecificationError) -> UInt32 {
        guard let id = UInt32(exactly: number), id <= Accounts.largestID else {
            throw SpecificationError(
                at: pointer, "\(number) is out of range: 0 to \(Accounts.largestID) is allowed")
        }
        return id
    }
}
