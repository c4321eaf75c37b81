import CRIProto
import Diagnosis

/// What a container asks of seccomp or AppArmor, in the present spelling or the deprecated one.
enum ProfileChoice: Equatable {
    case unset
    case runtimeDefault
    case unconfined
    case localhost(String)

    /// - Parameters:
    ///   - profile: The message; nil if it is not set.
    ///   - deprecated: The older field, which counts only without the message.
    static func parse(
        _ profile: Runtime_V1_SecurityProfile?, at pointer: Pointer, deprecated: String,
        at deprecatedPointer: Pointer
    ) throws(SpecificationError) -> (choice: ProfileChoice, pointer: Pointer) {
        guard let profile else {
            return (try parse(deprecated, at: deprecatedPointer), deprecatedPointer)
        }
        let reference = pointer.key("localhost_ref")
        if profile.profileType != .localhost, !profile.localhostRef.isEmpty {
            throw SpecificationError(
                at: reference, "\(quoted(profile.localhostRef)) is for profile_type: Localhost only")
        }
        switch profile.profileType {
        case .runtimeDefault: return (.runtimeDefault, pointer)
        case .unconfined: return (.unconfined, pointer)
        case .localhost: return (try localhost(profile.localhostRef[...], at: reference), reference)
        case .UNRECOGNIZED(let number):
            throw unknownValue(number, of: "ProfileType", at: pointer.key("profile_type"))
        }
    }

    private static func parse(_ text: String, at pointer: Pointer) throws(SpecificationError) -> ProfileChoice
    {
        switch text {
        case "": return .unset
        // The second is what Docker called its own.
        case "runtime/default", "docker/default": return .runtimeDefault
        case "unconfined": return .unconfined
        default:
            guard text.hasPrefix(prefix) else {
                throw SpecificationError(
                    at: pointer,
                    "\(quoted(text)) is neither runtime/default nor unconfined nor localhost/PROFILE")
            }
            return try localhost(text[...], at: pointer)
        }
    }

    /// The prefix belongs to the deprecated fields; some clients write it into the others, too.
    private static let prefix = "localhost/"

    private static func localhost(
        _ reference: Substring, at pointer: Pointer
    ) throws(SpecificationError) -> ProfileChoice {
        let name = reference.hasPrefix(prefix) ? reference.dropFirst(prefix.count) : reference
        if name.isEmpty || name.utf8.contains(0) {
            throw SpecificationError(at: pointer, "required for a profile of the node's")
        }
        return .localhost(String(name))
    }
}
