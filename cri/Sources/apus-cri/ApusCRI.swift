import ArgumentParser
import CRIServer

/// The command line of `apus-cri`.
@main
struct ApusCRI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-cri",
        abstract: "Serves the Container Runtime Interface on top of apus.",
        version: "apus-cri version \(daemonVersion)",
        subcommands: [Serve.self, Pull.self, ConfigurationCommand.self],
        defaultSubcommand: Serve.self)
}
