import Diagnosis
import OCISpec

extension Compiler {
    /// Refuses what would change the container and is not done yet, before anything is created.
    static func refuseUnsupported(_ config: Config) throws(Failure) {
        let linux = config.linux
        let wanted: [(Bool, Pointer)] = [
            (linux?.intelRdt != nil, "/linux/intelRdt")
        ]
        for (isWanted, pointer) in wanted where isWanted { throw unsupported(pointer) }
    }

    private static func unsupported(_ pointer: Pointer) -> Failure {
        Failure(at: pointer, "not supported yet", remedy: "remove it, or use another runtime")
    }
}
