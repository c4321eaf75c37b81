import ArgumentParser
import CRIConfiguration
import CRIServer
import Diagnosis
import Dispatch
import Glibc
import Kernel
import Logging
import NIOPosix

/// The daemon.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves kubelet and crictl on a unix socket (the default).")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let start = ContinuousClock.now
        let configuration: Configuration
        do throws(ConfigurationError) { configuration = try options.configuration() } catch {
            Self.complain("\(error)")
            throw ExitCode.failure
        }
        let logger = Self.logger(configuration.log)
        do {
            try await Self.serve(configuration, since: start, logger)
        } catch {
            logger.critical("\(error)")
            throw ExitCode.failure
        }
    }

    private static func serve(
        _ configuration: Configuration, since start: ContinuousClock.Instant, _ logger: Logger
    ) async throws {
        ProcessMemory.keepSmall()
        // A client that goes is found out by the write that fails.
        signal(SIGPIPE, SIG_IGN)
        let notification = ServiceNotification.claimed()
        let lock = try DaemonLock(configuration)
        defer { withExtendedLifetime(lock) {} }
        let socket = try listeningSocket(configuration.socket, logger)
        let pods = try await PodDaemon.start(try DaemonSettings(configuration), log: logger)
        let path = socket.path
        let quiet = QuietTime(after: ProcessMemory.patience, ProcessMemory.shrink)
        let daemon = DaemonServer(
            runtime: pods.runtime, images: pods.images, socket: socket,
            eventLoops: MultiThreadedEventLoopGroup(numberOfThreads: DaemonServer.eventLoopThreads),
            quiet: quiet, logger: logger)

        let signals = StopSignals { signal in
            logger.info("\(signal) came")
            tell(notification, "STOPPING=1", logger)
            daemon.stop(grace: configuration.socket.stopGrace.duration)
        }
        defer { withExtendedLifetime(signals) {} }
        try await daemon.serve {
            Task {
                await pods.cleanUp()
                quiet.changed()
            }
            tell(notification, "READY=1", logger)
            let time = ContinuousClock.now - start
            logger.info(
                "listening on \(path), \(time.components.attoseconds / 1_000_000_000_000_000 + time.components.seconds * 1000) ms after the start"
            )
        }
        await pods.shutDown()
        logger.info("stopped")
    }

    private static func listeningSocket(
        _ settings: Configuration.Socket, _ logger: Logger
    ) throws(Failure) -> ListeningSocket {
        if let socket = try ListeningSocket.activated() {
            if socket.path != settings.path {
                logger.notice(
                    "systemd passed \(socket.path): socket.path, which is \(settings.path), is not used")
            }
            return socket
        }
        return try ListeningSocket.bind(
            settings.path, mode: settings.mode.rawValue, uid: UInt32(settings.uid), gid: UInt32(settings.gid))
    }

    private static func logger(_ settings: Configuration.Log) -> Logger {
        let format = LineLogHandler.Format(rawValue: settings.format.rawValue) ?? .text
        let level = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        let handler = LineLogHandler(format: format, level: level)
        // What libraries say, too.
        LoggingSystem.bootstrap { _ in handler }
        return Logger(label: "apus-cri")
    }

    /// Nobody's failure to listen ends the daemon.
    private static func tell(_ notification: ServiceNotification, _ state: String, _ logger: Logger) {
        do throws(SystemError) { try notification.send(state) } catch {
            logger.warning("systemd was not told \(state): \(error)")
        }
    }

    private static func complain(_ text: String) {
        LineLogHandler.writeToStandardError(Array("\(text)\n".utf8))
    }
}
