import AsyncHTTPClient
import Diagnosis
import NIOCore
import NIOPosix
import NIOSSL

/// Why one server could not be had something from, and whether it may be worth asking it again.
struct AttemptFailure: Error, Sendable {
    enum Retry: Sendable, Equatable {
        case never
        /// After a while; at least this one, if the server said so.
        case later(Duration?)
        /// After a while, but not if it has gone wrong in this way before: it took its time.
        case once
    }

    var error: ImageError
    var retry: Retry

    init(_ error: ImageError, _ retry: Retry = .never) {
        self.error = error
        self.retry = retry
    }

    static func cancelled(_ doing: String) -> AttemptFailure {
        AttemptFailure(.cancelled(doing))
    }

    /// What broke on the way to a server.
    init(transport error: any Error, doing: String) {
        if Task.isCancelled || error is CancellationError || error as? HTTPClientError == .cancelled {
            self = .cancelled(doing)
            return
        }
        let reason: String
        switch error {
        case let error as HTTPClientError:
            if error == .readTimeout || error == .deadlineExceeded {
                self.init(ImageError(.unavailable, doing: doing, "the server fell silent"), .once)
                return
            }
            reason = Self.plain(error)
        case let error as ProgressWatch.Stalled:
            let seconds = error.patience.nanoseconds / 1_000_000_000
            self.init(
                ImageError(
                    .unavailable, doing: doing,
                    "the server sends next to nothing: \(error.bytes) bytes in \(seconds) s"), .once)
            return
        case let error as AttemptFailure:
            self = error
            return
        case let error as NIOConnectionError:
            let causes = error.connectionErrors.map { "\($0.target): \(Self.plain($0.error))" }
            let lookups = [error.dnsAError, error.dnsAAAAError].compactMap { $0.map(Self.plain) }
            reason =
                "cannot connect: " + Set(causes.isEmpty ? lookups : causes).sorted().joined(separator: ", ")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            // What two sides do not agree about now they will not in a second.
            self.init(Self.tls(String(describing: error), doing: doing))
            return
        default: reason = Self.plain(error)
        }
        self.init(ImageError(.unavailable, doing: doing, reason), .later(nil))
    }

    /// BoringSSL says much; what counts is the name of the fault.
    private static func tls(_ text: String, doing: String) -> ImageError {
        let mark = "OPENSSL_internal:"
        let name = text.range(of: mark).map { String(text[$0.upperBound...].prefix { $0 != " " }) } ?? text
        let remedy: String? =
            switch name {
            case "CERTIFICATE_VERIFY_FAILED": "a private authority goes into ca of hosts.toml"
            case "TLSV1_ALERT_CERTIFICATE_REQUIRED": "the server wants a certificate: client of hosts.toml"
            case "WRONG_VERSION_NUMBER": "a server without encryption is written with http:// in hosts.toml"
            default: nil
            }
        return ImageError(.unavailable, doing: doing, "TLS: \(name)", remedy: remedy)
    }

    private static func plain(_ error: HTTPClientError) -> String {
        if error == .connectTimeout || error == .getConnectionFromPoolTimeout {
            return "no connection came up in time"
        }
        if error == .remoteConnectionClosed || error == .uncleanShutdown { return "the connection was cut" }
        return "HTTP: \(error.shortDescription)"
    }

    private static func plain(_ error: any Error) -> String {
        (error as? IOError).map { Errno($0.errnoCode).description } ?? String(describing: error)
    }
}

extension ImageError {
    /// What a pull ends with whose task was cancelled.
    static func cancelled(_ doing: String) -> ImageError {
        ImageError(.cancelled, doing: doing, "was cancelled, or its time is over")
    }
}
