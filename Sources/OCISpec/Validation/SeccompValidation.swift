import Diagnosis

extension SeccompProfile {
    /// config-linux.md, "Seccomp".
    func validate(at pointer: Pointer) throws(Failure) {
        if defaultAction == .SCMP_ACT_NOTIFY {
            throw Failure(
                at: pointer.key("defaultAction"),
                "SCMP_ACT_NOTIFY cannot be the default: the runtime itself is filtered from there on")
        }
        try Self.validate(defaultErrnoRet, of: defaultAction, at: { pointer.key("defaultErrnoRet") })
        if listenerMetadata != nil, listenerPath == nil {
            throw Failure(
                at: pointer.key("listenerMetadata"), "there is no listenerPath to send it to")
        }
        for (index, rule) in syscalls.enumerated() {
            try rule.validate(at: { pointer.key("syscalls").index(index) })
            guard rule.action == .SCMP_ACT_NOTIFY else { continue }
            if listenerPath == nil {
                throw Failure(
                    at: pointer.key("listenerPath"),
                    "required, since \(pointer.key("syscalls").index(index)) has SCMP_ACT_NOTIFY")
            }
            if let write = rule.names.firstIndex(of: "write") {
                throw Failure(
                    at: pointer.key("syscalls").index(index).key("names").index(write),
                    "write cannot have SCMP_ACT_NOTIFY: container runtimes report by it before a listener is there"
                )
            }
        }
    }

    static func validate(
        _ errno: UInt32?, of action: Action, at pointer: () -> Pointer
    ) throws(Failure) {
        guard let errno else { return }
        let most: UInt32
        switch action {
        // MAX_ERRNO of the kernel, and the 16 bits of SECCOMP_RET_DATA.
        case .SCMP_ACT_ERRNO: most = 4095
        case .SCMP_ACT_TRACE: most = 65535
        default:
            throw Failure(
                at: pointer(),
                "\(errno) is given, but \(action.rawValue) takes no number; SCMP_ACT_ERRNO and SCMP_ACT_TRACE do"
            )
        }
        if errno > most {
            throw Failure(at: pointer(), "\(errno) is out of range: 0 to \(most) is allowed")
        }
    }
}

extension SeccompProfile.Rule {
    func validate(at pointer: () -> Pointer) throws(Failure) {
        if names.isEmpty { throw Failure(at: pointer().key("names"), "must name at least one system call") }
        try SeccompProfile.validate(errnoRet, of: action, at: { pointer().key("errnoRet") })
        for (index, argument) in args.enumerated() where argument.index > 5 {
            throw Failure(
                at: pointer().key("args").index(index).key("index"),
                "\(argument.index) is out of range: 0 to 5 is allowed")
        }
    }
}
