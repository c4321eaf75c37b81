import Foundation
import Testing

/// That libcap's constructor finds our two functions instead of its own, and so makes no system call.
///
/// The tests themselves are linked with the shared library, so a program linked with the archive is made
/// here and the linker asked what it took from it.
@Suite struct QuietStartTests {
    static let archive = [
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
    ]
    .map { $0 + "/libcap.a" }.first(where: FileManager.default.fileExists)
    static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"]
        .first(where: FileManager.default.isExecutableFile)

    private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    @Test(.enabled(if: archive != nil && compiler != nil, "needs a C compiler and libcap.a"))
    func theConstructorAsksNothing() throws {
        let compiler = try #require(Self.compiler)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appendingPathComponent("main.c")
        try """
        #include <sys/capability.h>
        int main(void) {
            cap_value_t value;
            return cap_from_name("cap_checkpoint_restore", &value) == 0 ? value : 99;
        }
        """.write(to: source, atomically: true, encoding: .utf8)
        let quiet = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/CCapabilityQuiet/quiet.c").path
        let program = folder.appendingPathComponent("main").path

        for (sources, pulled) in [([source.path], true), ([source.path, quiet], false)] {
            let link = try run(
                compiler, ["-static", "-o", program] + sources + ["-lcap", "-Wl,-Map=\(program).map"])
            try #require(link.status == 0, "\(link.output)")
            let map = try String(contentsOfFile: "\(program).map", encoding: .utf8)
            #expect(map.contains("cap_alloc.o"))
            #expect(map.contains("cap_proc.o") == pulled)
            #expect(try run(program, []).status == 40)
        }
    }
}
