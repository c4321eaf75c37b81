import Diagnosis
import Kernel
import OCISpec

/// The directory with the network configurations, `/etc/cni/net.d` as a rule. Not thread-safe.
///
/// Of its `*.conflist`, `*.conf` and `*.json` the first that is valid is used, in the order of their names' bytes, as
/// containerd and CRI-O have it; or the first of a given name. Nothing watches the directory: at each use the times of
/// change are compared, which takes a stat(2) a file.
struct ConfigurationDirectory: Sendable {
    let path: String
    /// The only network that is to be used; nil is the first.
    let pinned: String?

    /// What came of reading it.
    struct Reading: Sendable, Equatable {
        var list: NetworkList?
        /// Where the list is from.
        var file: String?
        /// Files that were passed over, and why.
        var refused: [String] = []
        /// What is wrong if there is no list.
        var reason = ""
    }

    private var reading = Reading()
    private var signature: [Entry]?

    init(path: String, pinned: String?) {
        self.path = path
        self.pinned = pinned
    }

    /// The state of a file or directory.
    private struct Entry: Sendable, Equatable {
        var path: String
        var status: FileStatus?
    }

    /// What is there now.
    ///
    /// - Returns: whether it was read anew, too.
    mutating func read() -> (reading: Reading, isNew: Bool) {
        let names: [String]
        do throws(SystemError) {
            names = try FileTree.list(path).filter(Self.isConfiguration)
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            let isNew = reading.reason != "\(error)"
            signature = nil
            reading = Reading(reason: "\(error)")
            return (reading, isNew)
        }
        let files = names.map { "\(path)/\($0)" }
        let now = entries(files, aggregated: signature.map { $0.map(\.path) } ?? [])
        if now == signature { return (reading, false) }
        let wasReading = reading
        reading = choose(files)
        // The plugins' directory of the list that was chosen is watched too.
        let seen = entries(files, aggregated: pluginFiles())
        // A second change within one tick of the file system's clock would not show: then it is read once more.
        signature = seen.contains(where: isFresh) ? nil : seen
        return (reading, reading != wasReading)
    }

    static func isConfiguration(_ name: String) -> Bool {
        name.hasSuffix(".conflist") || name.hasSuffix(".conf") || name.hasSuffix(".json")
    }

    private func entries(_ files: [String], aggregated: [String]) -> [Entry] {
        let own = Set(files)
        return (files + aggregated.filter { !own.contains($0) }).map {
            Entry(path: $0, status: try? FileTree.status($0))
        }
    }

    /// The directory of the network's further plugins, and the files in it.
    private func pluginFiles() -> [String] {
        guard let list = reading.list, !list.loadOnlyInlinedPlugins else { return [] }
        let directory = "\(path)/\(list.name)"
        return [directory] + ((try? Self.pluginFiles(in: directory)) ?? [])
    }

    private func isFresh(_ entry: Entry) -> Bool {
        guard let changed = entry.status?.changed else { return false }
        let now = Timestamp.now()
        return now.seconds - changed.seconds <= 1 && changed.seconds <= now.seconds
            && (now.seconds - changed.seconds) * 1_000_000_000 + now.nanoseconds - changed.nanoseconds
                < 50_000_000
    }

    private func choose(_ files: [String]) -> Reading {
        var result = Reading()
        var others: [String] = []
        for file in files {
            do throws(NetworkError) {
                var list = try Self.load(file)
                if let pinned, list.name != pinned {
                    others.append(list.name)
                    continue
                }
                if !list.loadOnlyInlinedPlugins {
                    list.plugins += try Self.aggregated("\(path)/\(list.name)")
                }
                if list.plugins.isEmpty {
                    throw NetworkError(
                        .notReady, in: file,
                        Failure(
                            at: "/plugins",
                            "the network has no plugins, neither here nor in \(path)/\(list.name)"))
                }
                result.list = list
                result.file = file
                return result
            } catch {
                result.refused.append(error.description)
            }
        }
        if !result.refused.isEmpty {
            result.reason = result.refused.joined(separator: "; ")
        } else if let pinned, !others.isEmpty {
            result.reason =
                "no network is named \(pinned) in \(path), but \(others.joined(separator: ", "))"
        } else {
            result.reason = "no network configuration in \(path): no *.conflist, *.conf or *.json"
        }
        return result
    }

    private static func load(_ file: String) throws(NetworkError) -> NetworkList {
        let bytes = try contents(file)
        do throws(Failure) {
            return try file.hasSuffix(".conflist") ? NetworkList(list: bytes) : NetworkList(single: bytes)
        } catch {
            throw NetworkError(.notReady, in: file, error)
        }
    }

    /// The plugins of the files in a directory that is named as the network.
    private static func aggregated(_ directory: String) throws(NetworkError) -> [PluginConfiguration] {
        let files: [String]
        do throws(SystemError) { files = try pluginFiles(in: directory) } catch {
            throw NetworkError(.notReady, Failure(.runtime, error))
        }
        var plugins: [PluginConfiguration] = []
        for file in files {
            let bytes = try contents(file)
            do throws(Failure) {
                var reader = try JSONReader(bytes, limit: NetworkList.maximumSize)
                var header = PluginConfiguration.Header()
                plugins.append(try PluginConfiguration(from: &reader, header: &header))
                try reader.finish()
            } catch {
                throw NetworkError(.notReady, in: file, error)
            }
        }
        return plugins
    }

    private static func pluginFiles(in directory: String) throws(SystemError) -> [String] {
        guard FileTree.exists(directory) else { return [] }
        return try FileTree.list(directory).filter { $0.hasSuffix(".conf") }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(directory)/\($0)" }
    }

    private static func contents(_ file: String) throws(NetworkError) -> [UInt8] {
        do throws(SystemError) {
            return try FileTree.read(file, limit: NetworkList.maximumSize + 1)
        } catch {
            throw NetworkError(.notReady, Failure(.runtime, error))
        }
    }
}
