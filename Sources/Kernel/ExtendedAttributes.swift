import CKernel
import Diagnosis
import Glibc

/// Extended attributes (xattr(7)). Those of an entry are reached through the descriptor of its directory, so that no
/// link on the way can be exchanged; a link at the end is not followed.
public enum ExtendedAttributes {
    /// fsetxattr(2).
    public static func set(_ name: RawPath, _ value: [UInt8], of file: Int32) throws(SystemError) {
        _ = try system("set attribute \(name)") {
            name.withPointer { name in
                value.withUnsafeBytes { apus_fsetxattr(file, name, $0.baseAddress, $0.count) }
            }
        }
    }

    /// lsetxattr(2) of an entry of a directory.
    public static func set(
        _ name: RawPath, _ value: [UInt8], of entry: RawPath, in directory: Int32
    ) throws(SystemError) {
        _ = try system("set attribute \(name) of \(entry)") {
            path(entry, directory).withPointer { path in
                name.withPointer { name in
                    value.withUnsafeBytes { apus_lsetxattr(path, name, $0.baseAddress, $0.count) }
                }
            }
        }
    }

    /// llistxattr(2) of an entry of a directory.
    public static func list(of entry: RawPath, in directory: Int32) throws(SystemError) -> [RawPath] {
        var names = [UInt8](repeating: 0, count: 64 << 10)
        let count = try system("list the attributes of \(entry)") {
            path(entry, directory).withPointer { path in
                names.withUnsafeMutableBytes { apus_llistxattr(path, $0.baseAddress, $0.count) }
            }
        }
        return names[..<count].split(separator: 0).map { RawPath($0) }
    }

    /// lgetxattr(2) of an entry of a directory; nil if it has no such attribute.
    public static func get(
        _ name: RawPath, of entry: RawPath, in directory: Int32
    ) throws(SystemError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 64 << 10)
        do throws(SystemError) {
            let count = try system("read attribute \(name) of \(entry)") {
                path(entry, directory).withPointer { path in
                    name.withPointer { name in
                        value.withUnsafeMutableBytes { apus_lgetxattr(path, name, $0.baseAddress, $0.count) }
                    }
                }
            }
            return Array(value[..<count])
        } catch  where error.errno == Errno(ENODATA) || error.errno == Errno(ENOTSUP) {
            return nil
        }
    }

    private static func path(_ entry: RawPath, _ directory: Int32) -> RawPath {
        RawPath(Array("/proc/self/fd/\(directory)/".utf8) + entry.bytes)
    }
}
