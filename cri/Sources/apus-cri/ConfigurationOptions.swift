import ArgumentParser
import CRIConfiguration

/// What of the configuration the command line can say otherwise.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: "The configuration file (default: \(Configuration.defaultPath), if there is one).",
        completion: .file())
    var config: String?

    @Option(help: "Where to listen; takes the place of socket.path.")
    var socket: String?

    @Option(help: "Images and records; takes the place of root.")
    var root: String?

    @Option(help: "Sockets, namespaces and bundles; takes the place of run.")
    var run: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical; takes the place of log.level.")
    var logLevel: Configuration.Log.Level?

    @Option(help: "text or json; takes the place of log.format.")
    var logFormat: Configuration.Log.Format?

    mutating func validate() throws {
        for (name, value) in [("--socket", socket), ("--root", root), ("--run", run)] {
            guard let value, value.utf8.first != UInt8(ascii: "/") else { continue }
            throw ValidationError("\(name): \"\(value)\" is not an absolute path")
        }
    }

    /// The file's configuration with the command line's.
    func configuration() throws(ConfigurationError) -> Configuration {
        var configuration = try Configuration.read(config)
        if let socket { configuration.socket.path = socket }
        if let root { configuration.root = root }
        if let run { configuration.run = run }
        if let logLevel { configuration.log.level = logLevel }
        if let logFormat { configuration.log.format = logFormat }
        return configuration
    }
}

extension Configuration.Log.Level: ExpressibleByArgument {}
extension Configuration.Log.Format: ExpressibleByArgument {}
