/// One operation at a time on each pod and each container: whoever comes second waits, in the order of coming.
///
/// Waiting cannot be broken off: what holds a lock ends by itself, at the latest by its own deadlines.
actor OperationLocks {
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    private func acquire(_ key: String) async {
        guard waiting[key] != nil else {
            waiting[key] = []
            return
        }
        await withCheckedContinuation { waiting[key, default: []].append($0) }
    }

    private func release(_ key: String) {
        guard var queue = waiting[key], !queue.isEmpty else {
            waiting[key] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[key] = queue
        next.resume()
    }

    /// Runs `body` while nothing else runs under this key.
    nonisolated func withLock<Result: Sendable>(
        _ key: String, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        await acquire(key)
        do {
            let result = try await body()
            await release(key)
            return result
        } catch {
            await release(key)
            throw error
        }
    }
}
