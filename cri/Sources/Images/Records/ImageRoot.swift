import Diagnosis
import Glibc
import Kernel
import Synchronization

/// Where images and what containers write are on disk.
public struct ImageRoot: Sendable, Equatable {
    /// Such as `/var/lib/apus-cri`; no slash at the end.
    public let path: String

    public init(_ path: String) { self.path = path }

    public var ingest: String { path + "/ingest" }
    public var blobs: String { path + "/blobs" }
    public var layers: String { path + "/layers" }
    public var writable: String { path + "/writable" }
    /// What is being deleted: moved here in one step, then removed piece by piece.
    var trash: String { path + "/trash" }
    /// Mount points for layers with mapped IDs, for as long as an overlay of them is made.
    var mapped: String { path + "/mapped" }
    /// Two empty directories, for overlays that need more layers than there are.
    var empty: [String] { [layers + "/empty/0", layers + "/empty/1"] }

    /// The root of an unpacked layer.
    func layer(_ id: Int64) -> String { "\(layers)/\(id)/fs" }

    public func upper(_ id: String) -> String { "\(writable)/\(id)/upper" }
    func work(_ id: String) -> String { "\(writable)/\(id)/work" }

    /// Makes what is missing. Nobody but root may look into any of it: there are set-ID programs in layers.
    public func make() throws(ImageError) {
        do throws(SystemError) {
            try FileTree.makeDirectories(path, mode: 0o755)
            for directory in [ingest, blobs, layers, writable, trash, mapped] {
                try FileTree.makeDirectories(directory, mode: 0o700)
            }
            for directory in empty { try FileTree.makeDirectories(directory, mode: 0o755) }
        } catch {
            throw ImageError(error)
        }
    }
}

/// Deletes trees so that a kill in between leaves nothing half-deleted in its place.
struct Trash: Sendable {
    private let path: String
    /// Two that delete the same tree would only be in each other's way, and neither would know when it is gone.
    private static let turn = Mutex(())

    init(_ root: ImageRoot) { path = root.trash }

    /// Takes something away at once; it is deleted by ``empty()``.
    ///
    /// - Returns: whether there was such a thing.
    func take(_ victim: String) throws(ImageError) -> Bool {
        let name = String(UInt64.random(in: 0 ... .max), radix: 36)
        do throws(SystemError) {
            try FileTree.rename(victim, to: "\(path)/t\(name)")
            return true
        } catch  where error.errno == Errno(ENOENT) {
            return false
        } catch {
            throw ImageError(error)
        }
    }

    /// Deletes everything that has been taken. It waits for others who do the same.
    ///
    /// - Throws: what could not be deleted, after all else has been. It is tried again by the next who calls this: when
    ///   anything else is deleted, and at the next start.
    func empty() throws(ImageError) {
        let failure: SystemError?
        do throws(SystemError) {
            failure = try Self.turn.withLock { _ throws(SystemError) in
                let directory = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
                var removal = TreeRemoval(scratch: directory.number, goesOn: true)
                try removal.removeAll()
                return removal.failure
            }
        } catch {
            throw ImageError(error)
        }
        guard let failure else { return }
        var error = ImageError(failure)
        error.failure.doing = "delete what is in \(path): \(failure.doing)"
        error.failure.remedy =
            "see what holds it (lsattr, findmnt); it is tried again when anything else is deleted, and at the next start"
        throw error
    }
}
