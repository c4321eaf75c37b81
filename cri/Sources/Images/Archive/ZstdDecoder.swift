import CZstd

/// Zstandard (RFC 8878): frames one after another, skippable ones among them. A frame that wants a window of more than
/// 128 MiB is refused: that is the memory one layer may take.
final class ZstdDecoder: Decompressor {
    private let stream: OpaquePointer
    /// Whether a frame has just ended, and no other has begun.
    private var isBetweenFrames = false

    init() throws(ImageError) {
        guard let stream = ZSTD_createDStream() else {
            throw ImageError(.internal, doing: "start zstd", "no memory for its stream")
        }
        self.stream = stream
        ZSTD_initDStream(stream)
    }

    deinit { ZSTD_freeDStream(stream) }

    func decode(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ImageError) -> Int {
        // At a frame's end a call without input would ask for the header of another.
        if input.isEmpty && isBetweenFrames { return 0 }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let answer = ZSTD_decompressStream(stream, &target, &source)
        input = UnsafeRawBufferPointer(rebasing: input[source.pos...])
        guard ZSTD_isError(answer) == 0 else {
            throw ImageError(
                .corrupt, doing: "decompress zstd", String(cString: ZSTD_getErrorName(answer)))
        }
        isBetweenFrames = answer == 0
        return target.pos
    }

    func finish() throws(ImageError) {
        guard isBetweenFrames else {
            throw ImageError(.corrupt, doing: "decompress zstd", "the stream is cut short")
        }
    }
}
