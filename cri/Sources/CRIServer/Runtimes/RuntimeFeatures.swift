import CRISpec

/// What the handlers' programs say that they can do (`features`, runtime-spec features.md): each is asked once, when
/// somebody first wants to know.
actor RuntimeFeatureCache {
    private var known: [String: Task<RuntimeInformation.Handler, Never>] = [:]

    /// A program that has no such command can do none of it, as far as anybody knows.
    func of(_ handler: RuntimeHandler) async -> RuntimeInformation.Handler {
        if let task = known[handler.name] { return await task.value }
        let task = Task {
            let said = try? await CommandResult.of(handler.features)
            let text = said?.status == 0 ? said?.output ?? "{}" : "{}"
            return (try? RuntimeInformation.Handler(name: handler.name, features: Array(text.utf8)))
                ?? .init(name: handler.name, recursiveReadOnlyMounts: false, userNamespaces: false)
        }
        known[handler.name] = task
        return await task.value
    }
}

extension RuntimeInformation.Handler {
    var specification: HandlerFeatures {
        HandlerFeatures(recursiveReadOnlyMounts: recursiveReadOnlyMounts, idMappedMounts: userNamespaces)
    }
}
