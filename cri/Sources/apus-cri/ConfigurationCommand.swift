import ArgumentParser
import CRIConfiguration
import Glibc

/// `apus-cri config`.
struct ConfigurationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Shows the default configuration, or looks for mistakes in one.",
        subcommands: [Default.self, Check.self])

    struct Default: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the default configuration, with what each setting is.")

        func run() { print(Configuration.defaultText, terminator: "") }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Prints the mistakes of a file, with their lines and columns; ends with 1 if there are any.")

        @Argument(help: "The file.", completion: .file())
        var file = Configuration.defaultPath

        func run() throws {
            do throws(ConfigurationError) { _ = try Configuration.read(file) } catch {
                print(error)
                throw ExitCode.failure
            }
        }
    }
}
