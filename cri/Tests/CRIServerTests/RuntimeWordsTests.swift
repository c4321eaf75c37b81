import Testing

@testable import CRIServer

@Suite struct RuntimeWordsTests {
    @Test(arguments: [
        (
            #"time="2026-11-22T02:12:21Z" level=error msg="apus create failed: exec: \"/no\": not there""#
                + "\n",
            #"apus create failed: exec: "/no": not there"#
        ),
        (
            #"{"level":"warning","msg":"first","time":"x"}"# + "\n"
                + #"{"level":"error","msg":"a \"b\"\nc","time":"y"}"#,
            "a \"b\"\nc"
        ),
        ("time=\"x\" level=error msg=short\n", "short"),
        ("something else\n\n  \n", "something else"),
        ("time=\"x\" level=error msg=\"the reason\"\nusage: …\n", "the reason"),
        ("", ""),
    ])
    func lastMessage(_ log: String, _ words: String) {
        #expect(RuntimeWords.last(of: log) == words)
    }
}
