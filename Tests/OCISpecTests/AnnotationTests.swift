import Testing

@testable import OCISpec

@Suite struct AnnotationTests {
    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"), ("+/+/", "\u{fb}\u{ff}\u{bf}"),
    ])
    func base64(_ encoded: String, _ text: String) {
        #expect(Base64.decode(encoded) == text.unicodeScalars.map { UInt8($0.value) })
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Z g=", "Zg==Zg==", "Zm9v\n", "_-==",
        "é===",
    ])
    func noBase64(_ text: String) { #expect(Base64.decode(text) == nil) }

    @Test func absentOrEmptyOnesAskForNothing() {
        for text in [nil, ""] {
            var annotations: [String: String] = [:]
            for name in [
                "run.oci.hooks.stdout", "run.oci.hooks.stderr", "run.oci.pidfd_receiver",
                "run.oci.seccomp_bpf_data", "run.oci.seccomp.receiver", "run.oci.mount_context_type",
            ] { annotations[name] = text }
            let asked = RuntimeAnnotations(annotations)
            #expect(asked.hookOutput == nil && asked.hookErrors == nil && asked.pidfdReceiver == nil)
            #expect(asked.filter == nil && asked.seccompReceiver == nil && asked.mountContext == nil)
            #expect(!asked.keepsGroups && !asked.refusesUnknownCalls)
        }
    }

    /// As crun has it: whatever is not 0.
    @Test(arguments: [("0", false), ("1", true), ("true", true), ("false", true), ("", true)])
    func onAndOff(_ text: String, _ isOn: Bool) {
        let annotations = RuntimeAnnotations([
            "run.oci.keep_original_groups": text, "run.oci.seccomp_fail_unknown_syscall": text,
        ])
        #expect(annotations.keepsGroups == isOn && annotations.refusesUnknownCalls == isOn)
    }

    /// The specification's field comes first.
    @Test func receiver() throws {
        func path(_ seccomp: String) throws -> String? {
            let text = #"""
                {"ociVersion":"1.3.0","annotations":{"run.oci.seccomp.receiver":"/a"},"linux":{"seccomp":\#(seccomp)}}
                """#
            return try Config.decode(Array(text.utf8)).linux?.seccomp?.listenerPath
        }
        #expect(try path(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#) == "/a")
        #expect(try path(#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/b"}"#) == "/b")
        #expect(try path("null") == nil)
    }
}
