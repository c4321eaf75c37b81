import Diagnosis
import Kernel

/// The plugins of a list, run one after the other for a pod (CNI spec, section 3). Each call waits on its thread.
struct PluginChain: Sendable {
    let runner: PluginRunner
    let records: RecordDirectory

    /// The result of the last plugin.
    struct Outcome: Sendable {
        var bytes: [UInt8]
        var result: NetworkResult
    }

    /// Adds the pod ("Adding an attachment").
    ///
    /// - Parameter progress: the result so far, whether or not this throws.
    func add(
        _ record: AttachmentRecord, progress: inout [UInt8]?, _ interruption: Interruption
    ) throws(NetworkError) -> Outcome {
        var last: Outcome?
        for plugin in record.list.plugins {
            let request = plugin.request(
                name: record.list.name, version: record.list.version, arguments: record.capabilities,
                previous: last?.bytes)
            let output = try runner.run(.add, plugin.type, parameters(record), request: request, interruption)
            last = try outcome(output, of: plugin, record)
            progress = last?.bytes
        }
        guard let last else {
            throw NetworkError(.internal, doing: "attach pod \(record.pod)", "the list has no plugins")
        }
        if last.result.ips.isEmpty {
            throw NetworkError(
                .plugin, doing: "attach pod \(record.pod) to \(record.list.name)",
                "the plugins gave \(record.interface) no address",
                remedy: "look for the IP address management of the network's configuration")
        }
        return last
    }

    /// Deletes the pod's attachment ("Deleting an attachment").
    ///
    /// - Parameter goesOn: whether the other plugins run if one fails; the specification wants them not to, so that
    ///   all can be tried again in the same order.
    /// - Throws: the first error.
    func delete(
        _ record: AttachmentRecord, goesOn: Bool = false, _ interruption: Interruption
    ) throws(NetworkError) {
        var parameters = parameters(record)
        // What is not there any more must not be named: plugins release what they hold elsewhere then.
        if !NetworkNamespace.isOne(parameters.netns) { parameters.netns = "" }
        var first: NetworkError?
        for plugin in record.list.plugins.reversed() {
            let request = plugin.request(
                name: record.list.name, version: record.list.version, arguments: record.capabilities,
                previous: record.list.version.hasCheck ? record.result : nil)
            do throws(NetworkError) {
                _ = try runner.run(.del, plugin.type, parameters, request: request, interruption)
            } catch {
                // It knows of no such container: there is nothing of it to be deleted.
                if error.refusal?.code == PluginRefusal.unknownContainer { continue }
                if !goesOn { throw error }
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    /// Asks whether all is as it was made ("Checking an attachment").
    func check(_ record: AttachmentRecord, _ interruption: Interruption) throws(NetworkError) {
        for plugin in record.list.plugins {
            let request = plugin.request(
                name: record.list.name, version: record.list.version, arguments: record.capabilities,
                previous: record.result)
            _ = try runner.run(.check, plugin.type, parameters(record), request: request, interruption)
        }
    }

    /// Asks whether pods can be added (`STATUS`); nothing for versions that lack it.
    func status(_ list: NetworkList, _ interruption: Interruption) throws(NetworkError) {
        guard list.version.hasGarbageCollection else { return }
        for plugin in list.plugins {
            let request = plugin.request(name: list.name, version: list.version)
            _ = try runner.run(
                .status, plugin.type, PluginRunner.Parameters(), request: request, interruption)
        }
    }

    /// Has all plugins drop what belongs to no attachment of these ("Garbage-collecting a network"); nothing for
    /// versions that lack it.
    ///
    /// - Returns: the errors; each plugin is asked, whatever the others say.
    func collectGarbage(
        _ list: NetworkList, attachments: [UInt8], _ interruption: Interruption
    ) -> [NetworkError] {
        guard list.version.hasGarbageCollection, !list.disableGC else { return [] }
        var errors: [NetworkError] = []
        for plugin in list.plugins {
            let request = plugin.request(name: list.name, version: list.version, attachments: attachments)
            do throws(NetworkError) {
                _ = try runner.run(
                    .gc, plugin.type, PluginRunner.Parameters(), request: request, interruption)
            } catch {
                errors.append(error)
            }
        }
        return errors
    }

    private func parameters(_ record: AttachmentRecord) -> PluginRunner.Parameters {
        PluginRunner.Parameters(
            containerID: record.pod, netns: record.netns, interface: record.interface,
            arguments: record.arguments, record: records.file(record.pod))
    }

    /// What a plugin wrote, as the next one is to have it.
    private func outcome(
        _ output: [UInt8], of plugin: PluginConfiguration, _ record: AttachmentRecord
    ) throws(NetworkError) -> Outcome {
        let version = record.list.version
        do throws(Failure) {
            let result = try NetworkResult(output, asked: version, interface: record.interface)
            // As it is, with all that we do not know, as long as the next can read it.
            let bytes =
                result.version == version && result.isVersioned ? output : result.encode(as: version)
            return Outcome(bytes: bytes, result: result)
        } catch {
            throw NetworkError(.plugin, in: "the result of the plugin \(plugin.type)", error)
        }
    }
}

/// The files by which network namespaces are held.
enum NetworkNamespace {
    /// NSFS_MAGIC (statfs(2)).
    private static let magic = 0x6e73_6673

    /// Whether something is pinned at the path: a file that lost its mount is none.
    static func isOne(_ path: String) -> Bool {
        !path.isEmpty && FileTree.isFileSystem(path, magic: magic)
    }
}
