import Diagnosis
import OCISpec

// Files of cgroup v2 by name (config-linux.md, "Unified").

extension Resources {
    func unifiedSettings(at pointer: Pointer) throws(Failure) -> [Setting] {
        var settings: [Setting] = []
        for entry in unified {
            let pointer = pointer.key(entry.file)
            if entry.file.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
                throw Failure(
                    at: pointer, "unified resource \"\(entry.file)\" must be a file name (no slashes)")
            }
            let parts = entry.file.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, parts[1] != "." else {
                throw Failure(
                    at: pointer,
                    "unified resource \"\(entry.file)\" must be in the form CONTROLLER.PARAMETER")
            }
            settings.append(
                Setting(
                    controller: Controller(String(parts[0])), file: entry.file, value: entry.value,
                    origin: pointer))
        }
        return settings
    }
}
