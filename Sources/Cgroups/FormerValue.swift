import Diagnosis
import Kernel

/// What a cgroup's file said before something was written to it.
struct FormerValue: Equatable, Sendable {
    let path: String
    /// What to write, one write each, to have it say that again.
    let lines: [String]

    /// - Parameters:
    ///   - file: the file's name, without the directory.
    ///   - value: what is to be written to it.
    /// - Returns: `nil` if there is no such file, or it can only be written to.
    init?(path: String, of file: String, replacedBy value: String) {
        guard let text = try? FileTree.readText(path) else { return nil }
        self.path = path
        lines = Self.lines(restoring: text, of: file, replacedBy: value)
    }

    /// A write to a file with a line for each device replaces the lines of the devices that it names; one to any
    /// other file replaces all.
    static func lines(restoring text: String, of file: String, replacedBy value: String) -> [String] {
        let old = text.split(separator: "\n")
        if file == "memory.oom_control" {
            // It says more than it is told.
            return old.first?.split(separator: " ").last.map { [String($0)] } ?? []
        }
        guard let reset = Self.resets[file] else { return old.isEmpty ? [""] : old.map(String.init) }
        return value.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            // The default weight may be written without its key.
            let key = words.count > 1 ? words[0] : "default"
            if let former = old.first(where: { $0.split(separator: " ").first == key }) {
                return String(former)
            }
            return words.count > 1 ? "\(key) \(reset)" : old.first.map(String.init) ?? ""
        }
    }

    /// The files with a line for each device, and what stands for none (cgroup-v2.rst, "IO" and "RDMA";
    /// cgroup-v1/blkio-controller.rst, net_prio.rst).
    private static let resets = [
        "io.max": "rbps=max wbps=max riops=max wiops=max", "io.weight": "default",
        "io.bfq.weight": "default", "io.latency": "target=0", "rdma.max": "hca_handle=max hca_object=max",
        "blkio.throttle.read_bps_device": "0", "blkio.throttle.write_bps_device": "0",
        "blkio.throttle.read_iops_device": "0", "blkio.throttle.write_iops_device": "0",
        "blkio.weight_device": "0", "blkio.leaf_weight_device": "0", "blkio.bfq.weight_device": "0",
        "net_prio.ifpriomap": "0",
    ]

    /// - Returns: whether the file took it.
    func restore() -> Bool {
        for line in lines {
            do throws(SystemError) {
                // write(2) of nothing would not reach the kernel's parser.
                try FileTree.write(line.isEmpty ? "\n" : line, to: path)
            } catch {
                return false
            }
        }
        return true
    }
}
