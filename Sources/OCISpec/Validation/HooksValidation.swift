import Diagnosis

extension Hooks {
    /// config.md, "POSIX-platform Hooks".
    public func validate(at pointer: Pointer) throws(Failure) {
        for (name, hooks) in byName {
            for (index, hook) in hooks.enumerated() {
                if !hook.path.utf8.starts(with: "/".utf8) {
                    throw Failure(
                        at: pointer.key(name).index(index).key("path"),
                        "\(quoted(hook.path)) is not an absolute path")
                }
                if let timeout = hook.timeout, timeout <= 0 {
                    throw Failure(
                        at: pointer.key(name).index(index).key("timeout"),
                        "\(timeout) seconds are not over zero", remedy: "leave it out for no time limit")
                }
            }
        }
    }
}
