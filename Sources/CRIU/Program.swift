import Diagnosis
import Glibc
import Kernel

/// The program `criu` of the host.
public struct Program: Sendable {
    public let path: String
    public let version: Version

    /// With it came `--lsm-profile` that works and the mount context. External network namespaces are of 3.11, the
    /// freezer of cgroup v2 of 3.14, and external pid namespaces and word of a ready page server of 3.15.
    public static let minimum = Version(major: 3, minor: 16)

    /// Where it is, by PATH; `nil` if it is not there.
    public static func locate() -> String? {
        let directories =
            Environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        for directory in directories.split(separator: ":") where directory.utf8.first == UInt8(ascii: "/") {
            let path = "\(directory)/criu"
            if FileTree.isExecutable(path) { return path }
        }
        return nil
    }

    /// Finds it, and asks for its version.
    public init() throws(Failure) {
        guard let path = Self.locate() else {
            throw Failure(
                "there is no criu in PATH, which saves and restores processes",
                remedy: "install CRIU \(Self.minimum) or later (Debian's package is criu)")
        }
        self.path = path
        let service = try Failure.blaming { () throws(SystemError) in
            try Service(path)
        }
        let outcome = try service.perform(Request(.version))
        service.end()
        guard case .answered(let response) = outcome, response.isSuccess, let version = response.version
        else {
            throw Self.failure(path, outcome, service.lastWords())
        }
        self.version = version
        if version < Self.minimum {
            throw Failure(
                "\(path) is CRIU \(version), which is too old",
                remedy: "install CRIU \(Self.minimum) or later")
        }
    }

    private static func failure(_ path: String, _ outcome: Service.Outcome, _ words: String?) -> Failure {
        let status =
            switch outcome {
            case .answered: "it refused"
            case .ended(.exited(let code)): "exit status \(code)"
            case .ended(.killed(let signal)): "killed by signal \(signal)"
            case .ended(nil): "its end was not seen"
            }
        return Failure(
            doing: "ask \(path) for its version", reason: words.map { "\(status): \($0)" } ?? status,
            remedy: "see what `criu check` says on this host")
    }

    /// Makes sure that this kernel and CRIU have a feature together.
    public func require(_ feature: Feature, for option: String) throws(Failure) {
        let service = try Failure.blaming { () throws(SystemError) in
            try Service(path)
        }
        var request = Request(.featureCheck)
        request.features = [feature]
        let outcome = try service.perform(request)
        service.end()
        if case .answered(let response) = outcome, response.isSuccess, response.features.contains(feature) {
            return
        }
        let name = feature == .memoryTracking ? "mem_dirty_track" : "uffd-noncoop"
        throw Failure(
            .option(option), reason: "CRIU \(version) and this kernel cannot do it together",
            remedy: "see `criu check --feature \(name)`")
    }
}
