import CRIServer
import Diagnosis
import Testing

/// What `Status` tells of a handler comes from what its runtime says of itself.
struct ServiceFeatureTests {
    private func handler(_ json: String, linux: (Int, Int) = (6, 1)) throws -> RuntimeInformation.Handler {
        try RuntimeInformation.Handler(name: "h", features: Array(json.utf8), linux: (linux.0, linux.1))
    }

    private let all = """
        {"ociVersionMin": "1.0.0", "mountOptions": ["ro", "rro"], "annotations": {"a": "b"},
         "linux": {"namespaces": ["cgroup", "user"], "cgroup": {"v2": true},
                   "mountExtensions": {"other": {"enabled": false}, "idmap": {"enabled": true}}}}
        """

    @Test func aRuntimeThatHasAll() throws {
        #expect(try handler(all) == .init(name: "h", recursiveReadOnlyMounts: true, userNamespaces: true))
    }

    @Test func theKernelHasToHaveItToo() throws {
        #expect(try handler(all, linux: (5, 12)).recursiveReadOnlyMounts)
        #expect(try !handler(all, linux: (5, 11)).recursiveReadOnlyMounts)
    }

    @Test(arguments: [
        "{}", #"{"linux": {"namespaces": ["user"]}}"#,
        #"{"linux": {"mountExtensions": {"idmap": {"enabled": true}}}}"#,
        #"{"linux": {"namespaces": ["user"], "mountExtensions": {"idmap": {"enabled": false}}}}"#,
        #"{"mountOptions": ["ro", "bind"], "linux": {"namespaces": ["pid"], "mountExtensions": {"idmap": {"enabled": true}}}}"#,
    ])
    func whatIsNotSaidIsNotThere(_ json: String) throws {
        #expect(try handler(json) == .init(name: "h", recursiveReadOnlyMounts: false, userNamespaces: false))
    }

    @Test func whatIsNoAnswerIsRefused() {
        for json in ["", "[]", #"{"linux": 5}"#, all + "x", #"{"mountOptions": [1]}"#] {
            #expect(throws: Failure.self) { try handler(json) }
        }
    }
}
