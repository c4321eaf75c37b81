import Diagnosis
import Kernel

/// Copies what is in a file: its holes stay holes, and where the file system can, the two files share their blocks.
struct FileContent {
    /// Of the kernel's, at a time: so much is copied before anybody is asked again whether to go on.
    private static let piece = 8 << 20

    private let path: EntryPath
    /// Told before each piece how many bytes there will be with it; throws if that is to be the end.
    private let check: (Int64) throws(ImageError) -> Void
    /// Whether blocks are shared where they can be.
    var shares = true

    init(of path: EntryPath, check: @escaping (Int64) throws(ImageError) -> Void) {
        self.path = path
        self.check = check
    }

    /// - Parameter copy: empty.
    func copy(_ source: borrowing FileDescriptor, to copy: borrowing FileDescriptor) throws {
        let name = path.description
        if shares, try copy.clone(source, name: name) { return }
        var (end, copied): (Int64, Int64) = (0, 0)
        while let data = try source.nextData(from: end, name: name) {
            end = data.lowerBound
            while end < data.upperBound {
                let wanted = Int(min(Int64(Self.piece), data.upperBound - end))
                try check(copied + Int64(wanted))
                let count = try copy.copy(source, at: end, count: wanted, name: name)
                guard count > 0 else { throw ImageError(.internal, doing: "copy \(path)", "it is cut short") }
                end += Int64(count)
                copied += Int64(count)
            }
        }
        try copy.truncate(to: source.status(name: name).size, name: name)
    }
}
