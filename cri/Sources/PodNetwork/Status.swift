import Kernel
import OCISpec

/// Whether pods can be attached: the CRI's condition `NetworkReady`.
public struct NetworkStatus: Sendable, Equatable {
    public var isReady: Bool
    /// One word in camel case; empty if all is well.
    public var reason: String
    /// For people; empty if all is well.
    public var message: String

    static let ready = NetworkStatus(isReady: true, reason: "", message: "")

    static func notReady(_ message: String) -> NetworkStatus {
        NetworkStatus(isReady: false, reason: "NetworkPluginNotReady", message: message)
    }
}

/// An answer of plugins to `STATUS`, that serves for a while: kubelet asks every few seconds, and each plugin is a
/// process.
struct StatusAnswer: Sendable {
    var status: NetworkStatus
    /// As ``Poll/now()`` counts.
    var time: Int

    /// In milliseconds.
    static let lifetime = 10_000
}

extension PodNetwork {
    /// Whether pods can be attached: whether there is a configuration, whether the programs of its plugins are there,
    /// and, from version 1.1.0 on, what they say to `STATUS`, asked every ten seconds at most. Else no process is run.
    public func status() async -> NetworkStatus {
        do throws(NetworkError) {
            return try await onThread { (interruption) in self.status(interruption) }
        } catch {
            return .notReady(error.description)
        }
    }

    private func status(_ interruption: Interruption) -> NetworkStatus {
        do throws(NetworkError) {
            let list = try requireList("")
            for plugin in list.plugins { _ = try runner.program(plugin.type) }
            guard list.version.hasGarbageCollection else { return .ready }
            if let answer = state.withLock({ $0.answer }), Poll.now() - answer.time < StatusAnswer.lifetime {
                return answer.status
            }
            let answer = try ask(list, interruption)
            state.withLock { $0.answer = StatusAnswer(status: answer, time: Poll.now()) }
            return answer
        } catch {
            return .notReady(error.description)
        }
    }

    private func ask(_ list: NetworkList, _ interruption: Interruption) throws(NetworkError) -> NetworkStatus
    {
        do throws(NetworkError) {
            try chain.status(list, interruption)
            return .ready
        } catch  where error.kind != .cancelled {
            return .notReady(error.description)
        }
    }

    /// A pod that could not be detached.
    public struct Leftover: Sendable {
        public var pod: String
        public var error: NetworkError
    }

    /// Kills plugins that a daemon which is no more has left at work. For the start, before any pod is attached.
    ///
    /// - Throws: if the records cannot be listed.
    public func endStrayPlugins() async throws(NetworkError) {
        try await onThread { (_) throws(NetworkError) in
            StrayPlugins.kill(of: Set(try self.records.pods().map(self.records.file)))
        }
    }

    /// As ``leftovers(alive:)-(()->Set<String>)``, where no pod is attached meanwhile.
    public func leftovers(alive: Set<String>) async throws(NetworkError) -> [Leftover] {
        try await leftovers { alive }
    }

    /// Detaches all pods that have a record here and are not among those alive, some at a time. Plugins that still run
    /// for them are killed. From version 1.1.0 on the plugins are then asked to collect garbage (`GC`), but for a network
    /// that has `disableGC`; what they say against it is logged.
    ///
    /// - Parameter alive: asked when the records have been listed, so that a pod which is attached meanwhile is left
    ///   alone.
    /// - Returns: those that could not be detached; they stay on record.
    /// - Throws: if the records cannot be listed.
    public func leftovers(
        alive: @Sendable () async -> Set<String>
    ) async throws(NetworkError) -> [Leftover] {
        let pods = try await onThread { (_) throws(NetworkError) in try self.records.pods() }
        let alive = await alive()
        let gone = pods.filter { !alive.contains($0) }
        let files = Set(gone.map(records.file))
        try await onThread { (_) throws(NetworkError) in StrayPlugins.kill(of: files) }
        let left = await withTaskGroup(of: Leftover?.self, returning: [Leftover].self) { group in
            var left: [Leftover] = []
            for (index, pod) in gone.enumerated() {
                if index >= 4, let one = await group.next() { left += [one].compactMap { $0 } }
                group.addTask { await self.drop(pod) }
            }
            for await one in group { left += [one].compactMap { $0 } }
            return left
        }
        await collectGarbage(keeping: Set(pods.filter(alive.contains)).union(left.map(\.pod)))
        return left.sorted { $0.pod < $1.pod }
    }

    private func drop(_ pod: String) async -> Leftover? {
        do throws(NetworkError) {
            try await detach(pod: pod)
            return nil
        } catch {
            return Leftover(pod: pod, error: error)
        }
    }

    private func collectGarbage(keeping pods: Set<String>) async {
        do throws(NetworkError) {
            try await onThread { (interruption) throws(NetworkError) in
                guard let list = self.currentReading().list, list.version.hasGarbageCollection else { return }
                var writer = JSONWriter()
                var records: [AttachmentRecord] = []
                for pod in pods.sorted() {
                    if let record = try self.records.load(pod), record.list.name == list.name {
                        records.append(record)
                    }
                }
                writer.array { writer in
                    for record in records {
                        writer.object { writer in
                            writer.member("containerID", record.pod)
                            writer.member("ifname", record.interface)
                        }
                    }
                }
                let errors = self.chain.collectGarbage(
                    list, attachments: writer.bytes, interruption)
                for error in errors {
                    self.logger.warning("a plugin collected no garbage", metadata: ["error": "\(error)"])
                }
            }
        } catch {
            // A record that cannot be read: what it holds might be taken for garbage.
            logger.warning("no garbage was collected", metadata: ["error": "\(error)"])
        }
    }
}
