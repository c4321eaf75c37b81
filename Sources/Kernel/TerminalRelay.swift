import Diagnosis
import Glibc

/// Carries bytes between a process's terminal, of which this holds the master, and the standard descriptors.
///
/// Neither side waits for the other: a process that prints without reading, and a caller who types without
/// reading, both go on.
public final class TerminalRelay {
    private let master: FileDescriptor
    private let input: Int32
    private let output: Int32
    private var toProcess: [UInt8] = []
    private var toCaller: [UInt8] = []
    private var inputIsOpen = true
    private var masterIsOpen = true
    private var outputIsOpen = true

    /// As much as is held of what one side has not taken yet; no more is read from the other then.
    private static let limit = 64 << 10

    /// - Parameter master: made non-blocking here. The others stay as they are: others use them too.
    public init(master: consuming FileDescriptor, input: Int32 = 0, output: Int32 = 1) {
        self.master = master
        self.input = input
        self.output = output
        let flags = fcntl(self.master.number, F_GETFL)
        _ = fcntl(self.master.number, F_SETFL, flags | O_NONBLOCK)
    }

    /// The process's terminal gets the size of the caller's.
    public func copySize(from terminal: Int32) { Terminal.copySize(from: terminal, to: master.number) }

    /// Carries until there is something to read from one of `descriptors`.
    public func carry(until descriptors: [Int32]) throws(SystemError) {
        while try !step(watching: descriptors, timeout: -1) {}
    }

    /// Carries on what the process has printed, when it has ended. Others may hold its terminal open: they are
    /// waited for as long as they print without a pause.
    public func drain() throws(SystemError) {
        inputIsOpen = false
        toProcess = []
        let pause: Int32 = 100
        while masterIsOpen && outputIsOpen {
            let before = (toCaller.count, carried)
            _ = try step(watching: [], timeout: pause)
            if before == (toCaller.count, carried) { break }
        }
        while outputIsOpen && !toCaller.isEmpty { writeToCaller() }
    }

    /// Counts what was read from the process, to tell a pause.
    private var carried = 0

    /// - Returns: whether one of `descriptors` can be read from.
    private func step(watching descriptors: [Int32], timeout: Int32) throws(SystemError) -> Bool {
        // poll(2) skips entries with a negative number.
        var masterEvents: Int32 = 0
        if masterIsOpen && toCaller.count < Self.limit { masterEvents |= POLLIN }
        if masterIsOpen && !toProcess.isEmpty { masterEvents |= POLLOUT }
        let readsInput = inputIsOpen && masterIsOpen && toProcess.count < Self.limit
        var entries = [
            pollfd(fd: masterEvents == 0 ? -1 : master.number, events: Int16(masterEvents), revents: 0),
            pollfd(fd: readsInput ? input : -1, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: outputIsOpen && !toCaller.isEmpty ? output : -1, events: Int16(POLLOUT), revents: 0),
        ]
        entries += descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        if poll(&entries, nfds_t(entries.count), timeout) < 0 {
            if errno == EINTR { return false }
            throw SystemError("poll", Errno(errno))
        }
        if entries[0].revents & Int16(POLLOUT) != 0 { writeToProcess() }
        if entries[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 && toCaller.count < Self.limit {
            readFromProcess()
        }
        if entries[1].revents != 0 { readFromCaller() }
        if entries[2].revents != 0 { writeToCaller() }
        return entries[3...].contains { $0.revents != 0 }
    }

    private func readFromProcess() {
        do throws(SystemError) {
            let bytes = try master.read(4096)
            if bytes.isEmpty { masterIsOpen = false }
            carried += bytes.count
            if outputIsOpen { toCaller += bytes }
        } catch  where error.errno == Errno(EAGAIN) || error.errno == Errno(EINTR) {
        } catch {
            // EIO: nobody has the terminal open any more.
            masterIsOpen = false
        }
    }

    private func readFromCaller() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { read(input, $0.baseAddress, $0.count) }
        if count > 0 {
            toProcess += bytes[..<count]
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            inputIsOpen = false
        }
    }

    private func writeToProcess() {
        let count = toProcess.withUnsafeBytes { write(master.number, $0.baseAddress, $0.count) }
        if count > 0 {
            toProcess.removeFirst(count)
        } else if errno != EAGAIN && errno != EINTR {
            toProcess = []
        }
    }

    private func writeToCaller() {
        // After POLLOUT a pipe takes this many bytes without making us wait (pipe(7), PIPE_BUF).
        let count = toCaller.prefix(4096).withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
        if count > 0 {
            toCaller.removeFirst(count)
        } else if errno != EAGAIN && errno != EINTR {
            // Nobody listens: the process goes on all the same, and its terminal is emptied.
            outputIsOpen = false
            toCaller = []
        }
    }
}
