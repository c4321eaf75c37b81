import Diagnosis
import Foundation
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

@Suite struct HookRunnerTests {
    private func shell(_ script: String, timeout: Int? = nil, env: [String]? = nil) -> Hook {
        var hook = Hook(path: "/bin/sh")
        hook.args = ["sh", "-c", script]
        hook.timeout = timeout
        hook.env = env
        return hook
    }

    private func run(_ hooks: [Hook]) throws -> Failure? {
        let state = try record().state(.running)
        do throws(Failure) {
            try HookRunner(kind: .poststart, state: state).run(hooks)
            return nil
        } catch {
            return error
        }
    }

    @Test func inOrderWithTheStateOnStandardInput() throws {
        try withTemporaryDirectory { directory in
            let file = directory + "/log"
            let failure = try run([
                shell("cat >> \(file); echo >> \(file)", env: ["PATH=/usr/bin:/bin"]),
                shell("echo second >> \(file)"),
            ])
            #expect(failure == nil)
            let lines = try FileTree.readText(file).split(separator: "\n")
            #expect(lines.count == 2 && lines[1] == "second")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
            #expect(object["status"] as? String == "running")
            #expect(object["pid"] as? Int == Int(ProcessControl.ownPID))
            #expect(object["bundle"] as? String == "/b" && object["id"] as? String == "c1")
            #expect((object["annotations"] as? [String: String])?.count == 2)
        }
    }

    @Test func theFirstFailureEndsIt() throws {
        try withTemporaryDirectory { directory in
            let failure = try run([
                shell("exit 0"), shell("echo out; echo err >&2; exit 7"), shell("touch \(directory)/ran"),
            ])
            #expect(
                failure?.description
                    == "/hooks/poststart/1: run /bin/sh: exit status 7, output: out\nerr")
            #expect(!FileTree.exists(directory + "/ran"))
        }
    }

    @Test func otherEnds() throws {
        #expect(try run([shell("kill -TERM $$")])?.reason == "killed by signal 15")
        let missing = try run([Hook(path: "/nowhere/hook")])
        #expect(missing?.origin == .config("/hooks/poststart/0"))
        #expect(missing?.errno?.name == "ENOENT")
        // A hook need not read its input, nor does one that prints a lot get stuck.
        #expect(try run([shell("exec <&-; head -c 1000000 /dev/zero")]) == nil)
    }

    @Test func timeLimits() throws {
        let start = Poll.now()
        let failure = try run([shell("echo began; exec sleep 60", timeout: 1)])
        #expect(
            failure?.reason == "hook ran past specified timeout of 1.0s, output: began",
            "\(failure as Any)")
        #expect((900..<20_000).contains(Poll.now() - start))
        // The longest there is, too.
        #expect(try run([shell("exit 0", timeout: .max)]) == nil)
        // A process that the hook leaves behind with its output is not waited for.
        let before = Poll.now()
        #expect(try run([shell("sleep 5 & exit 0")]) == nil)
        #expect(Poll.now() - before < 4000)
    }

    @Test func environments() throws {
        try withTemporaryDirectory { directory in
            setenv("APUS_HOOK_TEST", "1", 1)
            let dump = "/usr/bin/env > \(directory)/"
            #expect(try run([shell(dump + "own"), shell(dump + "given", env: ["A=1"])]) == nil)
            #expect(try FileTree.readText(directory + "/own").contains("APUS_HOOK_TEST=1"))
            let given = try FileTree.readText(directory + "/given")
            #expect(given.contains("A=1") && !given.contains("APUS_HOOK_TEST"))
        }
    }
}
