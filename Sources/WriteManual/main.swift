// Writes the manual's pages into a directory: apus-manual DIRECTORY

import Diagnosis
import Glibc
import Kernel
import Manual

func fail(_ message: String) -> Never {
    try? FileDescriptor(owning: 2).writeAll(Array((message + "\n").utf8), name: "standard error")
    exit(1)
}

guard CommandLine.arguments.count == 2 else { fail("usage: apus-manual DIRECTORY") }
do throws(SystemError) {
    for page in Page.all {
        let path = "\(CommandLine.arguments[1])/\(page.name).\(Page.section)"
        try FileTree.replace(path, with: Array(page.text.utf8), mode: 0o644)
        print(path)
    }
} catch {
    fail("apus-manual: \(error)")
}
