import Diagnosis
import Glibc
import Kernel

/// Reads the files of a cgroup's directory that hold figures. What is not there has none: controllers,
/// configurations of the kernel and its releases differ in their files.
struct StatisticsFile {
    let directory: String

    /// The lines of a file; `nil` if there is no such file, or the kernel has it for show only.
    func lines(_ name: String) throws(SystemError) -> [Substring]? {
        do throws(SystemError) {
            return try FileTree.readText("\(directory)/\(name)").split(separator: "\n")
        } catch  where error.isAbsence || error.errno == Errno(EOPNOTSUPP) {
            return nil
        }
    }

    /// A file with one number.
    func number(_ name: String) throws(SystemError) -> UInt64? {
        guard let lines = try lines(name) else { return nil }
        return try Self.number(lines.first ?? "", name)
    }

    /// A file of lines "key value".
    func table(_ name: String) throws(SystemError) -> [(key: String, value: UInt64)]? {
        guard let lines = try lines(name) else { return nil }
        var table: [(key: String, value: UInt64)] = []
        for line in lines {
            let fields = line.split(separator: " ")
            guard fields.count == 2 else { throw Self.malformed(line, name) }
            table.append((String(fields[0]), try Self.number(fields[1], name)))
        }
        return table
    }

    /// `max` is the greatest number there is. A negative number, which some counters of the kernel have been
    /// seen to show, is 0.
    static func number(_ text: Substring, _ name: String) throws(SystemError) -> UInt64 {
        let text = text.last == " " ? text.dropLast() : text
        if text == "max" { return .max }
        if let number = UInt64(text) { return number }
        if text.first == "-", text.dropFirst().allSatisfy(\.isNumber), text.count > 1 { return 0 }
        throw malformed(text, name)
    }

    static func malformed(_ line: Substring, _ name: String) -> SystemError {
        SystemError("parse \"\(line)\" of \(name)", Errno(EINVAL))
    }

    /// The page sizes of this host, as the files of the hugetlb controller name them: `2MB`.
    static func hugePageSizes() -> [String] {
        let names = (try? FileTree.list("/sys/kernel/mm/hugepages")) ?? []
        return names.compactMap { hugePageSize($0) }.sorted()
    }

    /// - Parameter name: as in /sys/kernel/mm/hugepages: `hugepages-2048kB`.
    static func hugePageSize(_ name: String) -> String? {
        guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
            var size = Int(name.dropFirst("hugepages-".count).dropLast(2))
        else { return nil }
        var unit = 0
        while size >= 1024, size % 1024 == 0, unit < 2 {
            size /= 1024
            unit += 1
        }
        return "\(size)\(["KB", "MB", "GB"][unit])"
    }
}
