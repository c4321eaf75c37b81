import Diagnosis
import Glibc
import Kernel

/// A container's log. What cannot be written, to a full disk say, is dropped, and once something can be written again
/// a line says how much that was: the container goes on meanwhile.
final class LogFile {
    private let path: String
    private var file: FileDescriptor
    private var lostLines = 0
    private var lostBytes = 0
    private var reason = Errno(0)

    /// - Parameter file: opened by ``open(_:)``.
    init(_ file: consuming FileDescriptor, path: String) {
        self.file = file
        self.path = path
    }

    /// Nothing that is in the file is lost. A container may have been given the directory to write to: a link in the
    /// file's place is not followed, and nothing but a file is taken.
    static func open(_ path: String) throws(SystemError) -> FileDescriptor {
        let file = try FileDescriptor.open(
            path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, mode: 0o640)
        guard try file.status(name: path).isRegular else { throw SystemError("open \(path)", Errno(EINVAL)) }
        return file
    }

    /// The file may have been renamed: from now on what is at the path is written to, which may be new.
    func reopen() throws(SystemError) { file = try LogFile.open(path) }

    /// Writes whole lines.
    func append(_ lines: [UInt8], time: String) {
        if lostLines > 0 && !confess(time) { return lose(lines, from: 0, reason) }
        var written = 0
        while written < lines.count {
            do throws(SystemError) {
                written += try file.writeSome(lines, from: written, name: path)
            } catch {
                // A line that is torn would be taken for one with what comes next.
                let kept = lines[..<written].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
                if written > kept { try? file.cutOff(written - kept, name: path) }
                return lose(lines, from: kept, error.errno)
            }
        }
    }

    /// Says what was lost, if there is room for that by now.
    ///
    /// - Returns: whether there is nothing more to say.
    @discardableResult
    func confess(_ time: String) -> Bool {
        if lostLines == 0 { return true }
        let note = Array(
            "\(time) stderr F apus: \(lostLines) lines (\(lostBytes) bytes) of this log are lost: \(reason)\n"
                .utf8
        )
        var written = 0
        do throws(SystemError) {
            while written < note.count {
                written += try file.writeSome(note, from: written, name: path)
            }
        } catch {
            if written > 0 { try? file.cutOff(written, name: path) }
            return false
        }
        (lostLines, lostBytes) = (0, 0)
        return true
    }

    private func lose(_ lines: [UInt8], from start: Int, _ errno: Errno) {
        var position = start
        while let end = lines.position(of: UInt8(ascii: "\n"), from: position) {
            lostLines += 1
            position = end + 1
        }
        lostBytes += lines.count - start
        reason = errno
    }
}
