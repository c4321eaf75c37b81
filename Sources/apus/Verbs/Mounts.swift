import Arguments
import Diagnosis
import Kernel
import OCISpec

extension Call {
    /// The operands are what to do, the ID and the file.
    func mounts() throws(Failure) {
        let (word, id, file) = (operands[0], operands[1], operands[2])
        guard word == "add" || word == "remove" else {
            throw Failure(
                .option("mounts \(word)"), reason: "not a command",
                remedy: "write mounts add, or mounts remove")
        }
        let bytes = try Failure.blaming(.option("mounts \(word)")) { () throws(SystemError) in
            let limit = Config.maximumSize + 1
            if file == "-" { return try StandardDescriptors.readInput(limit: limit) }
            return try FileTree.read(file, limit: limit)
        }
        if word == "add" {
            try runtime.addMounts(id, bytes)
        } else {
            try runtime.removeMounts(id, bytes)
        }
    }
}
