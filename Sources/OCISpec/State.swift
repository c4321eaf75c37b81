/// The state of a container (runtime.md, "State"), as `state` prints it and as hooks read it.
public struct State: Equatable, Sendable {
    public enum Status: String, CaseIterable, Sendable { case creating, created, running, paused, stopped }
    public var ociVersion: String
    public var id: String
    public var status: Status
    /// 0 when stopped.
    public var pid: Int32
    public var bundle: String
    public var rootfs: String
    /// RFC 3339 with nanoseconds, UTC.
    public var created: String
    public var annotations: [String: String]
    /// The user the container belongs to; empty in what `state` prints, as runc has it.
    public var owner: String

    public init(
        ociVersion: String, id: String, status: Status, pid: Int32, bundle: String, rootfs: String = "",
        created: String = "", annotations: [String: String] = [:], owner: String = ""
    ) {
        self.ociVersion = ociVersion
        self.id = id
        self.status = status
        self.pid = pid
        self.bundle = bundle
        self.rootfs = rootfs
        self.created = created
        self.annotations = annotations
        self.owner = owner
    }
}
