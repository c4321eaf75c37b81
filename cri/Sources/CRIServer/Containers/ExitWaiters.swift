/// Those who wait for the end of a container.
actor ExitWaiters {
    private var listeners: [String: [Int: AsyncStream<Never>.Continuation]] = [:]
    private var next = 0

    /// A stream that ends when ``announce(_:)`` names the container, and has no elements. Whoever takes it asks *then*
    /// whether the container has ended already.
    func listen(to container: String) -> AsyncStream<Never> {
        next += 1
        let number = next
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        listeners[container, default: [:]][number] = continuation
        continuation.onTermination = { _ in
            Task { await self.forget(container, number) }
        }
        return stream
    }

    /// The container has ended.
    func announce(_ container: String) {
        for continuation in listeners.removeValue(forKey: container)?.values ?? [:].values {
            continuation.finish()
        }
    }

    private func forget(_ container: String, _ number: Int) {
        listeners[container]?[number] = nil
        if listeners[container]?.isEmpty == true { listeners[container] = nil }
    }
}

extension PodRuntime {
    /// Waits for the end of a container.
    ///
    /// - Parameter patience: how long at most; nil is without end.
    /// - Returns: whether it has ended.
    /// - Throws: CancellationError.
    func waitForEnd(of container: String, patience: Duration?) async throws -> Bool {
        let end = await exits.listen(to: container)
        guard await inventory.container(container)?.isAlive == true else { return true }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await _ in end {}
                // The stream ends for a cancelled task, too.
                try Task.checkCancellation()
                return true
            }
            if let patience {
                group.addTask {
                    try await Task.sleep(for: patience)
                    return false
                }
            }
            return try await group.next() ?? true
        }
    }
}
