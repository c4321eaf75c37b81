import Diagnosis

extension Process {
    /// Decodes a document that is a `process` object, as `exec --process` takes it.
    public static func decode(_ bytes: [UInt8]) throws(Failure) -> Process {
        var reader = try JSONReader(bytes, limit: Config.maximumSize)
        let process = try Process(from: &reader)
        try reader.finish()
        return process
    }

    /// Decodes the value at which `reader` stands.
    public init(from reader: inout JSONReader) throws(Failure) {
        var process = Process(cwd: "")
        var cwd: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "terminal": process.terminal = try reader.bool()
            case "consoleSize": process.consoleSize = try ConsoleSize(from: &reader)
            case "cwd": cwd = try reader.string()
            case "env": process.env = try reader.strings()
            case "args": process.args = try reader.strings()
            case "user": process.user = try User(from: &reader)
            case "capabilities": process.capabilities = try CapabilitySets(from: &reader)
            case "rlimits":
                try reader.beginArray()
                while try reader.nextElement() {
                    process.rlimits.append(try RLimit(from: &reader))
                }
            case "noNewPrivileges": process.noNewPrivileges = try reader.bool()
            case "apparmorProfile": process.apparmorProfile = try reader.nonEmptyString()
            case "selinuxLabel": process.selinuxLabel = try reader.nonEmptyString()
            case "oomScoreAdj": process.oomScoreAdj = try reader.int()
            case "scheduler": process.scheduler = try Scheduler(from: &reader)
            case "ioPriority": process.ioPriority = try IOPriority(from: &reader)
            case "execCPUAffinity": process.execCPUAffinity = try CPUAffinity(from: &reader)
            default: break
            }
        }
        guard let cwd else { throw reader.missing("cwd") }
        process.cwd = cwd
        self = process
    }
}

extension ConsoleSize {
    init(from reader: inout JSONReader) throws(Failure) {
        var height: UInt16?
        var width: UInt16?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "height": height = try reader.uint16()
            case "width": width = try reader.uint16()
            default: break
            }
        }
        guard let height else { throw reader.missing("height") }
        guard let width else { throw reader.missing("width") }
        self.init(height: height, width: width)
    }
}

extension User {
    /// An ID that is missing is root's, as Go's decoder has it.
    init(from reader: inout JSONReader) throws(Failure) {
        var user = User()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "uid": user.uid = try reader.uint32()
            case "gid": user.gid = try reader.uint32()
            case "umask": user.umask = try reader.uint32()
            case "additionalGids":
                try reader.beginArray()
                while try reader.nextElement() {
                    user.additionalGids.append(try reader.uint32())
                }
            // "username" is for Windows.
            default: break
            }
        }
        self = user
    }
}

extension CapabilitySets {
    init(from reader: inout JSONReader) throws(Failure) {
        var sets = CapabilitySets()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "bounding": sets.bounding = try reader.strings()
            case "effective": sets.effective = try reader.strings()
            case "inheritable": sets.inheritable = try reader.strings()
            case "permitted": sets.permitted = try reader.strings()
            case "ambient": sets.ambient = try reader.strings()
            default: break
            }
        }
        self = sets
    }
}

extension RLimit {
    init(from reader: inout JSONReader) throws(Failure) {
        var type: Resource?
        var soft: UInt64?
        var hard: UInt64?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.choice()
            case "soft": soft = try reader.uint64()
            case "hard": hard = try reader.uint64()
            default: break
            }
        }
        guard let type else { throw reader.missing("type") }
        guard let soft else { throw reader.missing("soft") }
        guard let hard else { throw reader.missing("hard") }
        self.init(type: type, soft: soft, hard: hard)
    }
}

extension Scheduler {
    init(from reader: inout JSONReader) throws(Failure) {
        var scheduler = Scheduler(policy: .SCHED_OTHER)
        var policy: Policy?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "policy": policy = try reader.choice()
            case "nice": scheduler.nice = try reader.int32()
            case "priority": scheduler.priority = try reader.int32()
            case "flags": scheduler.flags = try reader.choices()
            case "runtime": scheduler.runtime = try reader.uint64()
            case "deadline": scheduler.deadline = try reader.uint64()
            case "period": scheduler.period = try reader.uint64()
            default: break
            }
        }
        guard let policy else { throw reader.missing("policy") }
        scheduler.policy = policy
        self = scheduler
    }
}

extension IOPriority {
    init(from reader: inout JSONReader) throws(Failure) {
        var kind: Class?
        var priority: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "class": kind = try reader.choice()
            case "priority": priority = try reader.int()
            default: break
            }
        }
        guard let kind else { throw reader.missing("class") }
        guard let priority else { throw reader.missing("priority") }
        self.init(class: kind, priority: priority)
    }
}

extension CPUAffinity {
    init(from reader: inout JSONReader) throws(Failure) {
        var affinity = CPUAffinity()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "initial": affinity.initial = try reader.nonEmptyString()
            case "final": affinity.final = try reader.nonEmptyString()
            default: break
            }
        }
        self = affinity
    }
}
