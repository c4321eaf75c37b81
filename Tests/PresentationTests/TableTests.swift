import Testing

@testable import Presentation

@Suite struct Tables {
    private let header = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]

    /// What `runc list` prints without containers.
    @Test func aHeaderAlone() {
        #expect(
            Table(header: header).text
                == "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n")
    }

    @Test func columnsGrowWithTheirCells() {
        var table = Table(header: header)
        table.add(["c1", "4242", "running", "/tmp/bundles/one", "2026-11-21T01:45:45.123456789Z", "root"])
        table.add(["nine-nine", "0", "stopped", "/b", "2026-11-21T01:45:46Z", "root"])
        #expect(
            table.text == """
                ID          PID         STATUS      BUNDLE             CREATED                          OWNER
                c1          4242        running     /tmp/bundles/one   2026-11-21T01:45:45.123456789Z   root
                nine-nine   0           stopped     /b                 2026-11-21T01:45:46Z             root

                """)
    }

    @Test func threeSpacesAtLeast() {
        var table = Table(header: ["A", "B"])
        table.add(["123456789", "x"])
        #expect(table.text == "A           B\n123456789   x\n")
        table.add(["1234567890", "y"])
        #expect(table.text == "A            B\n123456789    x\n1234567890   y\n")
    }

    @Test func controlCharactersStayOffTheTerminal() {
        var table = Table(header: ["BUNDLE"])
        table.add(["/b\u{1b}[2J\n/c\u{9b}"])
        #expect(table.text == "BUNDLE\n" + #"/b\x1b[2J\x0a/c\x9b"# + "\n")
    }

    @Test func lines() {
        #expect(Text.line("a") == "a\n")
        #expect(Text.line("a\n") == "a\n")
        #expect(Text.line("") == "\n")
    }
}
