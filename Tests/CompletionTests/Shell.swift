import Foundation
import Testing

@testable import Completion

/// A shell that reads a script, and a directory for what that finds.
struct Shell {
    let directory: URL

    /// Calls `body` with a directory in which are the scripts and a program `apus` that lists containers as the real
    /// one does: `web-1`, `web-2` and `db`, or what the file `ids` under --root says.
    static func with(_ body: (Shell) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let shell = Shell(directory: directory)
        for script in Script.all { try shell.write(script.name, script.text) }
        try shell.write(
            "apus",
            """
            #!/bin/sh
            case "$*" in
            "list -q") printf '%s\\n' web-1 web-2 db ;;
            "--root "*" list -q") cat "$2/ids" ;;
            *) echo "unexpected: $*" >&2; echo unexpected ;;
            esac
            """)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: shell.path("apus"))
        try body(shell)
    }

    func path(_ name: String) -> String { directory.appending(path: name).path }

    func write(_ name: String, _ text: String) throws {
        let file = directory.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
    }

    /// What is offered in bash for the last of these words, which are split as readline does it.
    func bash(_ words: String..., wordBreaks: String = " =:") throws -> [String] {
        let script = """
            source apus.bash
            COMP_WORDBREAKS=$1
            shift
            COMP_WORDS=("$@")
            COMP_CWORD=$(($# - 1))
            _apus "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            [[ ${#COMPREPLY[@]} = 0 ]] || printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try lines(
            of: ["/bin/bash", "--norc", "-c", script, "bash", wordBreaks, path("apus")] + words)
    }

    /// What becomes of a line in zsh when the word at its end is completed. zsh does so only at a terminal.
    func zsh(_ line: String) throws -> String {
        try write(
            ".zshrc",
            """
            PATH=$PWD:$PATH fpath=($PWD $fpath)
            autoload -Uz compinit
            compinit -u -d dump
            complete-and-exit() { zle complete-word; print -r -- "$BUFFER" >completed; exit }
            zle -N complete-and-exit
            bindkey '^X' complete-and-exit
            print READY
            """)
        let script = """
            zmodload zsh/zpty
            zpty inner ZDOTDIR=$PWD zsh -d -i
            zpty -r inner said '*READY*'
            zpty -w -n inner "$1"$'\\x18'
            while zpty -r inner said; do :; done
            cat completed
            """
        return try lines(of: ["/usr/bin/timeout", "120", "/usr/bin/zsh", "-f", "-c", script, "zsh", line])
            .joined(separator: "\n")
    }

    /// What is offered in fish at the end of a line; without the descriptions.
    func fish(_ line: String) throws -> [String] {
        let script = "source apus.fish; set -gx PATH \(directory.path) $PATH; complete -C \"\(line)\""
        return try lines(of: ["/usr/bin/fish", "--no-config", "-c", script])
            .map { String($0.prefix { $0 != "\t" }) }
    }

    /// Standard output and error together, in lines.
    func lines(of command: [String]) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.currentDirectoryURL = directory
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": directory.path, "LANG": "C.UTF-8"]
        let output = Pipe()
        (process.standardInput, process.standardOutput, process.standardError) = (
            FileHandle.nullDevice, output, output
        )
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func isThere(_ path: String) -> Bool {
        if FileManager.default.isExecutableFile(atPath: path) { return true }
        print("skipped: completion: there is no \(path)")
        return false
    }
}
