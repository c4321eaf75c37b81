import Diagnosis

/// One value for one file of a cgroup, and what to make of a refusal.
struct Setting: Equatable, Sendable {
    var controller: Controller
    var file: String
    /// Written as it stands; a list is written line by line, as each write replaces one entry.
    var value: String
    /// The field of config.json that asks for it.
    var origin: Pointer
    var refusal = Refusal.final
    /// Why the file may be missing although the controller is there.
    var whenMissing: String?

    enum Refusal: Equatable, Sendable {
        /// Is an error.
        case final
        /// Where there is no such file, the value holds already.
        case redundantIfMissing
        /// Where there is no such file, this one says the same.
        case elsewhere(file: String, value: String)
        /// EINVAL may come from a value that a later setting replaces: it is written again after them.
        case onceMoreAtTheEnd
    }
}

/// `memory.checkBeforeUpdate`: a limit that must lie above what is in use.
struct UsageCheck: Equatable, Sendable {
    var file: String
    /// Bytes.
    var limit: UInt64
    var origin: Pointer
}
