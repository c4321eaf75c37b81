import Diagnosis
import OCISpec

extension Compiler {
    /// Refuses what would change the container and is not done yet, before anything is created.
    static func refuseUnsupported(_ config: Config) throws(Failure) {
        let process = config.process
        let linux = config.linux
        let wanted: [(Bool, Pointer)] = [
            (process?.terminal == true, "/process/terminal"),
            (process?.scheduler != nil, "/process/scheduler"),
            (linux?.timeOffsets.isEmpty == false, "/linux/timeOffsets"),
            (linux?.netDevices.isEmpty == false, "/linux/netDevices"),
            (linux?.memoryPolicy != nil, "/linux/memoryPolicy"),
            (linux?.intelRdt != nil, "/linux/intelRdt"),
        ]
        for (isWanted, pointer) in wanted where isWanted {
            throw Failure(at: pointer, "not supported yet", remedy: "remove it, or use another runtime")
        }
    }
}
