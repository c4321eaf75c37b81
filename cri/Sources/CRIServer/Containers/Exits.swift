import Diagnosis
import Glibc

/// How a container ended, as its monitor tells it.
struct ContainerExit: Sendable {
    let container: String
    /// 128 + signal for one that a signal ended.
    let code: Int32
    /// Nanoseconds since 1970.
    let time: Int64
}

extension PodRuntime {
    /// Records an exit and tells those who wait. Comes from the monitor as it happens, or from its records when a daemon
    /// starts; twice is once.
    func note(_ exit: ContainerExit) async {
        guard let container = await inventory.container(exit.container), container.isAlive else { return }
        let killedForMemory =
            await (try? blocking { InitCgroups.haveKilledForMemory(container.record.cgroups) }) ?? false
        do {
            try await inventory.updateContainer(exit.container) { record in
                guard record.state == .created || record.state == .running else { return }
                record.state = .exited
                record.finishedAt = exit.time
                record.exitCode = exit.code
                record.reason = exit.code == 0 ? "Completed" : killedForMemory ? "OOMKilled" : "Error"
            }
        } catch {
            // A full disk, say. It is not forgotten: who waits for the end waits on.
            log.error(
                "cannot record an exit yet",
                metadata: ["container": "\(exit.container)", "error": "\(error)"])
            Task {
                try await Task.sleep(for: .seconds(1))
                await self.note(exit)
            }
            return
        }
        await exits.announce(exit.container)
        // What it occupied is given back now, not when somebody removes it. Whoever holds the lock does so as well.
        Task {
            do {
                try await self.locks.withLock(exit.container) { try await self.release(exit.container) }
            } catch {
                self.log.warning(
                    "an ended container could not be released",
                    metadata: ["container": "\(exit.container)", "error": "\(error)"])
            }
        }
    }
}
