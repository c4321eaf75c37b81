import AsyncHTTPClient
import NIOCore

/// Whether a server that sends something makes any way.
///
/// One that is silent is noticed by the transport; one that sends a byte now and then would hold a pull, and what the
/// pull holds, for ever. Only the time that is spent waiting for it counts, and not what a slow disk takes.
struct ProgressWatch {
    /// The server has sent next to nothing for too long.
    struct Stalled: Error {
        var bytes: Int
        var patience: TimeAmount
    }

    /// What a server has to send within its time, in bytes: a kilobyte a second where that is a minute.
    static let enough = 64 << 10

    private let patience: TimeAmount
    private var waited = Duration.zero
    private var came = 0

    init(patience: TimeAmount) { self.patience = patience }

    /// Notes what has come.
    mutating func note(_ bytes: Int, after wait: Duration) throws(Stalled) {
        waited += wait
        came += bytes
        if came >= Self.enough {
            (waited, came) = (.zero, 0)
        } else if waited >= .nanoseconds(patience.nanoseconds) {
            throw Stalled(bytes: came, patience: patience)
        }
    }
}

extension HTTPClientResponse.Body {
    /// Hands over what comes, piece by piece.
    ///
    /// - Throws: what broke on the way, `ProgressWatch.Stalled`, and what `take` throws.
    func receive(patience: TimeAmount, _ take: (ByteBuffer) throws -> Void) async throws {
        var watch = ProgressWatch(patience: patience)
        var pieces = makeAsyncIterator()
        while true {
            let start = ContinuousClock.now
            guard let bytes = try await pieces.next() else { return }
            try watch.note(bytes.readableBytes, after: start.duration(to: .now))
            try take(bytes)
        }
    }

    /// All of it.
    ///
    /// - Throws: as ``receive(patience:_:)``, and `NIOTooManyBytesError`.
    func collect(upTo limit: Int, patience: TimeAmount) async throws -> [UInt8] {
        var collected: [UInt8] = []
        try await receive(patience: patience) { bytes in
            guard bytes.readableBytes <= limit - collected.count else {
                throw NIOTooManyBytesError(maxBytes: limit)
            }
            collected += bytes.readableBytesView
        }
        return collected
    }
}
