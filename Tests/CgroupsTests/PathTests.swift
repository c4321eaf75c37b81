import Diagnosis
import Testing

@testable import Cgroups

@Suite struct PathTests {
    private func path(_ cgroupsPath: String?, own: String = "/user.slice/session.scope") throws(Failure)
        -> String
    {
        let names = try CgroupPath.components(
            cgroupsPath: cgroupsPath, id: "c1",
            base: { () throws(Failure) in CgroupPath.parent(of: own, mountRoot: "/") })
        return "/" + names.joined(separator: "/")
    }

    @Test(arguments: [
        // As runc's cgroupfs driver places them for a runtime in /user.slice/session.scope.
        ("/a/b", "/a/b"), ("//a/./b/", "/a/b"), ("/../../a", "/a"), ("/a/../b", "/b"),
        ("/a:b:c", "/a:b:c"),
        ("a/b", "/user.slice/a/b"), ("../../../etc", "/user.slice/etc"), ("a/../../b", "/user.slice/b"),
        ("slice:prefix:name", "/user.slice/slice:prefix:name"), ("./a", "/user.slice/a"),
        ("", "/user.slice/c1"),
    ])
    func places(_ pair: (String, String)) throws {
        #expect(try path(pair.0) == pair.1)
    }

    @Test func absentIsTheIDBesideTheRuntime() throws {
        #expect(try path(nil) == "/user.slice/c1")
        #expect(try path(nil, own: "/") == "/c1")
        #expect(try path(nil, own: "/session.scope") == "/c1")
        #expect(try path(nil, own: "/../other.slice/x.scope") == "/c1")
    }

    @Test(arguments: ["/", "//", "/..", "/a/..", ".", "..", "a/..", "/a\0b"])
    func refusesWhatIsNoChild(_ written: String) {
        #expect {
            try path(written)
        } throws: { error in
            (error as? Failure)?.origin == .config("/linux/cgroupsPath")
        }
    }

    @Test func ownCgroupIsNotAskedForAnAbsolutePath() throws {
        let names = try CgroupPath.components(
            cgroupsPath: "/x", id: "c1",
            base: { () throws(Failure) in throw Failure("asked") })
        #expect(names == ["x"])
    }

    @Test func unifiedLine() {
        #expect(CgroupPath.unified(in: "9:name=systemd:/a\n0::/b/c:d\n") == "/b/c:d")
        #expect(CgroupPath.unified(in: "9:name=systemd:/a\n10::/b\n") == nil)
        #expect(CgroupPath.unified(in: "0::/\n") == "/")
    }

    @Test func parentBelowAMountOfASubtree() {
        #expect(CgroupPath.parent(of: "/docker/ab/init", mountRoot: "/docker/ab") == "/")
        #expect(CgroupPath.parent(of: "/docker/ab/x/init", mountRoot: "/docker/ab") == "/x")
        #expect(CgroupPath.parent(of: "/docker/ab", mountRoot: "/docker/ab") == "/")
        #expect(CgroupPath.parent(of: "/elsewhere/ab", mountRoot: "/docker") == "/elsewhere")
    }

    @Test func legacyHierarchiesHaveOwnPlaces() {
        let text = """
            9:name=systemd:/user.slice/a:b
            4:memory:/process/x
            1:cpu,cpuacct:/
            0::/init.scope
            """
        func own(_ controllers: [String]) -> String? {
            CgroupPath.legacy(LegacyHierarchy(controllers: controllers, mountPoint: "/m"), in: text)
        }
        #expect(own(["memory"]) == "/process/x")
        #expect(own(["cpu", "cpuacct"]) == "/")
        #expect(own(["name=systemd"]) == "/user.slice/a:b")
        #expect(own(["pids"]) == nil)
        #expect(CgroupPath.unified(in: text) == "/init.scope")
    }

    @Test func whatAMountShowsOfAPath() {
        #expect(CgroupPath.visible("/a/b", mountRoot: "/") == "/a/b")
        #expect(CgroupPath.visible("/docker/ab/x", mountRoot: "/docker/ab") == "/x")
        #expect(CgroupPath.visible("/docker/ab", mountRoot: "/docker/ab") == "/")
        #expect(CgroupPath.visible("/../x", mountRoot: "/") == "/")
    }
}
