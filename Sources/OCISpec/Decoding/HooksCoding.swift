import Diagnosis

extension Hooks {
    /// Decodes a document that is a `hooks` object.
    public static func decode(_ bytes: [UInt8]) throws(Failure) -> Hooks {
        var reader = try JSONReader(bytes, limit: Config.maximumSize)
        let hooks = try Hooks(from: &reader)
        try reader.finish()
        return hooks
    }

    /// Decodes the value at which `reader` stands.
    public init(from reader: inout JSONReader) throws(Failure) {
        var hooks = Hooks()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "prestart": hooks.prestart = try reader.hooks()
            case "createRuntime": hooks.createRuntime = try reader.hooks()
            case "createContainer": hooks.createContainer = try reader.hooks()
            case "startContainer": hooks.startContainer = try reader.hooks()
            case "poststart": hooks.poststart = try reader.hooks()
            case "poststop": hooks.poststop = try reader.hooks()
            default: break
            }
        }
        self = hooks
    }

    /// Writes the `hooks` object; kinds without hooks are left out.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, hooks) in byName where !hooks.isEmpty {
                writer.key(name)
                writer.array { writer in
                    for hook in hooks { hook.encode(to: &writer) }
                }
            }
        }
    }

    /// The lists by their name in config.json, in the order in which they run.
    var byName: [(name: String, hooks: [Hook])] {
        [
            ("prestart", prestart), ("createRuntime", createRuntime), ("createContainer", createContainer),
            ("startContainer", startContainer), ("poststart", poststart), ("poststop", poststop),
        ]
    }
}

extension Hook {
    init(from reader: inout JSONReader) throws(Failure) {
        var hook = Hook(path: "")
        var path: String?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "path": path = try reader.string()
            case "args": hook.args = try reader.strings()
            case "env": hook.env = try reader.strings()
            case "timeout": hook.timeout = try reader.int()
            default: break
            }
        }
        guard let path else { throw reader.missing("path") }
        hook.path = path
        self = hook
    }

    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("path", path)
            if !args.isEmpty { writer.member("args", args) }
            if let env { writer.member("env", env) }
            if let timeout { writer.member("timeout", timeout) }
        }
    }
}

extension JSONReader {
    fileprivate mutating func hooks() throws(Failure) -> [Hook] {
        var hooks: [Hook] = []
        try beginArray()
        while try nextElement() { hooks.append(try Hook(from: &self)) }
        return hooks
    }
}
