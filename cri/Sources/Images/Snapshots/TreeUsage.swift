import Diagnosis
import Glibc
import Kernel

/// What a tree takes on the disk, which may be as deep and as wide as a hostile program cares to make it, and change
/// meanwhile.
struct TreeUsage {
    /// A directory on the way from the root to the current one.
    private struct Level {
        let name: RawPath
        let inode: UInt64
        let device: UInt64
        /// Directories in it that are still to be gone into: a few.
        var waiting: [RawPath] = []
        /// Where in it to read on; nil at its end.
        var position: Int64? = 0
    }

    /// Directories of one level that are remembered at a time, so that memory is a matter of the depth alone; where the
    /// tree is as deep as no program makes it, one.
    private static let batch = 32
    private static let usualDepth = 1000

    private let path: String
    private let check: () throws(ImageError) -> Void
    private var current: OpenDirectory
    private var way: [Level]
    private var blocks = 0.0
    private var inodes = 0.0

    /// Bytes of disk and inodes.
    ///
    /// - Parameter check: asked before each piece of a directory; throws if nobody waits for the outcome any more.
    static func measure(
        _ path: String, check: @escaping () throws(ImageError) -> Void
    ) throws(ImageError) -> ImageUsage {
        do {
            var walk = try TreeUsage(path, check)
            while !walk.way.isEmpty { try walk.step() }
            return ImageUsage(
                bytes: UInt64(walk.blocks.rounded()) * 512, inodes: UInt64(walk.inodes.rounded()))
        } catch let error as ImageError {
            throw error
        } catch let error as SystemError {
            throw ImageError(error)
        } catch {
            throw ImageError(.internal, doing: "measure \(path)", "\(error)")
        }
    }

    private init(_ path: String, _ check: @escaping () throws(ImageError) -> Void) throws(SystemError) {
        (self.path, self.check) = (path, check)
        current = OpenDirectory(try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY))
        let status = try Entry.status(RawPath("."), in: current.number)
        way = [Level(name: RawPath("."), inode: status.inode, device: status.device)]
        add(status)
    }

    /// A file with several names is counted in as many parts: however many of them there are, none is remembered.
    private mutating func add(_ status: FileStatus) {
        let names = status.isDirectory ? 1 : Double(max(1, status.links))
        blocks += Double(max(0, status.blocks)) / names
        inodes += 1 / names
    }

    private mutating func step() throws {
        let last = way.count - 1
        if let next = way[last].waiting.popLast() { return down(next) }
        guard let position = way[last].position else { return try up() }
        try check()
        try read(from: position)
    }

    /// Counts what is in the current directory, until enough directories are found to go on with.
    private mutating func read(from position: Int64) throws(SystemError) {
        let last = way.count - 1
        let most = way.count > Self.usualDepth ? 1 : Self.batch
        var reader = try DirectoryReader(current.number, from: position)
        while way[last].waiting.count < most {
            let item: DirectoryReader.Item?
            do throws(SystemError) {
                item = try reader.next()
            } catch  where error.errno == Errno(ENOENT) {
                // The directory itself is gone.
                item = nil
            }
            guard let item else {
                way[last].position = nil
                return
            }
            way[last].position = item.next
            // Gone meanwhile.
            guard let status = try? Entry.status(item.name, in: current.number) else { continue }
            add(status)
            if status.isDirectory { way[last].waiting.append(item.name) }
        }
    }

    private mutating func down(_ name: RawPath) {
        // It may be gone by now, or be something else.
        guard let directory = try? Entry.openWithoutLinks(name, O_RDONLY | O_DIRECTORY, in: current.number),
            let status = try? directory.status()
        else { return }
        current = OpenDirectory(directory)
        way.append(Level(name: name, inode: status.inode, device: status.device))
    }

    /// Goes back to the directory above. If the current one has been moved or removed meanwhile, that is found from the
    /// root on; where it is not there either, the nearest one above it that is.
    private mutating func up() throws(SystemError) {
        way.removeLast()
        guard let above = way.last else { return }
        if let directory = try? Entry.open(RawPath(".."), O_RDONLY | O_DIRECTORY, in: current.number),
            Self.matches(directory, above)
        {
            current = OpenDirectory(directory)
            return
        }
        current = OpenDirectory(try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY))
        for index in way.indices.dropFirst() {
            guard
                let directory = try? Entry.openWithoutLinks(
                    way[index].name, O_RDONLY | O_DIRECTORY, in: current.number),
                Self.matches(directory, way[index])
            else {
                way.removeLast(way.count - index)
                return
            }
            current = OpenDirectory(directory)
        }
    }

    private static func matches(_ directory: borrowing FileDescriptor, _ level: Level) -> Bool {
        guard let status = try? directory.status() else { return false }
        return status.inode == level.inode && status.device == level.device
    }
}
