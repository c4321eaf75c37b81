import Diagnosis
import Glibc
import Kernel
import OCISpec

/// A timeline of one command: its phases, and the steps of the stages that it starts. Written in the end in the
/// format of Chrome's tracing, which Perfetto reads too.
///
/// Phases nest. A command has a ``begin(_:_:)`` or ``next(_:_:)`` where a phase of it begins, and none for the end of
/// those that fail: ``fail(_:leaving:)`` ends what is open by then, so the innermost is what has failed.
public final class Trace: @unchecked Sendable {  // The runtime has one thread.
    /// What took time, in nanoseconds of CLOCK_MONOTONIC.
    struct Event: Equatable {
        var name: String
        var process: Int32
        var start: UInt64
        var end: UInt64
        var arguments: [Argument] = []
    }

    struct Argument: Equatable {
        var name: String
        var value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    private(set) var events: [Event] = []
    private(set) var processes: [(id: Int32, name: String)] = []
    /// The positions of the phases that have not ended, from the outermost on.
    private var open: [Int] = []
    private var hasFailed = false
    private let file: FileDescriptor

    /// Opens the file, at once: one that cannot be written is found out before anything is done.
    ///
    /// - Parameters:
    ///   - path: as given; relative to the working directory as it is now.
    ///   - command: what the timeline is of.
    ///   - begun: when the program began, in nanoseconds.
    public init(to path: String, of command: String, begun: UInt64) throws(Failure) {
        let asked = MonotonicClock.now()
        file = try Failure.blaming(.option("--trace")) { () throws(SystemError) in
            try FileDescriptor.open(path, O_CREAT | O_WRONLY | O_TRUNC | O_NOCTTY, mode: 0o644)
        }
        name(ProcessControl.ownPID, "apus")
        begin(command)
        events[0].start = begun
        add(Event(name: "read the command line", process: ProcessControl.ownPID, start: begun, end: asked))
        begin("open the file of the timeline", .option("--trace"))
        events[2].start = asked
    }

    // MARK: phases

    /// How many phases are open.
    var depth: Int { open.count }

    /// Begins a phase inside of the one that is open.
    func begin(_ name: String, _ origin: Failure.Origin = .runtime) {
        open.append(events.count)
        let now = MonotonicClock.now()
        var event = Event(name: name, process: ProcessControl.ownPID, start: now, end: now)
        if origin != .runtime { event.arguments.append(Argument("origin", origin.source)) }
        events.append(event)
    }

    /// Ends the innermost phase.
    func end() {
        guard let last = open.popLast() else { return }
        events[last].end = MonotonicClock.now()
    }

    /// Ends the innermost phase and begins one after it.
    func next(_ name: String, _ origin: Failure.Origin = .runtime) {
        end()
        begin(name, origin)
    }

    /// Ends the phases that a failure has cut short, all but so many, and says so with the innermost.
    func fail(_ failure: Failure, leaving depth: Int) {
        if open.count > depth { note(failure) }
        while open.count > depth { end() }
    }

    /// The command has failed, and what follows undoes it.
    func abandon(_ failure: Failure) {
        hasFailed = true
        fail(failure, leaving: 1)
        begin("undo it")
    }

    /// For whoever knows no more than where its phases begin and end.
    var watch: (String?) -> Void {
        { phase in if let phase { self.begin(phase) } else { self.end() } }
    }

    private func note(_ failure: Failure) {
        guard let last = open.last else { return }
        events[last].arguments.append(Argument("error", failure.description))
    }

    // MARK: other processes

    func name(_ process: Int32, _ name: String) { processes.append((process, name)) }

    func add(_ event: Event) { events.append(event) }

    // MARK: the end

    /// Ends what is open, and writes the file.
    ///
    /// - Parameter failure: why the command has failed, if it has.
    public func finish(_ failure: Failure?) throws(Failure) {
        if let failure {
            if !hasFailed { fail(failure, leaving: 1) }
            while open.count > 1 { end() }
            note(failure)
        }
        while !open.isEmpty { end() }
        try Failure.blaming(.option("--trace")) { () throws(SystemError) in
            try file.writeAll(Self.json(events, processes: processes), name: "the trace")
        }
    }
}
