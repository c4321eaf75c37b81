import Logging

/// The line that a call leaves in the log: never a message of the interface as a whole, as some hold secrets.
struct CallRecord: Sendable {
    let method: String
    let id: UInt64
    let start: ContinuousClock.Instant

    func succeeded(subject: Logger.Metadata, to logger: Logger) {
        // Nothing is put together that is not wanted.
        guard logger.logLevel <= .debug else { return }
        logger.debug("\(method)", metadata: subject.merging(figures) { subject, _ in subject })
    }

    /// What a client does wrong in daily life is told at `info`, all else at `warning`.
    func failed(_ error: CRIError, subject: Logger.Metadata, to logger: Logger) {
        let level: Logger.Level =
            switch error.code {
            case .notFound, .alreadyExists, .invalidArgument, .cancelled, .unimplemented: .info
            default: .warning
            }
        guard logger.logLevel <= level else { return }
        var metadata = subject.merging(figures) { subject, _ in subject }
        metadata["code"] = "\(error.code)"
        logger.log(level: level, "\(method): \(error.message)", metadata: metadata)
    }

    private var figures: Logger.Metadata {
        ["call": "\(id)", "seconds": "\(Self.seconds(ContinuousClock.now - start))"]
    }

    /// `0.012345`: to the microsecond.
    static func seconds(_ time: Duration) -> String {
        let (seconds, attoseconds) = max(.zero, time).components
        let digits = String(attoseconds / 1_000_000_000_000)
        return "\(seconds)." + String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }
}
