import Diagnosis

/// `process.apparmorProfile` (config.md, "Linux Process").
public enum AppArmor {
    /// The profile of whoever no profile is meant for.
    private static let unconfined = "unconfined"

    /// What puts the next program that the thread executes under `profile`.
    ///
    /// - Parameters:
    ///   - profile: the name of a loaded profile, or `unconfined`. Absent or empty: nothing is changed.
    ///   - pointer: where it stands.
    /// - Returns: `nil` if there is nothing to write.
    /// - Throws: a `Failure` if AppArmor is not there to confine anything, or if the name cannot be one.
    ///   Whether the profile is loaded turns out when the attribute is written: ENOENT if not.
    public static func onExec(
        _ profile: String?, at pointer: Pointer, host: LSMHost
    ) throws(Failure) -> LabelWrite? {
        guard let profile, !profile.isEmpty else { return nil }
        // A zero byte would cut the name short, and the kernel trims what it reads.
        let bytes = profile.utf8
        let spaces: Set<UInt8?> = [9, 10, 11, 12, 13, 32]
        if bytes.contains(where: { $0 == 0 || $0 == 10 }) || spaces.contains(bytes.first)
            || spaces.contains(bytes.last)
        {
            throw Failure(at: pointer, "\(String(reflecting: profile)) is no name of an AppArmor profile")
        }
        guard host.hasAppArmor else {
            // Where nothing is confined, that is what is asked for.
            if profile == unconfined { return nil }
            throw Failure(
                at: pointer, "apparmor: config provided but apparmor not supported",
                remedy: "remove the profile \"\(profile)\", or boot with AppArmor (lsm=...,apparmor)")
        }
        return LabelWrite(
            file: host.hasAppArmorAttributes ? "attr/apparmor/exec" : "attr/exec", content: "exec \(profile)")
    }
}
