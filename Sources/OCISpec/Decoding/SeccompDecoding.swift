import Diagnosis

extension SeccompProfile {
    /// Decodes the value at which `reader` stands; nil if it has neither a default action nor rules.
    /// That is how engines wrote "no filter" once, and how runc still reads it.
    static func decode(from reader: inout JSONReader) throws(Failure) -> SeccompProfile? {
        var profile = SeccompProfile(defaultAction: .SCMP_ACT_KILL)
        var defaultAction: Action?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "defaultAction": defaultAction = try reader.optionalChoice()
            case "defaultErrnoRet": profile.defaultErrnoRet = try reader.uint32()
            case "architectures": profile.architectures = try reader.choices()
            case "flags": profile.flags = try reader.choices()
            case "listenerPath": profile.listenerPath = try reader.nonEmptyString()
            case "listenerMetadata":
                let metadata = try reader.text()
                profile.listenerMetadata = metadata.isEmpty ? nil : metadata
            case "syscalls":
                try reader.beginArray()
                while try reader.nextElement() { profile.syscalls.append(try Rule(from: &reader)) }
            default: break
            }
        }
        guard let defaultAction else {
            if profile.syscalls.isEmpty { return nil }
            throw reader.missing("defaultAction")
        }
        profile.defaultAction = defaultAction
        return profile
    }
}

extension SeccompProfile.Rule {
    init(from reader: inout JSONReader) throws(Failure) {
        var rule = SeccompProfile.Rule(names: [], action: .SCMP_ACT_KILL)
        var names: [String]?
        var action: SeccompProfile.Action?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "names": names = try reader.strings()
            case "action": action = try reader.choice()
            case "errnoRet": rule.errnoRet = try reader.uint32()
            case "args":
                try reader.beginArray()
                while try reader.nextElement() {
                    rule.args.append(try SeccompProfile.Argument(from: &reader))
                }
            default: break
            }
        }
        guard let names else { throw reader.missing("names") }
        guard let action else { throw reader.missing("action") }
        rule.names = names
        rule.action = action
        self = rule
    }
}

extension SeccompProfile.Argument {
    init(from reader: inout JSONReader) throws(Failure) {
        var index: UInt32?
        var value: UInt64?
        var valueTwo: UInt64 = 0
        var op: SeccompProfile.Operator?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "index": index = try reader.uint32()
            case "value": value = try reader.uint64()
            case "valueTwo": valueTwo = try reader.uint64()
            case "op": op = try reader.choice()
            default: break
            }
        }
        guard let index else { throw reader.missing("index") }
        guard let value else { throw reader.missing("value") }
        guard let op else { throw reader.missing("op") }
        self.init(index: index, value: value, valueTwo: valueTwo, op: op)
    }
}
