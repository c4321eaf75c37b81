/// Turns the bytes of a blob into those of the archive, a buffer at a time.
protocol Decompressor: AnyObject {
    /// Decodes as much of `input` as `output` has room for, and takes what it has read off the front of `input`.
    ///
    /// - Returns: how many bytes of `output` are filled. 0 with input left over means that nothing can be done with it,
    ///   which is an error of the input's unless a further call makes progress.
    /// - Throws: `corrupt` for input that is not of this format.
    func decode(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(ImageError) -> Int

    /// The input has ended.
    ///
    /// - Throws: `corrupt` if it ended in the middle.
    func finish() throws(ImageError)
}

extension LayerCompression {
    /// A decoder for one blob; nil where there is nothing to decode.
    func makeDecoder() throws(ImageError) -> (any Decompressor)? {
        switch self {
        case .none: nil
        case .gzip: try InflateDecoder()
        case .zstd: try ZstdDecoder()
        }
    }
}
