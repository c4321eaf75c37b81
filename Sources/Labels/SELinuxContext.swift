import CSELinux
import Diagnosis

/// A security context of SELinux: `USER:ROLE:TYPE` and, with a multi-level policy, `:RANGE`.
public struct SELinuxContext: Equatable, Sendable {
    /// As written, for example `system_u:system_r:container_t:s0:c1,c2`.
    public let description: String

    /// A context from the configuration: `process.selinuxLabel`, `linux.mountLabel`.
    ///
    /// - Parameters:
    ///   - label: absent or empty: none.
    ///   - pointer: where it stands.
    /// - Returns: `nil` if there is no label.
    /// - Throws: a `Failure` if SELinux is not in force on the host, or if the label has not the form of a
    ///   context (context_new(3)). Whether the policy has its parts is for the kernel to say.
    public static func configured(
        _ label: String?, at pointer: Pointer, host: LSMHost
    ) throws(Failure) -> SELinuxContext? {
        guard let label, !label.isEmpty else { return nil }
        guard host.hasSELinux else {
            throw Failure(
                at: pointer,
                "selinux label is specified in config, but selinux is disabled or not supported",
                remedy: "remove the label \"\(label)\", or boot with SELinux")
        }
        guard let context = SELinuxContext(label) else {
            throw Failure(
                at: pointer, "\(String(reflecting: label)) is no SELinux context",
                remedy: "a context is USER:ROLE:TYPE or USER:ROLE:TYPE:RANGE")
        }
        return context
    }

    /// - Returns: `nil` if the label has not the form of a context.
    init?(_ label: String) {
        // libselinux permits a quotation mark, which no policy does and which would end a mount option.
        guard !label.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\"") }) else { return nil }
        guard let context = context_new(label) else { return nil }
        defer { context_free(context) }
        for part in [context_user_get(context), context_role_get(context), context_type_get(context)] {
            guard let part, part.pointee != 0 else { return nil }
        }
        description = label
    }

    /// What gives the next program that the thread executes this context (setexeccon(3)).
    public var onExec: LabelWrite { LabelWrite(file: "attr/exec", content: description) }

    /// What gives the keyrings and keys that the thread makes this context (setkeycreatecon(3)). Written
    /// before a session keyring is joined, so that the container may use it.
    public var onKeyCreation: LabelWrite { LabelWrite(file: "attr/keycreate", content: description) }

    /// What gives the sockets that the thread makes this context (setsockcreatecon(3)).
    public var onSocketCreation: LabelWrite { LabelWrite(file: "attr/sockcreate", content: description) }
}

extension SELinuxContext: CustomStringConvertible {}
