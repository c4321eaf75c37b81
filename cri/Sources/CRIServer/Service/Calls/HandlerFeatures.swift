import Diagnosis
import Glibc
import OCISpec

extension RuntimeInformation.Handler {
    /// What `RUNTIME features` printed (runtime-spec, features.md), as far as `Status` tells it. What a runtime does not
    /// say, it is taken not to have.
    ///
    /// - Parameter linux: the kernel's version; nil is the one that runs.
    package init(
        name: String, features json: [UInt8], linux: (major: Int, minor: Int)? = nil
    ) throws(Failure) {
        let linux = linux ?? Self.runningKernel
        let said = try Said(json)
        self.init(
            name: name,
            // mount_setattr(2), which makes mounts read-only with all below them, is of 5.12.
            recursiveReadOnlyMounts: said.mountOptions.contains("rro")
                && (linux.major, linux.minor) >= (5, 12),
            userNamespaces: said.namespaces.contains("user") && said.hasIDMappedMounts)
    }

    /// What is read of it.
    private struct Said {
        var mountOptions: [String] = []
        var namespaces: [String] = []
        var hasIDMappedMounts = false

        init(_ json: [UInt8]) throws(Failure) {
            var reader = try JSONReader(json, limit: 1 << 20)
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "mountOptions": mountOptions = try reader.strings()
                case "linux": try readLinux(&reader)
                default: try reader.skip()
                }
            }
            try reader.finish()
        }

        private mutating func readLinux(_ reader: inout JSONReader) throws(Failure) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "namespaces": namespaces = try reader.strings()
                case "mountExtensions": try readMountExtensions(&reader)
                default: try reader.skip()
                }
            }
        }

        private mutating func readMountExtensions(_ reader: inout JSONReader) throws(Failure) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                guard key == "idmap" else {
                    try reader.skip()
                    continue
                }
                try reader.beginObject()
                while let key = try reader.nextKey() {
                    if key == "enabled" { hasIDMappedMounts = try reader.bool() } else { try reader.skip() }
                }
            }
        }
    }

    /// uname(2); 0.0 if it cannot be understood.
    private static var runningKernel: (major: Int, minor: Int) {
        var names = utsname()
        guard uname(&names) == 0 else { return (0, 0) }
        let release = withUnsafeBytes(of: &names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let numbers = release.split { !("0"..."9").contains($0) }.prefix(2).compactMap { Int($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
    }
}
