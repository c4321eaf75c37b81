import Cgroups
import Diagnosis
import Foundation
import Glibc
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

@Suite struct RecordTests {
    @Test func roundTrip() throws {
        let records = [
            try record(),
            try record {
                $0.initPID = 0
                $0.initStart = 0
                $0.annotations = [:]
                $0.startContainerHooks = []
                $0.poststartHooks = []
                $0.cgroup = ContainerCgroup(
                    paths: ["": "/sys/fs/cgroup/a b/ü"], unit: SystemdUnit(name: "x.scope", isUser: true))
                $0.rootless = true
                $0.noNewKeyring = true
            },
            try record {
                $0.initPID = .max
                $0.initStart = .max
                $0.hasPrivatePIDNamespace = false
                $0.poststopHooks = [Hook(path: "/x")]
                $0.resources = Array(#"{"memory":{"limit":-1},"unified":{"a.b":"}\""}}"#.utf8)
                $0.deviceNodes = ["/dev/null", "/dev/x y"]
                $0.externalDescriptors = ["/dev/null", "pipe:[4711]", "/a \"b\""]
                $0.hasRestoredClocks = true
                $0.bundle = "/with \"quotes\"\\ and \u{1}"
            },
        ]
        for record in records {
            let read = try ContainerRecord(json: record.json)
            // Every stored property, those to come too.
            let (left, right) = (Mirror(reflecting: record), Mirror(reflecting: read))
            for (one, other) in zip(left.children, right.children) {
                #expect("\(one.value)".sortedIfDictionary == "\(other.value)".sortedIfDictionary)
                #expect(one.label == other.label)
            }
        }
    }

    /// Some programs read runc's state.json; these are its names.
    @Test func names() throws {
        let bytes = Data(try record { $0.cgroup = ContainerCgroup(paths: ["": "/sys/fs/cgroup/x"]) }.json)
        let object = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        #expect(object["id"] as? String == "c1")
        #expect(object["init_process_pid"] as? Int == Int(getpid()))
        #expect(object["init_process_start"] is Int)
        #expect(object["cgroup_paths"] as? [String: String] == ["": "/sys/fs/cgroup/x"])
        #expect(object["ociVersion"] as? String == "1.2.0")
        #expect((object["created"] as? String)?.hasSuffix("Z") == true)
    }

    @Test func unknownMembersAreLeftAlone() throws {
        var text = String(decoding: try record().json, as: UTF8.self)
        text.replaceSubrange(text.startIndex...text.startIndex, with: #"{"of another version":[{"a":null}],"#)
        #expect(try ContainerRecord(json: Array(text.utf8)).id == "c1")
    }

    @Test(arguments: ["ociVersion", "id", "init_process_pid", "init_process_start"])
    func missing(_ name: String) throws {
        let text = String(decoding: try record().json, as: UTF8.self)
            .replacingOccurrences(of: "\"\(name)\"", with: "\"x-\(name)\"")
        let failure = #expect(throws: Failure.self) { _ = try ContainerRecord(json: Array(text.utf8)) }
        #expect(failure?.description.contains(name) == true)
    }

    @Test(arguments: [
        "", "{}", "[]", "null", "{", "\u{0}", #"{"id":1}"#, #"{"init_process_pid":2147483648}"#,
        #"{"init_process_pid":"1"}"#, #"{"init_process_start":-1}"#,
        #"{"init_process_start":18446744073709551616}"#, #"{"hooks":{"poststop":[{}]}}"#,
        #"{"cgroup_paths":["x"]}"#, #"{"id":"a","id":"b"}"#,
    ])
    func damaged(_ text: String) {
        #expect(throws: Failure.self) { _ = try ContainerRecord(json: Array(text.utf8)) }
    }

    /// A record that was cut off anywhere is no record, and neither is one with something behind it.
    @Test func cutOff() throws {
        let bytes = try record().json
        for length in 0..<bytes.count {
            #expect(throws: Failure.self) { _ = try ContainerRecord(json: Array(bytes[..<length])) }
        }
        #expect(throws: Failure.self) { _ = try ContainerRecord(json: bytes + Array("x".utf8)) }
        for position in bytes.indices {
            var changed = bytes
            changed[position] = 0xff
            #expect(throws: Failure.self) { _ = try ContainerRecord(json: changed) }
        }
    }

    // MARK: the state directory

    @Test func directories() throws {
        try withTemporaryDirectory { root in
            // The root is made with it.
            let directory = StateDirectory(path: "\(root)/run/apus/c1")
            #expect(!directory.exists)
            try directory.make()
            #expect(try FileTree.status(directory.path).mode & 0o777 == 0o711)
            #expect(try FileTree.status("\(root)/run/apus").mode & 0o777 == 0o700)
            let failure = #expect(throws: Failure.self) { try directory.make() }
            #expect(failure?.description.hasPrefix("container with given ID already exists") == true)
            try directory.save(try record())
            #expect(try FileTree.status(directory.recordPath).mode & 0o777 == 0o600)
            #expect(try directory.load().id == "c1")
            try FileTree.makeFIFO(directory.fifoPath, mode: 0o600)
            try directory.remove()
            #expect(!directory.exists)
            try directory.remove()
        }
    }

    @Test func loading() throws {
        try withTemporaryDirectory { root in
            let runtime = runtime(root)
            let missing = #expect(throws: Failure.self) { _ = try runtime.state("c1") }
            #expect(missing?.description == "container does not exist")
            let directory = try save(try record(), below: root)
            try FileTree.replace(directory.recordPath, with: Array("{".utf8), mode: 0o600)
            let damaged = #expect(throws: Failure.self) { _ = try runtime.state("c1") }
            let text = try #require(damaged?.description)
            #expect(text.hasPrefix("\(root)/c1/state.json is damaged: "))
            #expect(text.hasSuffix("; delete the container with --force"))
        }
    }

    // MARK: IDs

    @Test(arguments: [
        "a", "A-Z_0.9+", "...", ".a", "-", "_", String(repeating: "x", count: 1024),
    ])
    func goodIDs(_ id: String) throws {
        #expect(try runtime("/r").directory(id).path == "/r/\(id)")
    }

    @Test(arguments: [
        "", ".", "..", "/", "a/b", "../a", "a b", "a\n", "a\u{0}", "ä", "a:b", "a@b", "a*", "\\", "a/..", "~",
        "e\u{301}", String(repeating: "x", count: 1025),
    ])
    func badIDs(_ id: String) throws {
        let runtime = runtime("/nowhere")
        for verb in [
            { _ = try runtime.state(id) }, { try runtime.start(id) }, { try runtime.delete(id, force: true) },
            { try runtime.kill(id, signal: 15, all: false) },
            { try runtime.create(id, CreateOptions(bundle: "/nowhere")) },
        ] as [() throws -> Void] {
            let failure = #expect(throws: Failure.self) { try verb() }
            #expect(failure?.reason == "invalid container ID format: \"\(id)\"")
        }
    }

    @Test func pidFiles() throws {
        try withTemporaryDirectory { directory in
            let file = try PidFile(directory + "/pid")
            try file.write(42)
            #expect(try FileTree.read(directory + "/pid") == Array("42".utf8), "and no newline")
            try file.write(7)
            #expect(try FileTree.list(directory) == ["pid"])
            let missing = try PidFile(directory + "/none/pid")
            let failure = #expect(throws: Failure.self) { try missing.write(1) }
            #expect(failure?.origin == .option("--pid-file") && failure?.errno == Errno(ENOENT))
        }
    }
}

extension String {
    /// Two equal dictionaries print in different orders.
    fileprivate var sortedIfDictionary: String { hasPrefix("[") ? String(sorted()) : self }
}
