import Crypto
import Diagnosis
import Glibc
import Kernel

import struct NIOCore.ByteBuffer

/// A blob that is being received: the file, and the hash of what is in it.
///
/// It is used by one task, on threads that may block.
final class IngestFile {
    let path: String
    private let file: FileDescriptor
    private var hash = SHA256()
    /// How many bytes of the blob are there, from its beginning.
    private(set) var received: Int64 = 0
    /// Whether there are bytes that did not come from the server that is asked now.
    private(set) var isMixed = false
    private var source: String?

    /// Opens or makes the file. What a daemon before this one has received is hashed, and gone on with.
    ///
    /// Nothing is ever synced to disk, here or when the blob is complete: a blob that is found after a crash is hashed
    /// before it is used, which costs less than waiting for the disk in every pull, and finds more.
    init(path: String, size: Int64) throws(SystemError) {
        self.path = path
        file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        let present = try file.status(name: path).size
        if present > size {
            try file.cut(to: 0, name: path)
        } else if present > 0 {
            received = try hash.update(from: file, name: path)
            try file.cut(to: Int(received), name: path)
            isMixed = true
        }
    }

    /// The digest of what is there.
    var digest: Digest { Digest(hash.finalize()) }

    /// Tells whose bytes come next.
    func continues(from server: String) {
        if let source, source != server, received > 0 { isMixed = true }
        source = server
    }

    func append(_ bytes: ByteBuffer) throws(SystemError) {
        let path = path
        var failure: SystemError?
        bytes.withUnsafeReadableBytes { bytes in
            hash.update(bufferPointer: bytes)
            do throws(SystemError) {
                try file.writeAll(bytes, name: path)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        received += Int64(bytes.readableBytes)
    }

    /// Throws everything away that was received.
    func restart() throws(SystemError) {
        try file.cut(to: 0, name: path)
        hash = SHA256()
        received = 0
        isMixed = false
    }
}

extension SHA256 {
    /// Hashes a file from its position to its end.
    ///
    /// - Returns: how many bytes that were.
    mutating func update(from file: borrowing FileDescriptor, name: String) throws(SystemError) -> Int64 {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { room.deallocate() }
        var total: Int64 = 0
        while true {
            let count = try file.read(into: room, name: name)
            if count == 0 { return total }
            update(bufferPointer: UnsafeRawBufferPointer(rebasing: room[..<count]))
            total += Int64(count)
        }
    }
}
