import Foundation

// Compiles the stage and writes it as a Swift literal: EmbedStage <Sources> <output.swift>.
//
// The stage must be the same, bit for bit, wherever it is built with the same compiler: sources are named
// relative to Sources and in order, and nothing of time or place is put in.

struct Refusal: Error {
    let text: String
}

/// The C and assembly sources of the stage, relative to `sources`.
func stageSources(in sources: URL) throws -> [String] {
    try ["CStage", "Stage"].flatMap { directory in
        try FileManager.default.contentsOfDirectory(atPath: sources.appending(path: directory).path)
            .filter { $0.hasSuffix(".c") || $0.hasSuffix(".S") }
            .map { "\(directory)/\($0)" }
    }.sorted()
}

let compileFlags = [
    "-std=gnu17", "-Os", "-Wall", "-Wextra", "-Werror",
    "-ffreestanding", "-fno-pie", "-fno-stack-protector", "-fno-ident",
    "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-ffunction-sections", "-fdata-sections",
    "-ICKernel/include", "-ICStage/include", "-ICStage",
]
let linkFlags = [
    "-static", "-nostdlib", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096",
    "-Wl,-z,noexecstack", "-s",
]
/// Spares the padding between segments; not every linker knows it.
let optionalLinkFlags = ["-Wl,-z,noseparate-code"]

/// The exit status and what the command wrote. `command` may hold arguments, as `$CC` does.
func run(_ command: [String], in directory: URL) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = directory
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

func compile(_ sources: URL, to image: URL) throws -> Data {
    let named = ProcessInfo.processInfo.environment["CC"] ?? ""
    let compiler = named.split(separator: " ").map(String.init)
    let cc = compiler.isEmpty ? ["cc"] : compiler
    let base = cc + compileFlags + linkFlags
    let files = try stageSources(in: sources)
    var result = try run(base + optionalLinkFlags + files + ["-o", image.path], in: sources)
    if result.status != 0 && result.status != 127 {
        result = try run(base + files + ["-o", image.path], in: sources)
    }
    if result.status == 127 {
        throw Refusal(
            text: "the stage is compiled by a C compiler, and '\(cc[0])' is not there: "
                + "install one (Debian: apt install gcc libc6-dev), or name one by the variable CC")
    }
    guard result.status == 0 else {
        throw Refusal(text: "'\(cc.joined(separator: " "))' could not compile the stage:\n\(result.output)")
    }
    defer { try? FileManager.default.removeItem(at: image) }
    return try Data(contentsOf: image)
}

/// The image in words of eight bytes, the first byte lowest as on every machine the stage is for.
func render(_ image: Data) -> String {
    var text = """
        // The stage, compiled by EmbedStage.

        /// Its size in bytes.
        let stageImageSize = \(image.count)

        /// The image, filled up to whole words.
        let stageImage: [UInt64] = [

        """
    let bytes = [UInt8](image)
    for line in stride(from: 0, to: bytes.count, by: 32) {
        let words = stride(from: line, to: min(line + 32, bytes.count), by: 8).map { start in
            let word = bytes[start..<min(start + 8, bytes.count)].reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
            let digits = String(word, radix: 16)
            return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
        }
        text += "    " + words.joined(separator: ", ") + ",\n"
    }
    return text + "]\n"
}

func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data("error: \(text)\n".utf8))
    exit(1)
}

guard CommandLine.arguments.count == 3 else { fail("usage: EmbedStage <Sources> <output.swift>") }
let sources = URL(fileURLWithPath: CommandLine.arguments[1])
let output = URL(fileURLWithPath: CommandLine.arguments[2])
do {
    let image = try compile(sources, to: output.deletingPathExtension().appendingPathExtension("elf"))
    try Data(render(image).utf8).write(to: output, options: .atomic)
} catch let refusal as Refusal {
    fail(refusal.text)
} catch {
    fail("\(error)")
}
