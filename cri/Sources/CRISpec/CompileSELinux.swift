import CRIProto
import Diagnosis

extension Compilation {
    /// The contexts of the process and of its files: the container's options, else the pod's, over the default.
    ///
    /// Where SELinux is off the options have no effect, as with other engines: a kubelet sends them to every node.
    mutating func compileSELinux() throws(SpecificationError) {
        let isOwn = security.hasSelinuxOptions && security.selinuxOptions != Runtime_V1_SELinuxOption()
        let pointer: Pointer =
            isOwn
            ? Self.securityContext.key("selinux_options")
            : "/sandbox_config/linux/security_context/selinux_options"
        let options = isOwn ? security.selinuxOptions : input.pod.linux.securityContext.selinuxOptions
        let parts = [
            ("user", options.user), ("role", options.role), ("type", options.type), ("level", options.level),
        ]
        for (name, part) in parts where !part.isEmpty {
            guard name == "level" ? Self.isLevel(part) : Self.isName(part) else {
                throw SpecificationError(
                    at: pointer.key(name), "\(quoted(part)) is not the \(name) of an SELinux context")
            }
        }
        let isAsked = parts.contains { !$0.1.isEmpty }
        guard input.host.hasSELinux else {
            if isAsked { warn(pointer, "SELinux is off: the options have no effect") }
            return
        }
        if security.privileged {
            if isAsked { warn(pointer, "privileged containers are not confined by SELinux") }
            return
        }
        let level = options.level.isEmpty ? input.paths.selinuxLevel ?? "" : options.level
        process.selinuxLabel = Self.context(input.options.selinuxProcessContext, options, level)
        var ofFiles = Runtime_V1_SELinuxOption()
        ofFiles.user = options.user
        let file = Self.context(input.options.selinuxFileContext, ofFiles, level)
        linux.mountLabel = file
        fileContext = file
    }

    private static func context(
        _ base: String, _ options: Runtime_V1_SELinuxOption, _ level: String
    ) -> String {
        var parts = base.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(
            String.init)
        for (index, part) in [options.user, options.role, options.type].enumerated()
        where !part.isEmpty && index < parts.count {
            parts[index] = part
        }
        if !level.isEmpty {
            if parts.count > 3 { parts[3] = level } else { parts.append(level) }
        }
        return parts.joined(separator: ":")
    }

    private static func isName(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        }
    }

    /// `SENSITIVITY[-SENSITIVITY][:CATEGORIES]`, where categories are `c1`, `c1,c3`, `c1.c5` and both.
    static func isLevel(_ text: String) -> Bool {
        let halves = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...3).contains(halves.count) else { return false }
        // s0-s0:c1.c5 has one colon, s0:c1-s3:c1.c5 has two and splits in the middle.
        if halves.count == 3 {
            guard let dash = text.firstIndex(of: "-") else { return false }
            return isLevel(String(text[..<dash])) && isLevel(String(text[text.index(after: dash)...]))
        }
        let sensitivities = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(sensitivities.count), sensitivities.allSatisfy({ isNumbered($0, "s") }) else {
            return false
        }
        guard halves.count == 2 else { return true }
        return halves[1].split(separator: ",", omittingEmptySubsequences: false).allSatisfy { range in
            let ends = range.split(separator: ".", omittingEmptySubsequences: false)
            return (1...2).contains(ends.count) && ends.allSatisfy { isNumbered($0, "c") }
        }
    }

    private static func isNumbered(_ text: Substring, _ letter: Character) -> Bool {
        guard text.first == letter, (2...5).contains(text.count) else { return false }
        return text.dropFirst().utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
