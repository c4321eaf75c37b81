import Diagnosis
import Glibc
import Kernel

/// What a tree takes on the disk, which may be as deep as a hostile program cares to make it, and change meanwhile.
enum TreeUsage {
    /// Goes down with one descriptor for the current directory, and up through `..` if that is still where it came
    /// from; if not, the rest of that branch is left out: the next measurement will have it.
    static func measure(
        _ path: String, check: () throws(ImageError) -> Void
    ) throws(ImageError) -> ImageUsage {
        var usage = ImageUsage(bytes: 0, inodes: 0)
        // Files with several names count once.
        var linked: Set<UInt64> = []
        do throws(SystemError) {
            var current = OpenDirectory(try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY))
            let first = try Entry.status(RawPath("."), in: current.number)
            usage.add(first)
            var way: [(inode: UInt64, device: UInt64, waiting: [RawPath])] = []
            way.append((first.inode, first.device, try count(current, &usage, &linked)))
            while !way.isEmpty {
                do throws(ImageError) { try check() } catch { throw SystemError("measure", Errno(ECANCELED)) }
                guard let next = way[way.count - 1].waiting.popLast() else {
                    way.removeLast()
                    guard let above = way.last else { break }
                    let up = OpenDirectory(
                        try Entry.open(RawPath(".."), O_RDONLY | O_DIRECTORY, in: current.number))
                    let status = try Entry.status(RawPath("."), in: up.number)
                    guard status.inode == above.inode, status.device == above.device else { break }
                    current = up
                    continue
                }
                guard
                    let down = try? Entry.openWithoutLinks(
                        next, O_RDONLY | O_DIRECTORY, in: current.number)
                else { continue }
                current = OpenDirectory(down)
                let status = try Entry.status(RawPath("."), in: current.number)
                way.append((status.inode, status.device, try count(current, &usage, &linked)))
            }
        } catch {
            if error.errno == Errno(ECANCELED) {
                throw ImageError(.cancelled, doing: "measure \(path)", "nobody waits for it any more")
            }
            throw ImageError(error)
        }
        return usage
    }

    /// Adds what is in a directory.
    ///
    /// - Returns: the directories in it.
    private static func count(
        _ directory: OpenDirectory, _ usage: inout ImageUsage, _ linked: inout Set<UInt64>
    ) throws(SystemError) -> [RawPath] {
        var below: [RawPath] = []
        for entry in try Entry.list(directory.number) {
            // Gone meanwhile.
            guard let status = try? Entry.status(entry.name, in: directory.number) else { continue }
            if status.isDirectory {
                below.append(entry.name)
            } else if status.links > 1, !linked.insert(status.inode).inserted {
                continue
            }
            usage.add(status)
        }
        return below
    }
}

extension ImageUsage {
    fileprivate mutating func add(_ status: FileStatus) {
        bytes += UInt64(max(0, status.blocks)) * 512
        inodes += 1
    }
}
