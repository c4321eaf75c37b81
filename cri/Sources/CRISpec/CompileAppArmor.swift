import CRIProto
import Diagnosis

extension Compilation {
    /// On a host without AppArmor the default is no profile, and a profile of the node's is refused.
    mutating func compileAppArmor() throws(SpecificationError) {
        let (choice, pointer) = try ProfileChoice.parse(
            security.hasApparmor ? security.apparmor : nil, at: Self.securityContext.key("apparmor"),
            deprecated: security.apparmorProfile, at: Self.securityContext.key("apparmor_profile"))
        switch choice {
        case .unconfined: return
        case .unset, .runtimeDefault:
            // A privileged container's default is to be unconfined.
            if security.privileged { return }
            guard input.host.hasAppArmor else {
                if choice == .runtimeDefault { warn(pointer, "the host has no AppArmor: not confined by it") }
                return
            }
            guard let name = input.options.defaultAppArmorProfile else {
                if choice == .runtimeDefault {
                    warn(pointer, "no default profile is configured: not confined by AppArmor")
                }
                return
            }
            process.apparmorProfile = name
        case .localhost(let name):
            guard input.host.hasAppArmor else {
                throw SpecificationError(
                    at: pointer, "the host has no AppArmor, so \(quoted(name)) cannot confine the container",
                    remedy: "boot with AppArmor (lsm=...,apparmor), or ask for no profile")
            }
            if try isMissing(name) {
                throw SpecificationError(
                    .notFound, at: pointer, "no AppArmor profile \(quoted(name)) is loaded",
                    remedy: "load it with apparmor_parser(8)")
            }
            process.apparmorProfile = name
        }
    }

    /// Where the list cannot be read, the runtime finds out.
    private func isMissing(_ name: String) throws(SpecificationError) -> Bool {
        guard let list = try? input.files.read("/sys/kernel/security/apparmor/profiles", limit: 16 << 20)
        else {
            return false
        }
        return !list.split(separator: UInt8(ascii: "\n")).contains { $0.starts(with: "\(name) (".utf8) }
    }
}
