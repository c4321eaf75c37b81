import Diagnosis
import Kernel
import OCISpec
import Resctrl

/// A container's share of caches and memory bandwidth, yet to be made.
struct IntelRdtRequest {
    private let request: ResctrlRequest
    private let files: MountedResctrl

    /// - Throws: that the host has no such thing, or not as asked for. Nothing is made yet.
    init(_ config: IntelRdt, id: String) throws(Failure) {
        let found = try Failure.blaming(.config("/linux/intelRdt")) { () throws(SystemError) in
            try MountedResctrl.find()
        }
        request = try ResctrlRequest(config, id: id, on: found)
        guard let found else { throw Failure(at: "/linux/intelRdt", "no resctrl file system is mounted") }
        files = found
    }

    func make() throws(Failure) -> IntelRdtGroup { IntelRdtGroup(try request.make(), on: files) }
}

/// The same, made; it outlives the command that made it.
struct IntelRdtGroup: Equatable, Sendable {
    private(set) var group: ResctrlGroup
    let files: MountedResctrl

    init(_ group: ResctrlGroup, on files: MountedResctrl) {
        self.group = group
        self.files = files
    }

    func add(pid: Int32) throws(Failure) { try group.add(pid: pid, on: files) }

    func remove() throws(Failure) { try group.remove(from: files) }

    /// Nothing came of the container: what was made for it goes, whatever it is called.
    mutating func disown() { group.isOwn = group.isOwn || group.isNew }

    func statistics() throws(Failure) -> [UInt8] { try group.statistics(from: files) }

    func update(_ lines: [(String, Failure.Origin)]) throws(Failure) -> String {
        try group.update(lines, on: files)
    }

    func restore(_ former: String) { group.restore(former, on: files) }
}

extension IntelRdtGroup {
    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("root", files.root)
            writer.member("class", group.name)
            if let monitoring = group.monitoring { writer.member("monitoring", monitoring) }
            writer.member("own", group.isOwn)
        }
    }

    init(from reader: inout JSONReader) throws(Failure) {
        var root: String?
        var group = ResctrlGroup(name: "")
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "root": root = try reader.string()
            case "class": group.name = try reader.string()
            case "monitoring": group.monitoring = try reader.string()
            case "own": group.isOwn = try reader.bool()
            default: break
            }
        }
        guard let root else { throw reader.missing("root") }
        self.init(group, on: MountedResctrl(root: root))
    }
}
