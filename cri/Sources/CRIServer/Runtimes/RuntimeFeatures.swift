import CRISpec

/// What the handlers' programs say that they can do (`features`, runtime-spec features.md): each is asked once, when
/// somebody first wants to know; and anew after a while if it did not answer.
actor RuntimeFeatureCache {
    private struct Answer {
        let task: Task<RuntimeInformation.Handler?, Never>
        let time: ContinuousClock.Instant
    }

    private var known: [String: Answer] = [:]
    private let pause: Duration

    /// - Parameter pause: after which a program that has not answered is asked again. Status asks every few seconds, and
    ///   some programs have no such command.
    init(pause: Duration = .seconds(30)) { self.pause = pause }

    /// A program that has no such command can do none of it, as far as anybody knows.
    func of(_ handler: RuntimeHandler) async -> RuntimeInformation.Handler {
        let nothing = RuntimeInformation.Handler(
            name: handler.name, recursiveReadOnlyMounts: false, userNamespaces: false)
        if let answer = known[handler.name] {
            let said = await answer.task.value
            if let said { return said }
            if ContinuousClock.now - answer.time < pause { return nothing }
            // Somebody else may have been as quick.
            guard known[handler.name]?.time == answer.time else { return await of(handler) }
        }
        let task = Task { () -> RuntimeInformation.Handler? in
            guard let said = try? await CommandResult.of(handler.features, limit: TimeLimits.features),
                said.status == 0
            else { return nil }
            return try? RuntimeInformation.Handler(name: handler.name, features: Array(said.output.utf8))
        }
        known[handler.name] = Answer(task: task, time: .now)
        return await task.value ?? nothing
    }
}

extension RuntimeInformation.Handler {
    var specification: HandlerFeatures {
        HandlerFeatures(recursiveReadOnlyMounts: recursiveReadOnlyMounts, idMappedMounts: userNamespaces)
    }
}
