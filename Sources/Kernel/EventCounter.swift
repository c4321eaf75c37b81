import CKernel
import Diagnosis

/// A counter that can be waited for (eventfd(2)): it can be read from when it is not 0.
public struct EventCounter: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// It starts at 0, and reading it does not wait.
    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try system("eventfd") { apus_eventfd() })
    }

    public var number: Int32 { descriptor.number }

    consuming func takeDescriptor() -> FileDescriptor { descriptor }

    /// Sets it to 0.
    ///
    /// - Returns: whether it was something else.
    public func reset() -> Bool { (try? descriptor.read(8, name: "event counter"))?.isEmpty == false }
}
