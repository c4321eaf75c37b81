import Diagnosis

extension IntelRdt {
    /// config-linux.md, "IntelRdt".
    func validate(at pointer: Pointer) throws(Failure) {
        if let id = closID, id != "/" {
            if id == "." || id == ".." || id.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0x0a }) {
                throw Failure(
                    at: pointer.key("closID"),
                    "\(quoted(id)) is not the name of a directory; \"/\" alone stands for the default class")
            }
        }
        if let schema = memBwSchema, !schema.hasPrefix("MB:") {
            throw Failure(at: pointer.key("memBwSchema"), "\(quoted(schema)) does not begin with \"MB:\"")
        }
        if let schema = l3CacheSchema { try refuseNewline(schema, at: { pointer.key("l3CacheSchema") }) }
        if let schema = memBwSchema { try refuseNewline(schema, at: { pointer.key("memBwSchema") }) }
        for (index, line) in schemata.enumerated() {
            try refuseNewline(line, at: { pointer.key("schemata").index(index) })
        }
    }

    private func refuseNewline(_ line: String, at pointer: () -> Pointer) throws(Failure) {
        if line.utf8.contains(0x0a) { throw Failure(at: pointer(), "\(quoted(line)) is more than one line") }
    }
}
