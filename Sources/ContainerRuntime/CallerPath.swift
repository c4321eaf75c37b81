import Diagnosis
import Kernel

/// A path that the caller named, made absolute while the working directory is still the caller's.
///
/// - Parameter option: where it was named.
func callerPath(_ path: String?, _ option: String) throws(Failure) -> String? {
    guard let path else { return nil }
    return try Failure.blaming(.option(option)) { () throws(SystemError) in
        try WorkingDirectory.absolute(path)
    }
}
