import Arguments
import ContainerRuntime
import Diagnosis
import Glibc
import Kernel
import OCISpec

extension Call {
    func spec() throws(Failure) {
        let name = self.path(.file) ?? "config.json"
        var path = name
        if !name.hasPrefix("/"), let bundle = self.path(.bundle) { path = bundle + "/" + name }
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
            if error.errno == Errno(EEXIST) { throw Failure("File \(name) exists. Remove it first") }
            throw Failure(.runtime, error)
        }
    }
}
