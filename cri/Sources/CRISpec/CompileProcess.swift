import CRIProto
import Diagnosis
import OCISpec

extension Compilation {
    /// Command and arguments over the image's entry point and command, as Kubernetes has it: a command of the
    /// container's puts both of the image's aside, arguments put the image's command aside.
    mutating func compileArguments() throws(SpecificationError) {
        let container = input.container
        var arguments = container.command
        if arguments.isEmpty {
            // [""] is how an image says that it has no entry point after all.
            if input.image.entrypoint != [""] { arguments = input.image.entrypoint }
            arguments += container.args.isEmpty ? input.image.command : container.args
        } else {
            arguments += container.args
        }
        guard let program = arguments.first else {
            throw SpecificationError(
                at: Self.container.key("command"),
                "there is nothing to execute: neither container nor image has a command",
                remedy: "set command")
        }
        if program.isEmpty {
            throw SpecificationError(
                at: Self.container.key("command").index(0), "the program's name is empty")
        }
        for (name, list) in [("command", container.command), ("args", container.args)] {
            for (index, text) in list.enumerated() where text.utf8.contains(0) {
                throw SpecificationError(
                    at: Self.container.key(name).index(index), "\(quoted(text)) has a NUL character")
            }
        }
        process.args = arguments
        process.cwd = try workingDirectory()
        process.terminal = container.tty
    }

    private func workingDirectory() throws(SpecificationError) -> String {
        let asked = input.container.workingDir
        if asked.isEmpty {
            // Images are built with relative ones, too; they count from the root.
            return input.image.workingDirectory.isEmpty ? "/" : absolute(input.image.workingDirectory)
        }
        guard asked.hasPrefix("/"), !asked.utf8.contains(0) else {
            throw SpecificationError(
                at: Self.container.key("working_dir"), "\(quoted(asked)) is not an absolute path")
        }
        return asked
    }

    func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "/" + path }

    /// Defaults, then the image's variables, then the container's; later ones win, in the place of the earlier.
    mutating func compileEnvironment(home: String?) throws(SpecificationError) {
        var variables = Variables()
        variables.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        if input.container.tty { variables.set("TERM", "xterm") }
        variables.set("HOSTNAME", input.pod.hostname.isEmpty ? input.host.hostname : input.pod.hostname)
        for text in input.image.environment { variables.set(text) }
        for (index, variable) in input.container.envs.enumerated() {
            let pointer = Self.container.key("envs").index(index)
            let name = variable.key
            if name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) || name.utf8.contains(0) {
                throw SpecificationError(
                    at: pointer.key("key"), "\(quoted(name)) is not the name of an environment variable")
            }
            guard let value = String(validating: variable.value, as: UTF8.self) else {
                throw SpecificationError(
                    at: pointer.key("value"),
                    "the value of \(name) is not UTF-8, and config.json can hold nothing else")
            }
            if value.utf8.contains(0) {
                throw SpecificationError(at: pointer.key("value"), "the value of \(name) has a NUL character")
            }
            variables.set(name, value)
        }
        if let home, !variables.has("HOME") { variables.set("HOME", home) }
        process.env = variables.list
    }
}

/// Environment variables in the order in which they were first set.
struct Variables {
    private var names: [String] = []
    private var values: [String: String] = [:]

    mutating func set(_ name: String, _ value: String) {
        if values.updateValue(value, forKey: name) == nil { names.append(name) }
    }

    /// `NAME=VALUE`; what is no variable, which images may hold, is left out.
    mutating func set(_ text: String) {
        guard let sign = text.firstIndex(of: "="), sign > text.startIndex, !text.utf8.contains(0) else {
            return
        }
        set(String(text[..<sign]), String(text[text.index(after: sign)...]))
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    var list: [String] { names.map { "\($0)=\(values[$0] ?? "")" } }
}
