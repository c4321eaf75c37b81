import Crypto
import Diagnosis
import Glibc
import Kernel

/// The archive in a blob, read from the front to the back: decompressed, hashed and measured on the way, with a buffer
/// of fixed size for each side.
final class LayerStream {
    private let blob: OpenFile
    private let decoder: (any Decompressor)?
    private let below: LayerTotals
    private let limits: UnpackLimits
    private let check: () throws(ImageError) -> Void
    private var hash = SHA256()
    private let encoded: UnsafeMutableRawBufferPointer
    private let decoded: UnsafeMutableRawBufferPointer
    /// What of `encoded` has been read from the blob and not been decoded.
    private var pending: UnsafeRawBufferPointer
    private var isBlobAtEnd = false
    /// Bytes of the blob read so far.
    private(set) var compressedCount: UInt64 = 0
    /// Bytes of the archive so far.
    private(set) var count: UInt64 = 0
    /// What went wrong: libarchive, which reads from here, cannot pass it on.
    private(set) var failure: ImageError?

    /// - Parameters:
    ///   - below: what the layers below come to.
    ///   - limits: those on the archive's size and on its ratio to the blob's.
    ///   - check: asked before each buffer; throws if nobody waits for the outcome any more.
    init(
        _ blob: OpenFile, _ compression: LayerCompression, above below: LayerTotals, limits: UnpackLimits,
        check: @escaping () throws(ImageError) -> Void
    ) throws(ImageError) {
        let size = 256 << 10
        decoder = try compression.makeDecoder()
        self.blob = blob
        self.below = below
        self.limits = limits
        self.check = check
        encoded = .allocate(byteCount: size, alignment: 16)
        decoded = .allocate(byteCount: size, alignment: 16)
        pending = UnsafeRawBufferPointer(start: encoded.baseAddress, count: 0)
    }

    deinit {
        encoded.deallocate()
        decoded.deallocate()
    }

    /// The next bytes of the archive, valid until the next call; none at its end.
    func next() throws(ImageError) -> UnsafeRawBufferPointer {
        if let failure { throw failure }
        do throws(ImageError) {
            try check()
            let bytes = if let decoder { try decode(decoder) } else { try readBlob() }
            guard !bytes.isEmpty else { return bytes }
            hash.update(bufferPointer: bytes)
            count += UInt64(bytes.count)
            try checkSize()
            return bytes
        } catch {
            failure = error
            throw error
        }
    }

    /// Ends the stream with an error of its reader's.
    func refuse(_ error: ImageError) -> ImageError {
        failure = error
        return error
    }

    /// Reads what is left, such as padding behind the archive's end, which the digest is of as well.
    func drain() throws(ImageError) {
        while !(try next().isEmpty) {}
    }

    /// The digest of everything that has been read.
    var digest: Digest { Digest(hash.finalize()) }

    private func decode(_ decoder: any Decompressor) throws(ImageError) -> UnsafeRawBufferPointer {
        while true {
            if pending.isEmpty && !isBlobAtEnd { pending = try readBlob() }
            let before = pending.count
            let filled = try decoder.decode(&pending, into: decoded)
            if filled > 0 { return UnsafeRawBufferPointer(rebasing: decoded[..<filled]) }
            if pending.isEmpty && isBlobAtEnd {
                try decoder.finish()
                return UnsafeRawBufferPointer(rebasing: decoded[..<0])
            }
            guard before != pending.count || pending.isEmpty else {
                throw ImageError(.corrupt, doing: "decompress a layer", "the stream cannot go on")
            }
        }
    }

    private func readBlob() throws(ImageError) -> UnsafeRawBufferPointer {
        let read: Int
        while true {
            let answer = Glibc.read(blob.number, encoded.baseAddress, encoded.count)
            if answer < 0 && errno == EINTR { continue }
            guard answer >= 0 else { throw ImageError(SystemError("read the blob", Errno(errno))) }
            read = answer
            break
        }
        compressedCount += UInt64(read)
        isBlobAtEnd = read == 0
        return UnsafeRawBufferPointer(rebasing: encoded[..<read])
    }

    private func checkSize() throws(ImageError) {
        guard count <= limits.layerBytes else {
            throw limits.passed("layerBytes", limits.layerBytes, "the archive is larger")
        }
        let (all, compressed) = (below.archiveBytes + count, below.blobBytes + compressedCount)
        guard all <= limits.imageBytes else {
            throw limits.passed(
                "imageBytes", limits.imageBytes, "the archives of this layer and of those below are larger")
        }
        guard all > limits.ratioFloor else { return }
        if count > limits.ratioFloor { try checkRatio(compressedCount, count) }
        try checkRatio(compressed, all)
    }

    private func checkRatio(_ packed: UInt64, _ unpacked: UInt64) throws(ImageError) {
        guard unpacked / limits.ratio <= packed else {
            throw limits.passed("ratio", limits.ratio, "\(packed) bytes have become \(unpacked)")
        }
    }
}
