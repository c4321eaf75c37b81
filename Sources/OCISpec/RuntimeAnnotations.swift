import Diagnosis

/// What annotations ask of the runtime, under the names that crun gave them.
///
/// The value is a view: each property reads its annotation when it is asked for. ``Config/validate()`` has refused
/// what is malformed, and what is not done.
public struct RuntimeAnnotations: Sendable {
    /// All that engines may have to keep from users; a name that ends with a dot stands for all that begin so.
    public static let names = ["run.oci."]

    private let annotations: [String: String]

    public init(_ annotations: [String: String]) { self.annotations = annotations }

    /// The file, relative to the bundle, that the standard output of hooks is appended to.
    public var hookOutput: String? { text("run.oci.hooks.stdout") }

    /// The same for their standard error.
    public var hookErrors: String? { text("run.oci.hooks.stderr") }

    /// Whether the process keeps the runtime's supplementary groups, and gets no others.
    public var keepsGroups: Bool { isOn(Self.keepGroups) }
    private static let keepGroups = "run.oci.keep_original_groups"

    /// The socket that takes a pidfd of the container's first process.
    public var pidfdReceiver: String? { text(Self.pidfd) }
    public static let pidfd = "run.oci.pidfd_receiver"

    /// Whether a seccomp profile may name no call that is unknown.
    public var refusesUnknownCalls: Bool { isOn("run.oci.seccomp_fail_unknown_syscall") }

    /// A seccomp filter as seccomp(2) takes it, in place of the profile: an array of `struct sock_filter`.
    public var filter: [UInt8]? { text(Self.filterData).flatMap(Base64.decode) }
    public static let filterData = "run.oci.seccomp_bpf_data"

    /// The socket of the seccomp agent, where the profile names none.
    var seccompReceiver: String? { text(Self.receiver) }
    private static let receiver = "run.oci.seccomp.receiver"

    /// The mount option that `linux.mountLabel` is given by.
    public var mountContext: String? { text(Self.contextType) }
    private static let contextType = "run.oci.mount_context_type"
    private static let contextTypes = ["context", "fscontext", "defcontext", "rootcontext"]

    private func text(_ name: String) -> String? {
        guard let text = annotations[name], !text.isEmpty else { return nil }
        return text
    }

    /// Anything but 0 is "on".
    private func isOn(_ name: String) -> Bool { annotations[name].map { $0 != "0" } ?? false }

    // MARK: what is refused

    func validate() throws(Failure) {
        if annotations.isEmpty { return }
        if let type = mountContext, !Self.contextTypes.contains(type) {
            throw Self.failure(
                Self.contextType, "\(quoted(type)) is not one of \(Self.contextTypes.joined(separator: ", "))"
            )
        }
        if text(Self.filterData) != nil {
            guard let filter else { throw Self.failure(Self.filterData, "the value is not Base64") }
            let size = 8
            if filter.isEmpty || filter.count % size != 0 || filter.count / size > 4096 {
                throw Self.failure(
                    Self.filterData,
                    "\(filter.count) bytes are no filter, which has 1 to 4096 instructions of \(size) bytes each"
                )
            }
        }
        if let path = seccompReceiver, !path.hasPrefix("/") {
            throw Self.failure(Self.receiver, "\(quoted(path)) is not an absolute path")
        }
        for name in ["run.oci.seccomp.plugins", "run.oci.systemd.force_cgroup_v1"] where text(name) != nil {
            throw Self.unsupported(name)
        }
        // Empty they ask for what happens anyway: for no further cgroup.
        for name in ["run.oci.systemd.subgroup", "run.oci.delegate-cgroup"] where text(name) != nil {
            throw Self.unsupported(name)
        }
        // A pod's first container runs as it is, whatever runs the others.
        if annotations["io.kubernetes.cri.container-type"] == "sandbox" { return }
        for name in ["run.oci.handler", "module.wasm.image/variant"] where text(name) != nil {
            throw Self.failure(
                name, "\(quoted(annotations[name] ?? "")): programs are run by the kernel only",
                remedy: "remove the annotation, or use a runtime with this handler")
        }
    }

    private static func unsupported(_ name: String) -> Failure {
        failure(name, "not supported", remedy: "remove the annotation, or use another runtime")
    }

    private static func failure(_ name: String, _ reason: String, remedy: String? = nil) -> Failure {
        Failure(at: Pointer("/annotations").key(name), reason, remedy: remedy)
    }
}

extension Config {
    public var runtimeAnnotations: RuntimeAnnotations { RuntimeAnnotations(annotations) }
}
