import Diagnosis
import Foundation

/// The `process` of a container's config.json, with another command: what a runtime's `exec --process` reads.
enum ProcessJSON {
    /// - Parameter config: config.json, as the daemon wrote it.
    static func make(_ command: [String], from config: [UInt8]) throws -> [UInt8] {
        guard let object = try JSONSerialization.jsonObject(with: Data(config)) as? [String: Any],
            var process = object["process"] as? [String: Any]
        else { throw Failure("config.json has no process") }
        process["args"] = command
        process["terminal"] = false
        process["consoleSize"] = nil
        return Array(try JSONSerialization.data(withJSONObject: process, options: [.withoutEscapingSlashes]))
    }
}
