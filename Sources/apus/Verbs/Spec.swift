import Arguments
import ContainerRuntime
import Diagnosis
import Glibc
import Kernel
import OCISpec

extension Call {
    func spec() throws(Failure) {
        var path = "config.json"
        if let bundle = options.text(.bundle), !bundle.isEmpty { path = bundle + "/" + path }
        let text = try ContainerRuntime.template(rootless: options.isOn(.rootless))
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, O_CREAT | O_EXCL | O_WRONLY, mode: 0o666)
            do throws(SystemError) {
                try file.writeAll(Array(text.utf8), name: path)
            } catch {
                // Half a file would stand in the way of the next try.
                try? FileTree.unlink(path)
                throw error
            }
        } catch {
            if error.errno == Errno(EEXIST) { throw Failure("File config.json exists. Remove it first") }
            throw Failure(.runtime, error)
        }
    }
}
