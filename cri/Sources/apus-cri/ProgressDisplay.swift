/// Shows on a terminal, or as lines of a log, how far a pull is.
struct ProgressDisplay: Sendable {
    enum Phase: Equatable, Sendable { case present, fetching, unpacking, done }

    enum Style: Equatable, Sendable {
        /// Redraws in place; columns and rows of the terminal.
        case terminal(columns: Int, rows: Int)
        /// A line for each step of each layer.
        case plain
    }

    private struct Layer: Sendable {
        var name: String
        var phase: Phase
        var received: Int64
        var size: Int64
    }

    /// Not to be drawn more often than people can see.
    private static let interval = Duration.milliseconds(100)

    private let style: Style
    private let start: ContinuousClock.Instant
    private var layers: [Int: Layer] = [:]
    private var count = 0
    /// How many lines the last drawing has.
    private var drawn = 0
    private var lastDrawing: ContinuousClock.Instant?

    init(_ style: Style, start: ContinuousClock.Instant = .now) {
        self.style = style
        self.start = start
    }

    /// Takes how far a layer is.
    ///
    /// - Parameters:
    ///   - index: of the layer, from 0, the base; `count` is how many there are.
    ///   - name: the digest of its blob, with or without `sha256:`.
    ///   - received: bytes that are there, of `size`.
    /// - Returns: what to write now; may be empty.
    mutating func update(
        index: Int, count: Int, name: String, phase: Phase, received: Int64, size: Int64,
        at now: ContinuousClock.Instant = .now
    ) -> String {
        let known = layers[index]
        let short = String((name.split(separator: ":").last ?? "").prefix(12))
        let layer = Layer(name: short, phase: phase, received: max(0, received), size: max(0, size))
        layers[index] = layer
        self.count = max(self.count, count, index + 1)
        switch style {
        case .plain:
            return known?.phase == phase ? "" : "layer \(index + 1) of \(self.count), \(Self.words(layer))\n"
        case .terminal(let columns, let rows):
            if let lastDrawing, lastDrawing.duration(to: now) < Self.interval { return "" }
            lastDrawing = now
            return drawing(columns, rows, now)
        }
    }

    /// The last words: what was drawn makes room for them.
    mutating func end(_ words: String) -> String {
        defer { drawn = 0 }
        return erasure + words + "\n"
    }

    private static func words(_ layer: Layer) -> String {
        switch layer.phase {
        case .present: "\(layer.name): is here"
        case .fetching: "\(layer.name): fetching \(bytes(layer.size))"
        case .unpacking: "\(layer.name): unpacking"
        case .done: "\(layer.name): done"
        }
    }

    // MARK: The terminal

    /// Back to the beginning of the first line that was drawn, and all below it gone (ECMA-48: CPL, ED).
    private var erasure: String { drawn > 0 ? "\u{1b}[\(drawn)F\u{1b}[J" : "" }

    private mutating func drawing(_ columns: Int, _ rows: Int, _ now: ContinuousClock.Instant) -> String {
        let busy = layers.sorted { $0.key < $1.key }.map(\.value)
            .filter { $0.phase == .unpacking || $0.phase == .fetching && $0.received > 0 }
        // A line that scrolled away could not be drawn over.
        var lines = busy.prefix(max(0, rows - 2)).map { line(of: $0, columns) }
        lines.append(summary(now))
        // Nor one that was folded.
        let text = erasure + lines.map { $0.prefix(max(1, columns - 1)) + "\n" }.joined()
        drawn = lines.count
        return text
    }

    private func line(of layer: Layer, _ columns: Int) -> String {
        let figures =
            layer.phase == .unpacking
            ? "unpacking" : "\(Self.bytes(layer.received)) of \(Self.bytes(layer.size))"
        let width = columns - 1 - layer.name.count - figures.count - 4
        guard width >= 10 else { return "\(layer.name)  \(figures)" }
        return "\(layer.name) [\(Self.bar(Self.share(layer), width))] \(figures)"
    }

    /// `3 of 8 layers, 45.0 MiB of 94.0 MiB, 23.4 MiB/s`.
    private func summary(_ now: ContinuousClock.Instant) -> String {
        let finished = layers.values.filter { $0.phase == .done || $0.phase == .present }.count
        let fetched = layers.values.filter { $0.phase != .present }
        let received = fetched.reduce(Int64(0)) { $0 + min($1.received, $1.size) }
        let size = fetched.reduce(Int64(0)) { $0 + $1.size }
        var text = "\(finished) of \(count) layers"
        if size > 0 { text += ", \(Self.bytes(received)) of \(Self.bytes(size))" }
        let (seconds, attoseconds) = start.duration(to: now).components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        if received > 0, time > 0 { text += ", \(Self.bytes(Int64(Double(received) / time)))/s" }
        return text
    }

    private static func share(_ layer: Layer) -> Double {
        if layer.phase != .fetching { return 1 }
        return layer.size > 0 ? min(1, Double(layer.received) / Double(layer.size)) : 0
    }

    /// `=====>    `, `width` characters.
    static func bar(_ share: Double, _ width: Int) -> String {
        let filled = Int(Double(width) * share)
        guard filled < width else { return String(repeating: "=", count: width) }
        return String(repeating: "=", count: filled) + ">" + String(repeating: " ", count: width - filled - 1)
    }

    /// `999 B`, `1.0 KiB`, `12.3 MiB`.
    static func bytes(_ count: Int64) -> String {
        var (amount, unit) = (Double(max(0, count)), 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while amount >= 1024, unit < units.count - 1 {
            amount /= 1024
            unit += 1
        }
        if unit == 0 { return "\(Int(amount)) B" }
        let tenths = Int((amount * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
