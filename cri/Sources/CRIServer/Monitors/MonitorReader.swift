import Diagnosis
import Kernel
import MonitorProtocol
import Synchronization

/// The thread that listens to all monitors of the daemon.
package final class MonitorReader: Sendable {
    private let queue: EventQueue
    private let clients = Mutex<[Int32: MonitorClient]>([:])

    /// Starts the thread. It stays as long as the process.
    package init() throws(SystemError) {
        queue = try EventQueue()
        try WorkerThread.start { self.run() }
    }

    /// From now on the client is told of what comes, and if wanted of room to write. It is held until ``forget(_:)``.
    func watch(_ client: MonitorClient, forWriting: Bool = false) throws(SystemError) {
        clients.withLock { $0[client.number] = client }
        do throws(SystemError) {
            try queue.watch(client.number, forWriting: forWriting)
        } catch {
            clients.withLock { $0[client.number] = nil }
            throw error
        }
    }

    func forget(_ client: MonitorClient) {
        queue.ignore(client.number)
        clients.withLock { if $0[client.number] === client { $0[client.number] = nil } }
    }

    private func run() {
        while true {
            // What can fail is a queue that is none: not this one.
            guard let events = try? queue.wait(timeout: nil) else { return }
            for event in events {
                guard let client = clients.withLock({ $0[event.number] }) else { continue }
                if event.isReadable { client.receive() }
                if event.isWritable { client.resume() }
            }
        }
    }
}
