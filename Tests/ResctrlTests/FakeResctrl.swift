import Diagnosis
import Glibc

@testable import Resctrl

/// A resctrl file system as the kernel's behaves, in memory: a new directory is full, writing to `tasks` moves a
/// process, and what is refused is explained in `info/last_cmd_status`.
final class FakeResctrl: ResctrlFiles, @unchecked Sendable {
    var files: [String: String] = [
        "info/last_cmd_status": "ok",
        "info/L3/cbm_mask": "7ff", "info/L3/min_cbm_bits": "1", "info/L3/num_closids": "4",
        "info/MB/bandwidth_gran": "10", "info/MB/delay_linear": "1", "info/MB/min_bandwidth": "10",
        "info/MB/num_closids": "4",
        "info/L3_MON/mon_features": "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes",
        "info/L3_MON/num_rmids": "8",
    ]
    var directories: Set<String> = ["", "info", "info/L3", "info/MB", "info/L3_MON", "mon_groups"]
    /// What was written to `schemata` files, in order.
    var written: [String] = []

    init() { fill("") }

    private func fill(_ group: String) {
        let below = group.isEmpty ? "" : group + "/"
        files[below + "schemata"] = "    MB:0=100;1=100\n    L3:0=7ff;1=7ff"
        files[below + "tasks"] = ""
        directories.formUnion([below + "mon_groups", below + "mon_data"])
        measure(group)
    }

    private func measure(_ group: String) {
        let below = group.isEmpty ? "" : group + "/"
        for (domain, number) in [("mon_L3_00", "5"), ("mon_L3_01", "Unavailable")] {
            directories.insert("\(below)mon_data/\(domain)")
            for feature in ["llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"] {
                files["\(below)mon_data/\(domain)/\(feature)"] = number
            }
        }
    }

    var groups: [String] {
        directories.filter { !$0.contains("/") && !["", "info", "mon_groups", "mon_data"].contains($0) }
            .sorted()
    }

    private func refuse(_ path: String, _ errno: Int32, _ words: String) -> SystemError {
        files["info/last_cmd_status"] = words
        return SystemError("use \(path)", Errno(errno))
    }

    func read(_ path: String) throws(SystemError) -> String {
        guard let text = files[path] else { throw SystemError("open \(path)", Errno(ENOENT)) }
        return text
    }

    func write(_ text: String, to path: String) throws(SystemError) {
        guard let former = files[path] else { throw SystemError("open \(path)", Errno(ENOENT)) }
        if path.hasSuffix("tasks") {
            files[path] = former + text + "\n"
            return
        }
        for line in text.split(separator: "\n") {
            guard let schema = Schema(line), schema.shares.allSatisfy({ $0.value != "0" }) else {
                throw refuse(path, EINVAL, "Mask out of range")
            }
            var lines = Schema.lines(files[path] ?? "")
            for share in schema.shares {
                guard let at = lines.firstIndex(where: { $0.resource == schema.resource }),
                    let domain = lines[at].shares.firstIndex(where: { $0.domain == share.domain })
                else { throw refuse(path, EINVAL, "Unknown domain") }
                var value = share.value
                if schema.resource == "MB", let number = Int(value) { value = String((number + 9) / 10 * 10) }
                lines[at].shares[domain].value = value
            }
            files[path] = lines.map { line in
                "    \(line.resource):"
                    + line.shares.map { "\($0.domain)=\($0.value)" }.joined(separator: ";")
            }.joined(separator: "\n")
        }
        written.append(String(text.dropLast()))
        files["info/last_cmd_status"] = "ok"
    }

    func list(_ path: String) throws(SystemError) -> [String] {
        directories.filter { $0.hasPrefix(path + "/") }.map { String($0.dropFirst(path.count + 1)) }
            .filter { !$0.contains("/") }
    }

    func exists(_ path: String) -> Bool { directories.contains(path) || files[path] != nil }

    func makeDirectory(_ path: String) throws(SystemError) {
        if directories.contains(path) { throw SystemError("mkdir \(path)", Errno(EEXIST)) }
        if path.contains("mon_groups/") {
            directories.insert(path)
            files[path + "/tasks"] = ""
            measure(path)
            return
        }
        if groups.count >= 3 { throw refuse(path, ENOSPC, "Out of CLOSIDs") }
        directories.insert(path)
        fill(path)
    }

    func removeDirectory(_ path: String) throws(SystemError) {
        guard directories.contains(path) else { throw SystemError("rmdir \(path)", Errno(ENOENT)) }
        directories = directories.filter { $0 != path && !$0.hasPrefix(path + "/") }
        files = files.filter { !$0.key.hasPrefix(path + "/") }
    }
}
