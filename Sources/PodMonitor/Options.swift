import MonitorProtocol

/// The command line `apus pod-monitor --socket PATH --state DIR [--cgroup DIR]…`.
struct Options: Equatable, Sendable {
    /// Where to listen.
    var socket: String
    /// Where `exits` is.
    var state: String
    /// Directories whose cgroup.procs the monitor goes into: one, or one a hierarchy of v1.
    var cgroups: [String]

    /// - Parameter words: what follows the verb.
    init(_ words: [String]) throws(MonitorFailure) {
        var (socket, state): (String?, String?)
        var cgroups: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            guard ["--socket", "--state", "--cgroup"].contains(word) else {
                throw MonitorFailure(.invalid, "unknown argument \"\(word)\"")
            }
            guard let value = rest.popFirst() else {
                throw MonitorFailure(.invalid, "\(word) needs a value")
            }
            guard value.utf8.first == UInt8(ascii: "/") else {
                throw MonitorFailure(.invalid, "\(word): \"\(value)\" is no absolute path")
            }
            switch word {
            case "--socket": socket = value
            case "--state": state = value
            default: cgroups.append(value)
            }
        }
        guard let socket else { throw MonitorFailure(.invalid, "--socket is missing") }
        guard let state else { throw MonitorFailure(.invalid, "--state is missing") }
        (self.socket, self.state, self.cgroups) = (socket, state, cgroups)
    }
}
