import CZlib

/// gzip (RFC 1952): members one after another, each with a check sum of its own.
final class InflateDecoder: Decompressor {
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether a member has just ended, and no other has begun.
    private var isBetweenMembers = false

    init() throws(ImageError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 more than the window's bits: gzip, not zlib.
        let answer = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard answer == Z_OK else {
            throw ImageError(.internal, doing: "start zlib", "inflateInit2 answers \(answer)")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ImageError) -> Int {
        if !input.isEmpty { isBetweenMembers = false }
        // zlib reads through this pointer only, const or not.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
        stream.pointee.avail_in = uInt(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = uInt(output.count)
        let answer = inflate(stream, Z_NO_FLUSH)
        let left = Int(stream.pointee.avail_in)
        input = UnsafeRawBufferPointer(rebasing: input[(input.count - left)...])
        switch answer {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END:
            isBetweenMembers = true
            inflateReset(stream)
        default:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "inflate answers \(answer)"
            throw ImageError(.corrupt, doing: "decompress gzip", reason)
        }
        return output.count - Int(stream.pointee.avail_out)
    }

    func finish() throws(ImageError) {
        guard isBetweenMembers else {
            throw ImageError(.corrupt, doing: "decompress gzip", "the stream is cut short")
        }
    }
}
