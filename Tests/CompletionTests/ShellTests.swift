import Arguments
import Testing

@testable import Completion

/// The scripts, as the shells see them.
@Suite struct ShellTests {
    @Test(arguments: [
        ("/bin/bash", Script.bash.name), ("/usr/bin/zsh", Script.zsh.name),
        ("/usr/bin/fish", Script.fish.name),
    ])
    func shellCanReadIt(_ shell: String, _ name: String) throws {
        guard Shell.isThere(shell) else { return }
        try Shell.with { directory throws in
            #expect(try directory.lines(of: [shell, "-n", name]) == [])
        }
    }

    @Test func bashCommands() throws {
        try Shell.with { shell throws in
            #expect(try shell.bash("") == Verb.allCases.map(\.rawValue))
            #expect(try shell.bash("re") == ["restore", "resume"])
            #expect(try shell.bash("--debug", "--", "re") == ["restore", "resume"])
            #expect(try shell.bash("help", "ki") == ["kill"])
            #expect(try shell.bash("nonsense", "") == [])
        }
    }

    @Test func bashOptions() throws {
        try Shell.with { shell throws in
            #expect(try shell.bash("--log-l") == ["--log-level"])
            #expect(try shell.bash("delete", "--f") == ["--force"])
            #expect(try shell.bash("delete", "web-1", "--f") == ["--force"])
            #expect(try shell.bash("delete", "--", "--f") == [])
            // These words are another program's.
            #expect(try shell.bash("exec", "web-1", "-") == [])
            #expect(try shell.bash("exec", "--no-n", "") == ["web-1", "web-2", "db"])
        }
    }

    @Test func bashValues() throws {
        try Shell.with { shell throws in
            #expect(try shell.bash("--log-format", "") == ["text", "json"])
            #expect(try shell.bash("-log-format", "j") == ["json"])
            // With an equals sign, before and after the first letter.
            #expect(try shell.bash("--log-format", "=") == ["text", "json"])
            #expect(try shell.bash("--log-format", "=", "j") == ["json"])
            #expect(try shell.bash("--log-format=j", wordBreaks: " ") == ["--log-format=json"])
            #expect(try shell.bash("restore", "--manage-cgroups-mode", "s") == ["soft", "strict"])
            #expect(try shell.bash("ps", "-f", "") == ["table", "json"])
            #expect(try shell.bash("exec", "--env", "") == [])
            #expect(try shell.bash("kill", "web-1", "T") == ["TRAP", "TERM", "TSTP", "TTIN", "TTOU"])
            #expect(try shell.bash("mounts", "") == ["add", "remove"])
        }
    }

    @Test func bashPaths() throws {
        try Shell.with { shell throws in
            try shell.write("in/b c/config.json", "{}")
            try shell.write("in/file", "")
            #expect(try shell.bash("run", "--bundle", "in/") == ["in/b c"])
            #expect(try shell.bash("run", "--bundle", "=", "in/") == ["in/b c"])
            #expect(try shell.bash("plan", "in/") == ["in/b c"])
            #expect(try shell.bash("create", "-f", "in/").sorted() == ["in/b c", "in/file"])
            #expect(try shell.bash("--log", "file", ":", "in/f") == ["in/file"])
            #expect(try shell.bash("mounts", "add", "web-1", "in/f") == ["in/file"])
            #expect(try shell.bash("exec", "--cwd", "in/") == [])
        }
    }

    @Test func bashContainers() throws {
        try Shell.with { shell throws in
            #expect(try shell.bash("kill", "") == ["web-1", "web-2", "db"])
            #expect(try shell.bash("delete", "--force", "w") == ["web-1", "web-2"])
            #expect(try shell.bash("exec", "-u", "0", ":", "0", "d") == ["db"])
            #expect(try shell.bash("exec", "--env", "A", "=", "b", "d") == ["db"])
            #expect(try shell.bash("mounts", "add", "d") == ["db"])
            #expect(try shell.bash("state", "web-1", "") == [])
            for verb in ["create", "run", "restore"] { #expect(try shell.bash(verb, "") == []) }
        }
    }

    /// Also where it was typed with an equals sign, quotes or the home directory; an option of the command is no --root.
    @Test func bashContainersUnderRoot() throws {
        try Shell.with { shell throws in
            try shell.write("a b/ids", "elsewhere\n")
            #expect(try shell.bash("--root", "'a b'", "kill", "") == ["elsewhere"])
            #expect(try shell.bash("--debug", "-root", "a\\ b", "kill", "e") == ["elsewhere"])
            #expect(try shell.bash("--root", "=", "~/\"a b\"", "kill", "") == ["elsewhere"])
            #expect(try shell.bash("--root=~/'a b'", "kill", "", wordBreaks: " ") == ["elsewhere"])
            #expect(try shell.bash("exec", "--env", "root", "=", "x", "d") == ["db"])
        }
    }

    /// A directory under a root that others may write to can have any name.
    @Test func bashRunsNoNames() throws {
        try Shell.with { shell throws in
            try shell.write("r/ids", "$(touch made)\n`touch made`\n* \n")
            #expect(try shell.bash("--root", "r", "kill", "") == ["$(touch made)", "`touch made`", "* "])
            #expect(!Shell.exists(shell.path("made")))
        }
    }

    @Test func zsh() throws {
        guard Shell.isThere("/usr/bin/zsh") else { return }
        try Shell.with { shell throws in
            try shell.write("a b/ids", "elsewhere\n")
            try shell.write("in/b/config.json", "{}")
            try shell.write("in/bare", "")
            #expect(try shell.zsh("apus resu") == "apus resume ")
            #expect(try shell.zsh("apus --debug kill d") == "apus --debug kill db ")
            #expect(try shell.zsh("apus --root a\\ b kill ") == "apus --root a\\ b kill elsewhere ")
            #expect(try shell.zsh("apus --root='a b' kill ") == "apus --root='a b' kill elsewhere ")
            #expect(try shell.zsh("apus kill web-1 TE") == "apus kill web-1 TERM ")
            #expect(try shell.zsh("apus --log-format=j") == "apus --log-format=json ")
            #expect(try shell.zsh("apus delete web-1 --fo") == "apus delete web-1 --force ")
            #expect(try shell.zsh("apus kill web-1 --al") == "apus kill web-1 --al")
            // Where there is no directory zsh offers files in its place.
            #expect(try shell.zsh("apus run --bundle in/b") == "apus run --bundle in/b/")
            #expect(try shell.zsh("apus run d") == "apus run d")
        }
    }

    @Test func fish() throws {
        guard Shell.isThere("/usr/bin/fish") else { return }
        try Shell.with { shell throws in
            try shell.write("r/ids", "elsewhere\n")
            try shell.write("b/config.json", "{}")
            #expect(try shell.fish("apus re").sorted() == ["restore", "resume"])
            #expect(try shell.fish("apus kill ").sorted() == ["db", "web-1", "web-2"])
            #expect(try shell.fish("apus --debug --root r kill ") == ["elsewhere"])
            #expect(try shell.fish("apus --root=r kill ") == ["elsewhere"])
            #expect(try shell.fish("apus kill web-1 TE") == ["TERM"])
            #expect(try shell.fish("apus --log-format ").sorted() == ["json", "text"])
            #expect(try shell.fish("apus delete --fo") == ["--force"])
            #expect(try shell.fish("apus exec web-1 --no") == [])
            #expect(try shell.fish("apus run --bundle b") == ["b/"])
            #expect(try shell.fish("apus run ") == [])
        }
    }
}
