import Diagnosis
import OCISpec

/// A document of the Container Device Interface: what a vendor's devices of one class want of a container.
///
/// Unknown fields are refused, and such as the version that the document names has no word for. Annotations are for
/// other readers; they are checked to be texts.
struct CDIDocument: Sendable {
    /// `vendor.com/class`.
    var kind = ""
    /// In the order of the document.
    var devices: [(name: String, edits: CDIEdits)] = []
    /// What all of them want.
    var edits = CDIEdits()

    /// Larger documents are not read.
    static let maximumSize = 8 << 20

    init(json: [UInt8]) throws(Failure) {
        var reader = try JSONReader(json, limit: Self.maximumSize)
        var version: CDIVersion?
        var uses: [CDIVersion.Use] = []
        var hasKind = false
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "cdiVersion":
                let text = try reader.string()
                version = CDIVersion(named: text)
                if version == nil {
                    let known = CDIVersion.allCases.map(\.rawValue).joined(separator: ", ")
                    throw reader.fail("version \"\(text)\" is not known, but \(known)")
                }
            case "kind":
                kind = try reader.string()
                hasKind = true
                if let reason = CDIName.refusal(ofKind: kind) { throw reader.fail(reason) }
                if kind.split(separator: "/").last?.contains(".") == true {
                    uses.append(CDIVersion.Use(pointer: reader.pointer, since: .v060))
                }
            case "annotations": try reader.annotations(&uses)
            case "devices":
                try reader.beginArray()
                while try reader.nextElement() { try addDevice(&reader, &uses) }
            case "containerEdits": edits = try CDIEdits(from: &reader, &uses)
            default: throw reader.fail("unknown field")
            }
        }
        try reader.finish()
        guard let version else { throw Failure(at: "/cdiVersion", "required, but missing") }
        if !hasKind { throw Failure(at: "/kind", "required, but missing") }
        if devices.isEmpty { throw Failure(at: "/devices", "at least one device is required") }
        for use in uses where use.since > version {
            throw Failure(
                at: use.pointer,
                "this is for version \(use.since.rawValue) and up, but the document says \(version.rawValue)")
        }
    }

    private mutating func addDevice(
        _ reader: inout JSONReader, _ uses: inout [CDIVersion.Use]
    ) throws(Failure) {
        var name: String?
        var edits: CDIEdits?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "name":
                let text = try reader.string()
                if let reason = CDIName.refusal(ofDevice: text) { throw reader.fail(reason) }
                if devices.contains(where: { $0.name == text }) {
                    throw reader.fail("there is a device \"\(text)\" already")
                }
                if text.first?.isNumber == true {
                    uses.append(CDIVersion.Use(pointer: reader.pointer, since: .v050))
                }
                name = text
            case "annotations": try reader.annotations(&uses)
            case "containerEdits":
                edits = try CDIEdits(from: &reader, &uses)
                if edits?.isEmpty == true { throw reader.fail("a device must want something") }
            default: throw reader.fail("unknown field")
            }
        }
        guard let name else { throw reader.missing("name") }
        guard let edits else { throw reader.missing("containerEdits") }
        devices.append((name, edits))
    }
}

extension JSONReader {
    fileprivate mutating func annotations(_ uses: inout [CDIVersion.Use]) throws(Failure) {
        uses.append(CDIVersion.Use(pointer: pointer, since: .v060))
        try beginMap()
        while try nextKey() != nil { _ = try text() }
    }
}
