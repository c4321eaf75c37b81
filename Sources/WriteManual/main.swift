// Writes the manual's pages, or the shells' completions, into a directory:
// apus-manual [--completions] DIRECTORY

import Completion
import Diagnosis
import Glibc
import Kernel
import Manual

func fail(_ message: String) -> Never {
    try? FileDescriptor(owning: 2).writeAll(Array((message + "\n").utf8), name: "standard error")
    exit(1)
}

var words = CommandLine.arguments.dropFirst()
let files: [(name: String, text: String)]
if words.first == "--completions" {
    words.removeFirst()
    files = Script.all.map { ($0.name, $0.text) }
} else {
    files = Page.all.map { ("\($0.name).\(Page.section)", $0.text) }
}
guard words.count == 1, let directory = words.first, !directory.hasPrefix("-") else {
    fail("usage: apus-manual [--completions] DIRECTORY")
}
do throws(SystemError) {
    for file in files {
        let path = "\(directory)/\(file.name)"
        try FileTree.replace(path, with: Array(file.text.utf8), mode: 0o644)
        print(path)
    }
} catch {
    fail("apus-manual: \(error)")
}
