import CStage
import Capabilities
import Diagnosis
import Glibc
import Labels
import OCISpec
import Seccomp

extension Compiler {
    /// - Parameter isNew: whether it is made here; else it is the one that the init process made.
    mutating func joinKeyring(isNew: Bool = true) {
        guard !options.noNewKeyring else { return }
        if let context = labels.process {
            writeLabel(context.onKeyCreation, .config("/process/selinuxLabel"), "label the session keyring")
        }
        // KEY_USR_SEARCH, and for a user namespace, whose IDs are nobody's here, KEY_OTH_SEARCH.
        let permissions: UInt64 = !isNew ? 0 : config.hasNew(.user) ? 0x8 : 0x80000
        builder.step(
            Operation(
                PLAN_KEYRING, tolerated: [ENOSYS, EPERM],
                strings: (builder.string("_ses.\(facts.containerID)"), 0, 0, 0),
                numbers: (permissions, 0, 0, 0)),
            .runtime, "join a session keyring")
    }

    mutating func armAppArmor() {
        guard let write = labels.appArmor else { return }
        writeLabel(write, .config("/process/apparmorProfile"), "set the AppArmor profile (\(write.content))")
    }

    mutating func armSELinux() {
        guard let context = labels.process else { return }
        writeLabel(
            context.onExec, .config("/process/selinuxLabel"), "set the SELinux label \(context.description)")
    }

    private mutating func writeLabel(_ write: LabelWrite, _ origin: Failure.Origin, _ doing: String) {
        builder.writeProc("thread-self/\(write.file)", write.content, origin, doing)
    }

    mutating func setPersonality() {
        guard let personality = config.linux?.personality else { return }
        let value: UInt64 = personality.domain == .LINUX32 ? 0x0008 : 0
        builder.call(
            PLAN_CALL_personality, (value, 0, 0), .config("/linux/personality/domain"),
            "set the personality \(personality.domain.rawValue)")
    }

    /// Lays out the environment. HOME, if that leaves it open, is what the container's own /etc/passwd says;
    /// it comes last, with room after it for the stage to write in.
    mutating func layOutEnvironment(_ process: Process) {
        let (variables, needsHome) = Self.environment(process, options)
        environment.offset = builder.strings(variables)
        environment.count = variables.count
        guard needsHome else { return }
        let home = builder.strings(["HOME=/"]) + 5
        builder.pad(Self.homeRoom)
        environment.count += 1
        builder.step(
            Operation(
                PLAN_HOME, strings: (home, 0, 0, 0), numbers: (UInt64(process.user.uid), 0, 0, 0),
                length: UInt32(Self.homeRoom)),
            .runtime, "find the home directory of user \(Int(process.user.uid))")
    }

    /// Bytes for the path of a home directory, its NUL included.
    private static let homeRoom = 1024

    mutating func changeDirectory(_ process: Process, _ pointer: Pointer, retry: Bool) {
        // Made and entered as root first, so that it can be made; where root may not (a directory that
        // squashes root), again as the user. Who comes later enters what is there.
        let first = options.wait == .never ? 0 : PLAN_CHDIR_CREATE
        builder.step(
            Operation(
                PLAN_CHDIR, flags: UInt32(retry ? PLAN_CHDIR_RETRY : first),
                tolerated: retry ? [] : [EACCES, EPERM],
                strings: (builder.string(process.cwd), 0, 0, 0)),
            .config(pointer.key("cwd")), "change to the directory \(process.cwd)")
    }

    mutating func seccompFilter() throws(Failure) -> SeccompFilter? {
        let annotations = config.runtimeAnnotations
        let profile = config.linux?.seccomp
        if let instructions = annotations.filter {
            return try SeccompFilter.ready(
                instructions, flags: profile?.flags, hasListener: profile?.listenerPath != nil,
                at: "/linux/seccomp")
        }
        guard let profile else { return nil }
        if let filter = options.filter { return filter }
        watch?("compile the seccomp profile")
        let filter = try SeccompFilter.compile(
            profile, at: "/linux/seccomp", refusingUnknown: annotations.refusesUnknownCalls)
        watch?(nil)
        builder.plan.compiledFilter = filter
        return filter
    }

    mutating func loadFilter(_ filter: SeccompFilter) {
        // The agent has to be there before the filter is: afterwards the stage only waits for it to get the listener.
        if filter.hasListener, let path = config.linux?.seccomp?.listenerPath {
            let metadata = config.linux?.seccomp?.listenerMetadata
            builder.meet("agent", [.passListener(Plan.SeccompListener(path: path, metadata: metadata))])
        }
        builder.step(
            Operation(
                PLAN_SECCOMP, strings: (builder.blob(filter.instructions), 0, 0, 0),
                numbers: (UInt64(filter.flags), 0, 0, 0), length: UInt32(filter.count)),
            .config("/linux/seccomp"), "load the seccomp filter (\(filter.count) instructions)")
    }

    mutating func changeIdentity(_ process: Process, _ pointer: Pointer) throws(Failure) {
        // setresuid(2) takes it for "no change": the process would stay root.
        if process.user.uid == .max || process.user.gid == .max {
            let name = process.user.uid == .max ? "uid" : "gid"
            throw Failure(at: pointer.key("user").key(name), "\(UInt32.max) is nobody's ID")
        }
        let sets = process.capabilities ?? OCISpec.CapabilitySets()
        let pointers = pointer.key("capabilities")
        let bounding = mask(sets.bounding, pointers.key("bounding"))
        let effective = mask(sets.effective, pointers.key("effective"))
        let permitted = mask(sets.permitted, pointers.key("permitted"))
        let inheritable = mask(sets.inheritable, pointers.key("inheritable"))
        var ambient = mask(sets.ambient, pointers.key("ambient"))
        // capabilities(7): nothing else can be ambient. Older releases of runc write such configurations.
        let bare = CapabilitySet(rawValue: ambient & ~(permitted & inheritable))
        warn(of: bare, pointers.key("ambient"), "not both permitted and inheritable")
        ambient &= permitted & inheritable

        builder.step(
            Operation(PLAN_BOUND, numbers: (bounding, 0, 0, 0)), .config(pointers.key("bounding")),
            "limit the bounding set")
        var identity = Operation(PLAN_IDENTITY)
        identity.numbers = (UInt64(process.user.uid), UInt64(process.user.gid), 0, 0)
        let groups = config.runtimeAnnotations.keepsGroups ? [] : process.user.additionalGids
        if facts.deniesGroups, let group = groups.first {
            throw Failure(
                at: pointer.key("user").key("additionalGids"),
                "cannot set any additional groups in a rootless container: \(group) in a user namespace that "
                    + "denies setgroups(2)",
                remedy: "map a range of groups with newgidmap (subgid(5)), or do without additional groups")
        }
        if config.runtimeAnnotations.keepsGroups {
            identity.flags = UInt32(PLAN_IDENTITY_KEEP_GROUPS)
        } else if groups.isEmpty && !facts.isPrivileged {
            identity.flags = UInt32(PLAN_IDENTITY_MAY_KEEP_GROUPS)
        }
        identity.strings.0 = groups.isEmpty ? 0 : builder.groups(groups)
        identity.length = UInt32(truncatingIfNeeded: groups.count)
        builder.step(
            identity, .config(pointer.key("user")),
            "become user \(Int(process.user.uid)):\(Int(process.user.gid))")
        builder.step(
            Operation(PLAN_CAPS, numbers: (effective, permitted, inheritable, ambient)), .config(pointers),
            "set the capabilities")
    }

    /// What of the named capabilities exists and can be given; the rest becomes a warning, as config.md asks.
    private mutating func mask(_ names: [String], _ pointer: Pointer) -> UInt64 {
        let (wanted, unknown) = CapabilitySet.parse(names)
        for name in unknown { builder.plan.warnings.append("\(pointer): unknown capability \"\(name)\"") }
        guard config.namespace(.user) == nil else { return wanted.rawValue }
        let own = CapabilitySet(rawValue: facts.ownCapabilities)
        warn(of: wanted.subtracting(own), pointer, "not among the runtime's own")
        return wanted.intersection(own).rawValue
    }

    /// One line for all of a set: engines ask for more than a dozen, and a caller shows each warning to its user.
    private mutating func warn(of missing: CapabilitySet, _ pointer: Pointer, _ reason: String) {
        guard !missing.isEmpty else { return }
        let names = missing.names.joined(separator: ", ")
        builder.plan.warnings.append("\(pointer): \(names) cannot be given: \(reason)")
    }

    mutating func lookUpExecutable(_ process: Process, _ pointer: Pointer) {
        let name = process.args.first ?? ""
        let candidates = Self.candidates(for: name, Self.environment(process, options).variables)
        builder.step(
            Operation(
                PLAN_LOOKUP, strings: (builder.strings(candidates), 0, 0, 0),
                length: UInt32(truncatingIfNeeded: candidates.count)),
            .config(pointer.key("args").index(0)), "exec: \"\(name)\"")
    }

    /// Where execvp(3) looks for `name`. Without a PATH nothing is to be found; the empty path is what never is.
    private static func candidates(for name: String, _ variables: [String]) -> [String] {
        guard !name.utf8.contains(UInt8(ascii: "/")) else { return [name] }
        let marker = "PATH=".utf8
        let variable = variables.first { $0.utf8.starts(with: marker) }
        guard let path = variable?.utf8.dropFirst(marker.count), !path.isEmpty else { return [""] }
        var candidates: [String] = []
        for directory in path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            // One by one: the `+` of a Substring and a String goes by characters.
            var candidate = directory.isEmpty ? "." : String(Substring(directory))
            candidate += "/"
            candidate += name
            candidates.append(candidate)
        }
        return candidates
    }

    mutating func execute(_ process: Process, _ pointer: Pointer) {
        var op = Operation(PLAN_EXEC)
        op.numbers = (
            UInt64(3 + options.preservedDescriptors), UInt64(process.args.count), UInt64(environment.count), 0
        )
        op.strings.0 = builder.strings(process.args)
        op.strings.1 = environment.offset
        op.strings.2 = builder.room((process.args.count + environment.count + 2) * 8)
        builder.step(
            op, .config(pointer.key("args")), "exec \(process.args.first ?? "")")
    }

    /// The environment of the process: of variables set twice the last one counts, in the last one's place.
    static func environment(
        _ process: Process, _ options: LaunchOptions
    ) -> (variables: [String], needsHome: Bool) {
        var seen = SeenNames()
        var variables: [String] = []
        var entries = process.env
        if options.listenDescriptors > 0 {
            entries.append("LISTEN_FDS=\(options.listenDescriptors)")
            entries.append("LISTEN_PID=1")
        }
        if options.passesNotifySocket { entries.append(notifyVariable) }
        for entry in entries.reversed() {
            let name = Substring(entry.utf8.prefix { $0 != UInt8(ascii: "=") })
            guard seen.insert(name) else { continue }
            // An empty one counts as none, as in runc.
            if name == "HOME" && entry.utf8.count == 5 { continue }
            variables.append(entry)
        }
        variables.reverse()
        return (variables, !variables.contains { $0.hasPrefix("HOME=") })
    }
}

extension PlanBuilder {
    /// Group IDs as the stage wants them.
    mutating func groups(_ groups: [UInt32]) -> UInt32 {
        var bytes: [UInt8] = []
        for group in groups { bytes.appendNative(group) }
        return blob(bytes)
    }
}

/// Names that were met. Comparing with each is the fastest for the few that there mostly are.
private struct SeenNames {
    private var few: [Substring] = []
    private var many: Set<Substring> = []

    /// - Returns: whether it is new.
    mutating func insert(_ name: Substring) -> Bool {
        if few.contains(name) { return false }
        if few.count < 32 {
            few.append(name)
            return true
        }
        return many.insert(name).inserted
    }
}
