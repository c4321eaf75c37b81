import ArgumentParser
import CRIConfiguration
import CRIServer
import Diagnosis
import Glibc
import Images
import Kernel
import Logging
import Synchronization

/// `apus-cri pull`.
struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pulls an image, by the daemon if one runs, and prints its ID.",
        discussion: """
            Without --creds and --authfile, the login for the registry is looked for where podman looks for it: in
            $REGISTRY_AUTH_FILE, if that is set, else in $XDG_RUNTIME_DIR/containers/auth.json, in
            ~/.config/containers/auth.json, and in $DOCKER_CONFIG/config.json or ~/.docker/config.json. Programs that keep
            logins (credHelpers, credsStore) are not run.
            """)

    @OptionGroup var options: ConfigurationOptions

    @OptionGroup var login: LoginOptions

    @Argument(help: "The image: busybox, docker.io/library/busybox:1.37, NAME@sha256:DIGEST.")
    var image: String

    func run() async throws {
        do {
            print(try await pull())
        } catch {
            Self.say("\(error)\n")
            throw ExitCode.failure
        }
    }

    private func pull() async throws -> String {
        let configuration = try options.configuration()
        // A mistake in the name is told of before anything is opened.
        let login = try login.login(for: try ImageReference(image))
        guard let lock = try Self.lock(configuration) else {
            Self.say("the daemon on \(configuration.socket.path) pulls \(image)\n")
            return try await DaemonPull.pull(image, login, through: configuration.socket.path)
        }
        defer { withExtendedLifetime(lock) {} }
        return try await pullHere(configuration, try login?.credentials())
    }

    /// Nil if a daemon has it.
    private static func lock(_ configuration: Configuration) throws(Failure) -> DaemonLock? {
        do throws(Failure) {
            return try DaemonLock(configuration)
        } catch {
            guard error.errno == Errno(EWOULDBLOCK) else { throw error }
            return nil
        }
    }

    /// While no daemon runs.
    private func pullHere(
        _ configuration: Configuration, _ credentials: RegistryCredentials?
    ) async throws -> String {
        // Whoever wants to read more than what goes wrong says so on the command line.
        let level = options.logLevel.flatMap { Logger.Level(rawValue: $0.rawValue) } ?? .warning
        let format = LineLogHandler.Format(rawValue: configuration.log.format.rawValue) ?? .text
        let handler = LineLogHandler(format: format, level: level)
        LoggingSystem.bootstrap { _ in handler }
        let images: ImageStore = try await DaemonSettings(configuration).openImages(
            log: Logger(label: "apus-cri"))
        let lines = ProgressLines(Self.style)
        do {
            let pulled = try await images.pull(image, credentials: credentials) { lines.update($0) }
            lines.end("\(image) is here")
            await images.shutDown()
            return pulled.id
        } catch {
            lines.end("\(image) is not here")
            await images.shutDown()
            throw error
        }
    }

    private static var style: ProgressDisplay.Style {
        var size = winsize()
        guard isatty(STDERR_FILENO) == 1, ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 else {
            return .plain
        }
        // A terminal that does not know its size, as behind a serial line, says 0.
        return .terminal(
            columns: size.ws_col > 0 ? Int(size.ws_col) : 80, rows: size.ws_row > 0 ? Int(size.ws_row) : 24)
    }

    /// Standard output is for the ID alone.
    static func say(_ text: String) {
        if !text.isEmpty { LineLogHandler.writeToStandardError(Array(text.utf8)) }
    }
}

/// Writes what the display has to say, from any thread and in order.
private final class ProgressLines: Sendable {
    private let display: Mutex<ProgressDisplay>

    init(_ style: ProgressDisplay.Style) { display = Mutex(ProgressDisplay(style)) }

    func update(_ progress: PullProgress) { display.withLock { Pull.say($0.update(progress)) } }

    func end(_ words: String) { display.withLock { Pull.say($0.end(words)) } }
}

extension ProgressDisplay {
    fileprivate mutating func update(_ progress: PullProgress) -> String {
        let phase: Phase =
            switch progress.phase {
            case .present: .present
            case .fetching: .fetching
            case .unpacking: .unpacking
            case .done: .done
            }
        return update(
            index: progress.index, count: progress.count, name: progress.layer.description, phase: phase,
            received: progress.received, size: progress.size)
    }
}
