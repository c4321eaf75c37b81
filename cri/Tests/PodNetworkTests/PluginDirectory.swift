import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import PodNetwork

/// A directory with plugins that are shell scripts of the test: each writes down what it is asked, and does what the
/// test has it do.
final class PluginDirectory: Sendable {
    let path: String
    var binaries: String { path + "/bin" }
    var configurations: String { path + "/net.d" }
    var cache: String { path + "/cache/network" }
    /// A name of this process's own network namespace, that can be taken away.
    var netns: String { path + "/netns" }

    init() throws {
        path = "\(NSTemporaryDirectory())/apus-network-\(UUID().uuidString)"
        for directory in ["bin", "net.d", "log"] {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(directory)", withIntermediateDirectories: true)
        }
        try FileManager.default.createSymbolicLink(
            atPath: netns, withDestinationPath: "/proc/self/ns/net")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Installs a plugin.
    func install(_ type: String) throws {
        let script = """
            #!/bin/sh
            here=${0%/*}
            type=${0##*/}
            call=$type.$CNI_COMMAND
            cat > "$here/../log/$call.in"
            env | grep '^CNI_' | sort > "$here/../log/$call.env"
            echo "$call" >> "$here/../log/calls"
            if [ -f "$here/$call.sh" ]; then . "$here/$call.sh"; fi
            """
        try write(script, "bin/\(type)")
        chmod("\(binaries)/\(type)", 0o755)
    }

    /// What a plugin does on a command: lines for a shell.
    func on(_ type: String, _ command: String, _ script: String) throws {
        try write(script, "bin/\(type).\(command).sh")
    }

    /// Has ADD answer with this result.
    func answer(_ type: String, _ result: String) throws {
        try on(type, "ADD", "cat <<'END'\n\(result)\nEND")
    }

    func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")), as: UTF8.self)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

    /// `TYPE.COMMAND` of all calls so far.
    var calls: [String] {
        ((try? read("log/calls")) ?? "").split(separator: "\n").map(String.init)
    }

    func forgetCalls() { try? FileManager.default.removeItem(atPath: "\(path)/log/calls") }

    /// The request of the last such call.
    func request(_ call: String) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(try read("log/\(call).in").utf8))
        return try #require(object as? [String: Any])
    }

    /// Its environment, as far as it is CNI's.
    func environment(_ call: String) throws -> [String: String] {
        var result: [String: String] = [:]
        for line in try read("log/\(call).env").split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[String(parts[0])] = String(parts[1])
        }
        return result
    }

    func network(_ name: String? = nil, timeout: Duration = .seconds(20), cache: String? = nil) -> PodNetwork
    {
        PodNetwork(
            configurationDirectory: configurations, network: name, binaryDirectories: ["/nowhere", binaries],
            cacheDirectory: cache ?? self.cache, pluginTimeout: timeout,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func attachment(_ id: String = "pod1") -> PodAttachment {
        PodAttachment(id: id, name: "web", namespace: "default", uid: "u-1", netns: netns)
    }

    /// Two plugins, `first` and `second`, of which each answers with an address more.
    func installTwo(version: String = "1.0.0", extra: String = "") throws {
        try install("first")
        try install("second")
        try write(
            """
            {"cniVersion": "\(version)", "name": "net", \(extra) "plugins": [
              {"type": "first", "bridge": "b0", "ipam": {"subnet": "10.1.0.0/16"}, "none": null,
               "capabilities": {"portMappings": true, "dns": false}},
              {"type": "second", "capabilities": {"bandwidth": true, "cgroupPath": true,
               "io.kubernetes.cri.pod-annotations": true, "dns": true, "mac": true, "ips": true}}]}
            """, "net.d/10-net.conflist")
        try answer("first", Self.result(version, ["10.1.0.5/16"]))
        try answer("second", Self.result(version, ["10.1.0.5/16", "fd00::5/64"]))
    }

    static func result(_ version: String, _ addresses: [String]) -> String {
        let ips = addresses.map { address in
            let family = version < "1.0.0" ? "\"version\": \"\(address.contains(":") ? 6 : 4)\"," : ""
            return "{\(family) \"address\": \"\(address)\", \"interface\": 1}"
        }
        return """
            {"cniVersion": "\(version)", "interfaces": [{"name": "veth0", "mac": "02:00:00:00:00:01"},
              {"name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": "/run/ns"}],
             "ips": [\(ips.joined(separator: ","))], "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}],
             "dns": {"nameservers": ["10.1.0.1"]}, "x-vendor": {"kept": true}}
            """
    }

    /// Waits until a file is there.
    func wait(for name: String) async throws {
        for _ in 0..<400 {
            if exists(name) { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        Issue.record("\(name) did not come")
    }
}

/// The error that `body` throws.
func failure(_ body: () async throws(NetworkError) -> Void) async throws -> NetworkError {
    do throws(NetworkError) {
        try await body()
    } catch {
        return error
    }
    throw NothingThrown()
}

struct NothingThrown: Error {}
