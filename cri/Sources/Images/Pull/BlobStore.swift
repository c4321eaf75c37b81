import Diagnosis
import Foundation
import Glibc
import Kernel
import Synchronization

/// Blobs on disk: `ingest/NAME` while one is received, `blobs/NAME` when it is whole and its digest is right.
///
/// However many pulls want a blob of a registry, it is received once, and stays until the last of them has let go of it.
/// What two registries have of it is two blobs: nobody waits for another's registry, which may be slow on purpose.
final class BlobStore: Sendable {
    /// A pull's interest in a blob. As long as one lives the blob is not removed.
    struct Lease: Sendable {
        let descriptor: Descriptor
        fileprivate let blob: Blob
        fileprivate let id: UInt64
    }

    /// A blob, as one registry has it.
    fileprivate struct Blob: Hashable {
        var digest: Digest
        /// `host[:port]`.
        var registry: String

        /// The digest's digits, and some of the registry's.
        var name: String { "\(digest.hex)-\(Digest(of: registry.utf8).hex.prefix(16))" }
    }

    private struct Waiter {
        let id: UInt64
        let blob: Blob
        let descriptor: Descriptor
        let session: RegistrySession
        let progress: @Sendable (Int64) -> Void
        let continuation: CheckedContinuation<Result<Void, ImageError>, Never>
    }

    private struct Entry {
        var leases: Set<UInt64> = []
        /// How many bytes there are so far.
        var received: Int64 = 0
        /// Of the blob, once it is there, whole and hashed by this process.
        var size: Int64?
        var waiters: [Waiter] = []
        /// What is being done to the files: receiving, or removing. Nothing else may be begun before it is over.
        var work: Task<Void, Never>?
        /// Whose session `work` receives with; nil while it does not receive, or is being stopped.
        var receiver: UInt64?
    }

    private struct State {
        var entries: [Blob: Entry] = [:]
        var next: UInt64 = 0
        /// Waiters that were cancelled before they began to wait.
        var gone: Set<UInt64> = []
    }

    private let root: String
    private let keepsBlobs: Bool
    private let slots: FetchSlots
    let executor = DiskExecutor()
    private let state = Mutex(State())

    /// Makes the directories if they are not there.
    ///
    /// - Parameters:
    ///   - root: holds `ingest` and `blobs`, which are on one file system.
    ///   - fetches: how many blobs are received at the same time from one registry.
    ///   - keepsBlobs: whether blobs stay when nobody wants them any more.
    init(root: String, fetches: Int, keepsBlobs: Bool) throws(ImageError) {
        (self.root, self.keepsBlobs) = (root, keepsBlobs)
        slots = FetchSlots(fetches)
        do throws(SystemError) {
            for name in ["ingest", "blobs"] { try FileTree.makeDirectories("\(root)/\(name)", mode: 0o700) }
        } catch {
            throw ImageError(error)
        }
    }

    private func path(of blob: Blob) -> String { "\(root)/blobs/\(blob.name)" }
    private func ingestPath(of blob: Blob) -> String { "\(root)/ingest/\(blob.name)" }

    /// Announces interest in a blob of a registry. To be given back with ``release(_:)``.
    func lease(_ descriptor: Descriptor, of registry: String) -> Lease {
        let blob = Blob(digest: descriptor.digest, registry: registry)
        return state.withLock { state in
            state.next += 1
            state.entries[blob, default: Entry()].leases.insert(state.next)
            return Lease(descriptor: descriptor, blob: blob, id: state.next)
        }
    }

    /// Waits until the blob is there, receiving it if nobody does yet.
    ///
    /// Who gives up, by its task's cancellation, leaves it to the others; when the last one does, it is stopped.
    ///
    /// - Parameter progress: is told how many bytes are there, on any thread.
    /// - Returns: where the blob is.
    func fetch(
        _ lease: Lease, _ session: RegistrySession, progress: @escaping @Sendable (Int64) -> Void
    ) async throws(ImageError) -> String {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        defer { _ = state.withLock { $0.gone.remove(id) } }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter(
                    id: id, blob: lease.blob, descriptor: lease.descriptor, session: session,
                    progress: progress,
                    continuation: continuation)
                if let answer = join(waiter) { continuation.resume(returning: answer) }
            }
        } onCancel: {
            leave(id, lease.blob)
        }
        try result.get()
        return path(of: lease.blob)
    }

    /// Lets go of a blob, and removes it if that was the last interest in it.
    func release(_ lease: Lease) async {
        let blob = lease.blob
        let removal: Task<Void, Never>? = state.withLock { state in
            guard var entry = state.entries[blob] else { return nil }
            entry.leases.remove(lease.id)
            defer { state.entries[blob] = entry }
            guard entry.leases.isEmpty else { return nil }
            let before = entry.work
            let removes = !keepsBlobs
            entry.size = nil
            let path = path(of: blob)
            let work = Task(executorPreference: executor) {
                await before?.value
                // It need not be there: it may have come to its end just when it was given up.
                if removes { try? FileTree.unlink(path) }
                self.forget(blob)
            }
            entry.work = work
            return work
        }
        await removal?.value
    }

    /// Forgets what nobody is interested in, after the last work on it.
    private func forget(_ blob: Blob) {
        state.withLock { state in
            guard let entry = state.entries[blob], entry.leases.isEmpty, entry.waiters.isEmpty else {
                return
            }
            state.entries[blob] = nil
        }
    }

    /// Removes files that no pull of this process has to do with: of daemons that were killed, and of pulls that broke
    /// off and were not tried again.
    ///
    /// - Parameter age: only those that nothing was written to for so long, in seconds.
    /// - Returns: how many bytes they had.
    func clean(olderThan age: Double) async throws(ImageError) -> Int64 {
        let work = Task(executorPreference: executor) { () -> Result<Int64, ImageError> in
            do throws(ImageError) {
                return .success(try self.removeLeftovers(olderThan: age))
            } catch {
                return .failure(error)
            }
        }
        return try await work.value.get()
    }

    private func removeLeftovers(olderThan age: Double) throws(ImageError) -> Int64 {
        var freed: Int64 = 0
        let latest = Date(timeIntervalSinceNow: -age)
        for directory in keepsBlobs ? ["\(root)/ingest"] : ["\(root)/ingest", "\(root)/blobs"] {
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: directory)
            } catch {
                throw ImageError(.internal, doing: "read \(directory)", error.localizedDescription)
            }
            for name in names {
                let path = "\(directory)/\(name)"
                let attributes = try? FileManager.default.attributesOfItem(atPath: path)
                guard let attributes, let changed = attributes[.modificationDate] as? Date, changed <= latest
                else {
                    continue
                }
                let size = (attributes[.size] as? NSNumber)?.int64Value ?? 0
                do throws(SystemError) {
                    // Under the lock, so that no pull begins with the file in between.
                    let removed = try state.withLock { state throws(SystemError) in
                        if state.entries.keys.contains(where: { $0.name == name }) { return false }
                        try FileTree.unlink(path)
                        return true
                    }
                    if removed { freed += size }
                } catch {
                    throw ImageError(error)
                }
            }
        }
        return freed
    }

    // MARK: Receiving

    /// Adds a waiter, and begins to receive if need be.
    ///
    /// - Returns: the answer, if there is one already.
    private func join(_ waiter: Waiter) -> Result<Void, ImageError>? {
        let digest = waiter.blob.digest
        var received: Int64 = 0
        // Who joins late hears at once how far it is, for nothing more might come for a while.
        defer { if received > 0 { waiter.progress(received) } }
        return state.withLock { state in
            if state.gone.remove(waiter.id) != nil {
                return .failure(.cancelled("wait for blob \(digest)"))
            }
            var entry = state.entries[waiter.blob] ?? Entry()
            if let size = entry.size { return Self.check(waiter, size) }
            entry.waiters.append(waiter)
            if entry.receiver == nil { begin(&entry, with: waiter) } else { received = entry.received }
            state.entries[waiter.blob] = entry
            return nil
        }
    }

    private func leave(_ id: UInt64, _ blob: Blob) {
        let waiter: Waiter? = state.withLock { state in
            guard var entry = state.entries[blob],
                let index = entry.waiters.firstIndex(where: { $0.id == id })
            else {
                state.gone.insert(id)
                return nil
            }
            let waiter = entry.waiters.remove(at: index)
            if entry.waiters.isEmpty {
                entry.receiver = nil
                entry.work?.cancel()
            }
            state.entries[blob] = entry
            return waiter
        }
        waiter?.continuation.resume(returning: .failure(.cancelled("wait for blob \(blob.digest)")))
    }

    /// Receives with a waiter's session, after whatever is being done to the files.
    private func begin(_ entry: inout Entry, with waiter: Waiter) {
        let before = entry.work
        let download = BlobDownload(
            descriptor: waiter.descriptor, session: waiter.session,
            ingestPath: ingestPath(of: waiter.blob), blobPath: path(of: waiter.blob),
            progress: { self.tell(waiter.blob, $0) })
        entry.receiver = waiter.id
        entry.received = 0
        entry.work = Task(executorPreference: executor) {
            await before?.value
            var result: Result<Void, ImageError> = .failure(
                .cancelled("fetch blob \(waiter.blob.digest)"))
            if await self.slots.enter(waiter.blob.registry) {
                do throws(ImageError) {
                    try await download.run()
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                self.slots.leave(waiter.blob.registry)
            }
            self.finish(waiter, result)
        }
    }

    /// Tells the waiters how it ended. Where it failed, those who came with another session get a try of their own:
    /// their credentials or servers may be better.
    private func finish(_ receiver: Waiter, _ result: Result<Void, ImageError>) {
        let blob = receiver.blob
        let done: [Waiter] = state.withLock { state in
            // Another receiver, or none: this one has been given up.
            guard var entry = state.entries[blob], entry.receiver == receiver.id else { return [] }
            defer { state.entries[blob] = entry }
            entry.receiver = nil
            guard case .failure = result else {
                entry.size = receiver.descriptor.size
                defer { entry.waiters = [] }
                return entry.waiters
            }
            let own = entry.waiters.filter { $0.session === receiver.session }
            entry.waiters.removeAll { $0.session === receiver.session }
            if let next = entry.waiters.first { begin(&entry, with: next) }
            return own
        }
        for waiter in done {
            let answer = result.flatMap { Self.check(waiter, receiver.descriptor.size) }
            waiter.continuation.resume(returning: answer)
        }
    }

    /// Two manifests may name one blob, and one of them lie about its size.
    private static func check(_ waiter: Waiter, _ size: Int64) -> Result<Void, ImageError> {
        let announced = waiter.descriptor.size
        if announced == size { return .success(()) }
        return .failure(
            ImageError(
                .corrupt, doing: "fetch blob \(waiter.descriptor.digest) of \(waiter.session.reference.name)",
                "it has \(size) bytes; the manifest says \(announced)"))
    }

    private func tell(_ blob: Blob, _ received: Int64) {
        let listeners = state.withLock { state in
            state.entries[blob]?.received = received
            return state.entries[blob]?.waiters.map(\.progress) ?? []
        }
        for listener in listeners { listener(received) }
    }
}
