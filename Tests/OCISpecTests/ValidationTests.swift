import Diagnosis
import OCISpec
import Testing

/// What the fixtures do not show.
@Suite struct ValidationTests {
    @Test(
        arguments: [
            ("", []), ("0", [0...0]), ("0-3,7", [0...3, 7...7]), ("5-5", [5...5]),
            ("4294967295", [.max ... .max]),
        ] as [(String, [ClosedRange<UInt32>])]) func numberLists(text: String, ranges: [ClosedRange<UInt32>])
    {
        #expect(NumberList(text)?.ranges == ranges)
    }

    @Test(arguments: [
        ",", "1,", ",1", "-", "1-", "-1", "+1", "1-+2", "2-1", "1-2-3", "a", "1 ", "4294967296", "0x1",
        "1,,2", "١",
    ]) func notNumberLists(text: String) {
        #expect(NumberList(text) == nil)
    }

    @Test(arguments: [
        ("/", "/"), ("/a", "/a"), ("a", "/a"), ("./a/./b/", "/a/b"), ("//a//b", "/a/b"), ("/a/../../b", "/b"),
        ("..", "/"), ("/...", "/..."), ("/a b/ü", "/a b/ü"),
    ]) func mountTargets(destination: String, target: String) {
        #expect(Mount(destination: destination).target == target)
    }

    @Test(arguments: [
        "net", "net.", "net.a.", "net..a", "net/./a", "net/a/..", "net/\0", "net.a.//.b", "", "/net/a",
        ".net.a",
    ]) func notSettings(name: String) {
        var config = Config(ociVersion: "1.0.0")
        config.root = Root(path: "r")
        config.process = Process(cwd: "/")
        config.process?.args = ["a"]
        config.linux = Linux()
        config.linux?.namespaces = [Namespace(type: .network)]
        config.linux?.sysctl = [Sysctl(name: "net.a", value: "1")]
        #expect(failure { () throws(Failure) in try config.validate() } == nil)
        config.linux?.sysctl = [Sysctl(name: name, value: "1")]
        let failure = failure { () throws(Failure) in try config.validate() }
        #expect(pointer(failure) == Pointer("/linux/sysctl").key(name).description)
        #expect(failure?.reason.contains("\0") == false)
    }

    @Test func mappingsUpToTheLastID() {
        var config = Config(ociVersion: "1.0.0")
        config.root = Root(path: "r")
        config.process = Process(cwd: "/")
        config.process?.args = ["a"]
        config.linux = Linux()
        config.linux?.namespaces = [Namespace(type: .user)]
        let all = [IDMapping(containerID: 0, hostID: 0, size: .max)]
        config.linux?.uidMappings = all
        config.linux?.gidMappings = all
        #expect(failure { () throws(Failure) in try config.validate() } == nil)
        config.process?.user.uid = .max
        #expect(pointer(failure { () throws(Failure) in try config.validate() }) == "/process/user/uid")
        config.process?.user.uid = .max - 1
        #expect(failure { () throws(Failure) in try config.validate() } == nil)
        #expect(!IDMapping(containerID: 5, hostID: 0, size: 1).covers(4))
        #expect(!IDMapping(containerID: 5, hostID: 0, size: 1).covers(6))
    }

    @Test func messagesStayReadable() {
        var config = Config(ociVersion: String(repeating: "x", count: 1_000_000) + "\n")
        #expect(
            failure { () throws(Failure) in try config.validate() }.map { $0.description.count < 300 } == true
        )
        config = Config(ociVersion: "1\n\"2")
        #expect(
            failure { () throws(Failure) in try config.validate() }?.description.hasPrefix(
                #"/ociVersion: "1\u000a\"2" is not a version"#) == true)
    }
}
