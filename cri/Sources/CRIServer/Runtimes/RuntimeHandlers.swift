import Diagnosis

/// The runtime handlers by their names.
struct RuntimeHandlers: Sendable {
    private let handlers: [String: RuntimeHandler]
    /// What a pod gets that names none.
    let defaultName: String

    init(_ handlers: [RuntimeHandler], default defaultName: String) {
        self.handlers = Dictionary(handlers.map { ($0.name, $0) }) { first, _ in first }
        self.defaultName = defaultName
    }

    var all: [RuntimeHandler] { handlers.values.sorted { $0.name < $1.name } }

    /// The handler of this name; the default one if it is empty.
    func named(_ name: String) throws(CRIError) -> RuntimeHandler {
        guard let handler = handlers[name.isEmpty ? defaultName : name] else {
            throw CRIError.invalid(
                "/runtime_handler",
                "\"\(name)\": no such runtime handler; there are "
                    + all.map(\.name).joined(separator: ", "),
                remedy: "add [handlers.\(name)] to the configuration, or mend the RuntimeClass")
        }
        return handler
    }
}
