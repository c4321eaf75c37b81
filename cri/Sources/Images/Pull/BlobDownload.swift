import Crypto
import Diagnosis
import Glibc
import Kernel

/// Receives one blob: into `ingest/`, hashed on its way, and when it is whole and right, by a rename, into `blobs/`.
struct BlobDownload: Sendable {
    let descriptor: Descriptor
    let session: RegistrySession
    let ingestPath: String
    let blobPath: String
    /// Told how much is there whenever more is.
    let progress: @Sendable (Int64) -> Void

    private var doing: String { "fetch blob \(descriptor.digest) of \(session.reference.name)" }

    /// - Throws: what went wrong. What was received stays for the next try, but where it was wrong or there was no
    ///   space for it.
    func run() async throws(ImageError) {
        do throws(SystemError) {
            if try isPresent() { return }
        } catch {
            throw ImageError(error)
        }
        do throws(ImageError) {
            try await receive()
        } catch {
            if error.kind == .corrupt || error.kind == .exhausted || error.kind == .invalid {
                try? FileTree.unlink(ingestPath)
            }
            throw error
        }
    }

    /// Whether the blob is there from an earlier time, and is what it should be; removes it if it is not.
    private func isPresent() throws(SystemError) -> Bool {
        guard FileTree.exists(blobPath) else { return false }
        let file = try FileDescriptor.open(blobPath, O_RDONLY | O_NOFOLLOW)
        var hash = SHA256()
        let size = try hash.update(from: file, name: blobPath)
        if size == descriptor.size, Digest(hash.finalize()) == descriptor.digest {
            progress(size)
            return true
        }
        try FileTree.unlink(blobPath)
        return false
    }

    private func receive() async throws(ImageError) {
        let file: IngestFile
        do throws(SystemError) {
            file = try IngestFile(path: ingestPath, size: descriptor.size)
        } catch {
            throw ImageError(error)
        }
        progress(file.received)
        try await session.overEndpoints(.pull, doing: doing) { endpoint async throws(AttemptFailure) in
            try await receive(from: endpoint, into: file)
        }
        do throws(SystemError) {
            try FileTree.rename(ingestPath, to: blobPath)
        } catch {
            throw ImageError(error)
        }
    }

    /// Receives what is missing from one server, which may take several requests, and checks the whole.
    private func receive(from endpoint: RegistryEndpoint, into file: IngestFile) async throws(AttemptFailure)
    {
        // A server that cuts each time after some bytes is not to keep us for ever.
        var resumptions = session.policy.resumptions
        let enough: Int64 = 1 << 20
        while true {
            while file.received < descriptor.size {
                let before = file.received
                do throws(AttemptFailure) {
                    try await receiveOnce(from: endpoint, into: file)
                } catch {
                    guard case .later(nil) = error.retry, file.received > before else { throw error }
                    if file.received - before < enough {
                        guard resumptions > 0 else { throw error }
                        resumptions -= 1
                    }
                }
            }
            let digest = file.digest
            if digest == descriptor.digest { return }
            // Some of it is another server's, or from before a crash: this one is not to be blamed yet.
            let wasMixed = file.isMixed
            try attempt { () throws(SystemError) in try file.restart() }
            if wasMixed { continue }
            throw AttemptFailure(
                ImageError(
                    .corrupt, doing: "\(doing) from \(endpoint.host.origin)",
                    "what came has the digest \(digest)"))
        }
    }

    private func receiveOnce(from endpoint: RegistryEndpoint, into file: IngestFile)
        async throws(AttemptFailure)
    {
        let doing = "\(doing) from \(endpoint.host.origin)"
        let stream = try await session.open(descriptor, from: file.received, at: endpoint, doing: self.doing)
        if stream.offset != file.received {
            try attempt { () throws(SystemError) in try file.restart() }
        }
        file.continues(from: endpoint.host.origin)
        do {
            try await stream.body.receive(patience: stream.patience) { bytes in
                guard file.received + Int64(bytes.readableBytes) <= descriptor.size else {
                    throw AttemptFailure(
                        ImageError(
                            .corrupt, doing: doing,
                            "the server sends more than the \(descriptor.size) bytes of the manifest"))
                }
                try file.append(bytes)
                progress(file.received)
            }
        } catch let error as SystemError {
            throw AttemptFailure(ImageError(error))
        } catch {
            throw AttemptFailure(transport: error, doing: doing)
        }
        if Task.isCancelled { throw .cancelled(doing) }
        guard file.received == descriptor.size else {
            throw AttemptFailure(
                ImageError(
                    .unavailable, doing: doing,
                    "the connection was cut after \(file.received) of \(descriptor.size) bytes"),
                .later(nil))
        }
    }

    private func attempt(_ body: () throws(SystemError) -> Void) throws(AttemptFailure) {
        do throws(SystemError) {
            try body()
        } catch {
            throw AttemptFailure(ImageError(error))
        }
    }
}
