import CRIU
import Diagnosis
import Glibc
import Kernel
import OCISpec

/// The directory of a checkpoint's images, and that of CRIU's log and its other files.
final class CheckpointImage {
    let path: String
    private let work: String
    private let hasWorkDirectory: Bool
    private var directory: Int32 = -1
    private var workDirectory: Int32?
    /// CRIU opens them by this process's table: they stay open until it is done.
    private var table = DescriptorTable()

    /// Opens them, making them first if they are missing.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - work: absolute; `nil` is the same directory.
    init(making path: String, work: String?) throws(Failure) {
        self.path = path
        self.work = work ?? path
        try Self.make(path, "--image-path")
        hasWorkDirectory = work != nil
        try open()
    }

    /// Finds those of a checkpoint that is there; nothing is made.
    init(of path: String, work: String?) throws(Failure) {
        self.path = path
        self.work = work ?? path
        hasWorkDirectory = work != nil
        _ = try Self.open(path, "--image-path")
        guard FileTree.exists("\(path)/inventory.img") else {
            throw Failure(
                .option("--image-path"), errno: Errno(ENOENT),
                reason: "\(path) holds no checkpoint: it has no inventory.img",
                remedy: "name the directory that `apus checkpoint` was given")
        }
    }

    /// Opens the directories; that of the log is made if it is missing.
    ///
    /// CRIU mounts things in its work directory, which it comes to by this descriptor: it has to be opened in the
    /// mount namespace that CRIU is in.
    func open() throws(Failure) {
        directory = table.keep(try Self.open(path, "--image-path"))
        guard hasWorkDirectory else { return }
        try Self.make(work, "--work-path")
        workDirectory = table.keep(try Self.open(work, "--work-path"))
    }

    /// Lets go of them, and of the mounts that they are on.
    func close() { table = DescriptorTable() }

    private static func make(_ path: String, _ option: String) throws(Failure) {
        try Failure.blaming(.option(option)) { () throws(SystemError) in
            try FileTree.makeDirectories(path, mode: 0o700)
        }
    }

    private static func open(_ path: String, _ option: String) throws(Failure) -> FileDescriptor {
        try Failure.blaming(.option(option)) { () throws(SystemError) in
            try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        }
    }

    /// - Parameter log: the name of CRIU's log.
    func options(_ common: CRIUOptions, log: String) throws(Failure) -> Options {
        var options = try common.options(imagesDirectory: directory, logFile: log)
        options.workDirectory = workDirectory
        return options
    }

    // MARK: what the standard descriptors were

    /// The file that runc keeps them in.
    private var descriptorsPath: String { path + "/descriptors.json" }

    func save(descriptors: [String]) throws(Failure) {
        var writer = JSONWriter()
        writer.array { writer in for name in descriptors { writer.string(name) } }
        try Failure.blaming(.option("--image-path")) { () throws(SystemError) in
            try FileTree.replace(descriptorsPath, with: writer.bytes, mode: 0o600)
        }
    }

    func descriptors() throws(Failure) -> [String] {
        let bytes = try Failure.blaming(.option("--image-path")) { () throws(SystemError) in
            try FileTree.read(descriptorsPath)
        }
        do throws(Failure) {
            var reader = try JSONReader(bytes)
            let names = try reader.strings()
            try reader.finish()
            return names
        } catch {
            throw Failure(.option("--image-path"), doing: "read \(descriptorsPath)", reason: "\(error)")
        }
    }

    // MARK: failures

    /// Why CRIU did not do it, from its answer and its log.
    func failure(
        doing: String, _ outcome: Service.Outcome, log: String, words: String?
    ) -> Failure {
        let log = Log(path: "\(work)/\(log)")
        var failure = Failure(doing: doing)
        switch outcome {
        case .answered(let response):
            if (1...4095).contains(response.error) { failure.errno = Errno(response.error) }
            failure.reason = "criu failed"
        case .ended(.exited(let code)): failure.reason = "criu ended with status \(code), without an answer"
        case .ended(.killed(let signal)): failure.reason = "criu was killed by signal \(signal)"
        case .ended(nil): failure.reason = "criu ended without an answer"
        }
        var reasons = log.errors()
        if reasons.isEmpty, case .answered(let response) = outcome, let message = response.message {
            reasons = [message]
        }
        if reasons.isEmpty, let words { reasons = [words] }
        for reason in reasons { failure.reason += ": \(reason)" }
        if FileTree.exists(log.path) { failure.remedy = "its log is \(log.path)" }
        return failure
    }
}

extension Config {
    /// The file with CRIU's options for this container, which rule out those of the command line: the annotation
    /// `org.criu.config`; without it, if they are there, the files of this runtime and of runc. Empty is none.
    func criuConfiguration() throws(Failure) -> String? {
        let name = "org.criu.config"
        guard let annotated = annotations[name] else {
            return ["/etc/criu/apus.conf", "/etc/criu/runc.conf"].first(where: FileTree.exists)
        }
        if annotated.isEmpty { return nil }
        let pointer = Pointer("/annotations").key(name)
        guard annotated.utf8.first == UInt8(ascii: "/") else {
            throw Failure(at: pointer, "\"\(annotated)\": not an absolute path")
        }
        try Failure.blaming(.config(pointer)) { () throws(SystemError) in
            _ = try FileDescriptor.open(annotated, O_RDONLY)
        }
        return annotated
    }
}
