import Diagnosis
import OCISpec
import Yams

/// Documents in YAML, made into JSON, so that there is one decoder for both.
enum CDIYAML {
    /// Fields whose values are numbers; a plain scalar anywhere else is a text, whatever it looks like.
    private static let numbers: Set<String> = [
        "major", "minor", "fileMode", "uid", "gid", "timeout", "additionalGids",
    ]

    /// - Throws: bad syntax, with line and column, or a key that a mapping has twice.
    static func json(_ text: String) throws(Failure) -> [UInt8] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            let lines = "\(error)".split(separator: "\n")
            throw Failure(at: "", lines.first.map(String.init) ?? "not YAML")
        }
        guard let root else { throw Failure(at: "", "the document is empty") }
        var writer = JSONWriter()
        try write(root, field: nil, Pointer(), &writer)
        return writer.bytes
    }

    private static func write(
        _ node: Node, field: String?, _ pointer: Pointer, _ writer: inout JSONWriter
    ) throws(Failure) {
        // Aliases within aliases can make much of little.
        if writer.bytes.count > CDIDocument.maximumSize {
            throw Failure(at: pointer, "the document is larger than \(CDIDocument.maximumSize >> 20) MiB")
        }
        switch node {
        case .scalar(let scalar): write(scalar, field: field, &writer)
        case .sequence(let sequence):
            var failure: Failure?
            writer.array { writer in
                for (index, element) in sequence.enumerated() where failure == nil {
                    do throws(Failure) {
                        try write(element, field: field, pointer.index(index), &writer)
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
        case .mapping(let mapping):
            var failure: Failure?
            writer.object { writer in
                for (key, value) in mapping where failure == nil {
                    guard case .scalar(let name) = key else {
                        failure = Failure(at: pointer, "a key is not a text")
                        return
                    }
                    writer.key(name.string)
                    do throws(Failure) {
                        let inner = field == "annotations" ? field : name.string
                        try write(value, field: inner, pointer.key(name.string), &writer)
                    } catch {
                        writer.null()
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
        case .alias: throw Failure(at: pointer, "an alias of nothing")
        }
    }

    private static func write(_ scalar: Node.Scalar, field: String?, _ writer: inout JSONWriter) {
        let isPlain = scalar.style == .plain || scalar.style == .any
        if isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return writer.null() }
        if isPlain, let field {
            if numbers.contains(field), let number = Int.construct(from: scalar) {
                return writer.integer(number)
            }
            if field.hasPrefix("enable"), let flag = Bool.construct(from: scalar) { return writer.bool(flag) }
        }
        writer.string(scalar.string)
    }
}
