/// A label that a process gives itself: what to write to which of its attributes (proc_pid_attr(5)).
public struct LabelWrite: Equatable, Sendable {
    /// The file, relative to `/proc/thread-self`: `attr/exec`. Security attributes are a thread's, and no
    /// thread may write another's.
    public var file: String
    /// To be written in one write(2), without anything at the end.
    public var content: String

    public init(file: String, content: String) {
        self.file = file
        self.content = content
    }
}
