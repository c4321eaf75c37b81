import Diagnosis
import Glibc
import Kernel

/// One layer from its blob to a directory.
struct LayerUnpacking: Sendable {
    let blob: OpenFile
    let compression: LayerCompression
    let diffID: Digest
    /// The roots of the layers below, the uppermost first, and what they come to.
    let lowers: [String]
    let below: LayerTotals
    let limits: UnpackLimits

    /// Makes `directory`, which does not exist, with the layer in `fs`.
    ///
    /// - Throws: then `directory` is as far as it has come, for the caller to remove.
    func run(
        in directory: String, check: @escaping () throws(ImageError) -> Void
    ) throws(ImageError) -> LayerStatistics {
        let writer: LayerWriter
        do throws(SystemError) {
            for path in [directory, directory + "/fs", directory + "/discard"] {
                try FileTree.makeDirectory(path, mode: 0o700)
            }
            var roots: [OpenDirectory] = []
            for lower in lowers {
                roots.append(OpenDirectory(try FileDescriptor.directory(lower)))
            }
            let home = try FileDescriptor.directory(directory)
            writer = try LayerWriter(
                in: home.number, above: LowerLayers(roots: roots), below, limits: limits, check: check)
        } catch {
            throw ImageError(error)
        }
        let stream = try LayerStream(blob, compression, above: below, limits: limits, check: check)
        let reader = try TarReader(stream, limits: limits)
        while let entry = try reader.next() {
            try check()
            try writer.apply(entry, content: reader)
        }
        // Behind the archive's end there may be padding, which is part of what was digested.
        try stream.drain()
        let found = stream.digest
        guard found == diffID else {
            throw ImageError(
                .corrupt, doing: "unpack the layer \(diffID)", "its archive has the digest \(found)",
                remedy: "the image is broken: have it built and pushed anew")
        }
        try writer.finish()
        do throws(SystemError) {
            try FileTree.removeDirectory(directory + "/discard")
        } catch {
            throw ImageError(error)
        }
        var statistics = writer.statistics
        statistics.archiveBytes = Int64(clamping: stream.count)
        statistics.blobBytes = Int64(clamping: stream.compressedCount)
        return statistics
    }
}
