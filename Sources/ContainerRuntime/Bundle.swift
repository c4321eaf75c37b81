import Diagnosis
import Glibc
import Kernel
import OCISpec

/// A bundle: a directory with a `config.json` (bundle.md).
struct Bundle {
    /// Absolute, links resolved: the runtime works in it from here on.
    let path: String
    /// The file of the configuration, if it is not the bundle's config.json.
    let configPath: String?
    let config: Config
    /// config.json as it was read.
    let source: [UInt8]
    /// Absolute, links resolved.
    let rootfs: String

    /// Enters the bundle's directory, and reads and checks what is there.
    ///
    /// - Parameters:
    ///   - directory: as given on the command line; empty is the working directory.
    ///   - config: the file of the configuration, absolute; `nil` for the bundle's config.json.
    init(entering directory: String, config configPath: String?, trace: Trace? = nil) throws(Failure) {
        trace?.next("read config.json")
        self.configPath = configPath
        do throws(SystemError) {
            if !directory.isEmpty { try WorkingDirectory.change(to: directory) }
            path = try WorkingDirectory.current()
        } catch {
            throw Failure(.option("--bundle"), error)
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileDescriptor.open(configPath ?? "config.json", O_RDONLY | O_NOCTTY)
                .readAll(limit: Config.maximumSize + 1, name: configPath ?? "\(path)/config.json")
        } catch  where configPath != nil {
            throw Failure(.option("--config"), error)
        } catch  where error.errno == Errno(ENOENT) {
            throw Failure(
                .runtime, doing: "open \(path)/config.json", errno: error.errno,
                remedy: "name the bundle's directory with --bundle, or write one with `apus spec`")
        } catch {
            throw Failure(.runtime, error)
        }
        source = bytes
        trace?.next("decode config.json")
        config = try Config.decode(bytes)
        trace?.next("check config.json")
        try config.validate()

        guard let root = config.root else { throw Failure(at: "/root", "required") }
        do throws(SystemError) {
            rootfs = try FileTree.canonical(root.path)
            guard try FileTree.status(rootfs).isDirectory else {
                throw SystemError("open the root file system \(rootfs)", Errno(ENOTDIR))
            }
        } catch {
            throw Failure(.config("/root/path"), error)
        }
        if rootfs == "/" {
            throw Failure(at: "/root/path", "\"\(root.path)\": the host's own root cannot be a container's")
        }
    }
}
