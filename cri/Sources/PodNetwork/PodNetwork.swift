import Diagnosis
import Dispatch
import Kernel
import Logging
import OCISpec
import Synchronization

/// Attaches pods to the network by CNI plugins (CNI spec 0.3.0 to 1.1.0), and detaches them.
///
/// The loopback interface is nobody's here: whoever makes the namespace brings it up. Pods on the host's network are
/// never brought here.
///
/// Everything may be called from everywhere; operations on one pod come one after the other. A task that is cancelled
/// has the plugin killed that runs for it.
public final class PodNetwork: Sendable {
    let runner: PluginRunner
    let records: RecordDirectory
    let turns = PodTurns()
    let logger: Logger
    let state: Mutex<State>

    var chain: PluginChain { PluginChain(runner: runner, records: records) }

    struct State: Sendable {
        var directory: ConfigurationDirectory
        /// What `STATUS` said last.
        var answer: StatusAnswer?
    }

    /// - Parameters:
    ///   - configurationDirectory: where the lists are, `/etc/cni/net.d` as a rule.
    ///   - network: the name of the one to use; nil is the first in the order of the files' names.
    ///   - binaryDirectories: where the plugins' programs are, `/opt/cni/bin` as a rule; the first that has one wins.
    ///   - cacheDirectory: where the records of attachments go. It has to outlive the host's boot.
    ///   - pluginTimeout: how long each plugin may take.
    public init(
        configurationDirectory: String, network: String? = nil, binaryDirectories: [String],
        cacheDirectory: String, pluginTimeout: Duration = .seconds(60), logger: Logger
    ) {
        let milliseconds =
            pluginTimeout.components.seconds * 1000 + pluginTimeout.components.attoseconds
            / 1_000_000_000_000_000
        runner = PluginRunner(
            directories: binaryDirectories, timeout: Int(clamping: max(1, min(milliseconds, 86_400_000))))
        records = RecordDirectory(path: cacheDirectory)
        self.logger = logger
        state = Mutex(State(directory: ConfigurationDirectory(path: configurationDirectory, pinned: network)))
    }

    /// Attaches a pod (ADD of all plugins). What failed in the middle is undone; what could not be undone either is
    /// left to ``detach(pod:)`` or ``leftovers(alive:)``, which know of it.
    ///
    /// - Throws: `notReady` as ``status()`` would say; `invalid` for what the request has wrong, or if the pod is
    ///   attached already; and what the plugins say.
    public func attach(_ attachment: PodAttachment) async throws(NetworkError) -> NetworkResult {
        try attachment.validate()
        return try await turns.take(attachment.id) { () async throws(NetworkError) -> NetworkResult in
            try await onThread { (interruption) throws(NetworkError) in
                try self.attach(attachment, interruption)
            }
        }
    }

    /// Detaches a pod (DEL of all plugins, in reverse order) with the configuration that it was attached with. Does
    /// nothing for a pod that is not attached.
    ///
    /// - Throws: what the first plugin says that fails: then all can be tried again.
    public func detach(pod: String) async throws(NetworkError) {
        try Self.validate(pod)
        try await turns.take(pod) { () async throws(NetworkError) -> Void in
            try await onThread { (interruption) throws(NetworkError) in
                try self.detach(pod, interruption)
            }
        }
    }

    /// Asks the plugins whether the pod's network is as they made it (CHECK). Does nothing for a network that
    /// has `disableCheck`.
    ///
    /// - Throws: `invalid` for a pod that is not attached, or whose list is of a version before 0.4.0, which has no
    ///   CHECK; and what the first plugin says that fails.
    public func check(pod: String) async throws(NetworkError) {
        try Self.validate(pod)
        try await turns.take(pod) { () async throws(NetworkError) -> Void in
            try await onThread { (interruption) throws(NetworkError) in
                guard let record = try self.records.load(pod), record.result != nil else {
                    throw .invalid("pod", "\(pod) is not attached to the network")
                }
                if record.list.disableCheck { return }
                guard record.list.version.hasCheck else {
                    throw .invalid(
                        "pod",
                        "\(pod) is on the network \(record.list.name) of CNI \(record.list.version.rawValue), which has no CHECK"
                    )
                }
                try self.chain.check(record, interruption)
            }
        }
    }

    /// What attaching the pod came to, from its record; nil if it is not attached.
    public func result(pod: String) async throws(NetworkError) -> NetworkResult? {
        try Self.validate(pod)
        return try await onThread { (_) throws(NetworkError) in
            guard let record = try self.records.load(pod), let result = record.result else { return nil }
            do throws(Failure) {
                return try NetworkResult(result, asked: record.list.version, interface: record.interface)
            } catch {
                throw NetworkError(.internal, in: "\(self.records.file(pod)): /result", error)
            }
        }
    }

    private static func validate(_ pod: String) throws(NetworkError) {
        if !CNIName.isValid(pod) { throw .invalid("pod", "\"\(pod)\" is not a pod's ID: \(CNIName.rule)") }
    }
}

extension PodNetwork {
    private func attach(
        _ attachment: PodAttachment, _ interruption: Interruption
    ) throws(NetworkError) -> NetworkResult {
        let doing = "attach pod \(attachment.id)"
        if records.exists(attachment.id) {
            throw .invalid("pod", "\(attachment.id) is attached already, or was not detached in full")
        }
        let list = try requireList(doing)
        // Before the first runs: one that is missing would leave the others' work to be undone.
        for plugin in list.plugins { _ = try runner.program(plugin.type) }
        guard NetworkNamespace.isOne(attachment.netns) else {
            throw .invalid("netns", "no network namespace is pinned at \"\(attachment.netns)\"")
        }
        var record = AttachmentRecord(
            pod: attachment.id, netns: attachment.netns, interface: attachment.interface,
            arguments: try attachment.arguments(), capabilities: try attachment.capabilityArguments(),
            list: list)
        if interruption.hasHappened { throw .gone(doing) }
        try records.save(record)
        var progress: [UInt8]?
        do throws(NetworkError) {
            let outcome = try chain.add(record, progress: &progress, interruption)
            record.result = outcome.bytes
            try records.save(record)
            return outcome.result
        } catch {
            record.result = progress
            throw undo(record, after: error)
        }
    }

    /// Deletes what was added in part.
    ///
    /// - Returns: the error to be thrown.
    private func undo(_ record: AttachmentRecord, after error: NetworkError) -> NetworkError {
        do throws(NetworkError) {
            // The caller may have gone; this is done all the same.
            try chain.delete(record, goesOn: true, Interruption())
            try records.remove(record.pod)
            return error
        } catch let second {
            if record.result == nil, error.refusal != nil {
                // The first plugin has refused in its own words: it is not asked again and again to undo nothing.
                try? records.remove(record.pod)
            }
            logger.warning(
                "a pod's network could not be undone; it will be tried again",
                metadata: ["pod": "\(record.pod)", "error": "\(second)"])
            var error = error
            let reason = error.failure.reason
            error.failure.reason =
                (reason.isEmpty ? "" : reason + "; ") + "undoing it failed too: \(second.description)"
            return error
        }
    }

    func detach(_ pod: String, _ interruption: Interruption) throws(NetworkError) {
        let record: AttachmentRecord
        do throws(NetworkError) {
            guard let found = try records.load(pod) else { return }
            record = found
        } catch  where error.kind == .internal && error.failure.errno == nil {
            // A record that cannot be read, such as after a crash of the host: what is configured now comes closest.
            logger.warning(
                "the record of a pod's network is damaged; it is detached as configured now",
                metadata: ["pod": "\(pod)", "error": "\(error)"])
            record = AttachmentRecord(
                pod: pod, netns: "", interface: "eth0", arguments: "IgnoreUnknown=1", capabilities: [],
                list: try requireList("detach pod \(pod)"))
        }
        try chain.delete(record, interruption)
        try records.remove(pod)
    }

    /// The list to use now.
    func requireList(_ doing: String) throws(NetworkError) -> NetworkList {
        let reading = currentReading()
        guard let list = reading.list else { throw NetworkError(.notReady, doing: doing, reading.reason) }
        return list
    }

    /// What the directory has now; said in the log when it is something new.
    func currentReading() -> ConfigurationDirectory.Reading {
        let (reading, isNew) = state.withLock { state in
            let now = state.directory.read()
            if now.isNew { state.answer = nil }
            return now
        }
        guard isNew else { return reading }
        for reason in reading.refused {
            logger.warning("a network configuration was passed over", metadata: ["reason": "\(reason)"])
        }
        if let list = reading.list {
            logger.info(
                "network configuration read",
                metadata: [
                    "network": "\(list.name)", "file": "\(reading.file ?? "")",
                    "plugins": "\(list.plugins.map(\.type).joined(separator: ", "))",
                ])
        }
        return reading
    }

    /// Does what waits on a thread of its own, and has it stopped when the task is cancelled.
    func onThread<Value: Sendable>(
        _ body: @escaping @Sendable (Interruption) throws(NetworkError) -> Value
    ) async throws(NetworkError) -> Value {
        let interruption = Interruption()
        let result: Result<Value, NetworkError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // A serial queue of its own is given a thread at once, however many others wait.
                DispatchQueue(label: "apus-cri.network").async {
                    continuation.resume(
                        returning: Result { () throws(NetworkError) in try body(interruption) })
                }
            }
        } onCancel: {
            interruption.happen()
        }
        return try result.get()
    }
}
