import Diagnosis
import Testing

@Suite struct PointerTests {
    @Test func wholeDocument() {
        #expect(Pointer().description == "")
        #expect(Pointer() == "")
    }

    @Test func keysAndIndexes() {
        let pointer = Pointer("/linux").key("seccomp").key("syscalls").index(3).key("action")
        #expect(pointer == "/linux/seccomp/syscalls/3/action")
        #expect("\(pointer)" == "/linux/seccomp/syscalls/3/action")
    }

    /// RFC 6901, section 3: `~` is `~0` and `/` is `~1`.
    @Test(arguments: [
        ("", "/a/"), ("~", "/a/~0"), ("/", "/a/~1"), ("~1", "/a/~01"), ("m~n", "/a/m~0n"),
        ("a/b~c/", "/a/a~1b~0c~1"), ("net.ipv4/x", "/a/net.ipv4~1x"), ("ü/é", "/a/ü~1é"), (" ", "/a/ "),
        ("0", "/a/0"), ("e\u{301}/", "/a/e\u{301}~1"), ("/\u{301}", "/a/~1\u{301}"),
    ])
    func escaping(_ name: String, _ written: String) {
        let pointer = Pointer("/a").key(name)
        #expect(Array(pointer.description.utf8) == Array(written.utf8))
    }

    @Test(arguments: ["", "a", "~", "/", "~0", "~1", "~01", "a/b~c", "//~~", "\u{0}", "/\u{308}x~"])
    func escapingCanBeUndone(_ name: String) {
        let written = String(Pointer().key(name).description.unicodeScalars.dropFirst())
        #expect(!written.utf8.contains(UInt8(ascii: "/")))
        var restored = ""
        var rest = Array(written.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            guard scalar == "~" else {
                restored.unicodeScalars.append(scalar)
                continue
            }
            let code = rest.popFirst()
            #expect(code == "0" || code == "1")
            restored += code == "0" ? "~" : "/"
        }
        #expect(Array(restored.utf8) == Array(name.utf8))
    }
}
