import Testing

@testable import apus_cri

struct ProgressDisplayTests {
    private let start = ContinuousClock.now
    private let digest = "sha256:0123456789abcdef"

    @Test func aLogHasALineForEachStep() {
        var display = ProgressDisplay(.plain, start: start)
        var text = ""
        for (phase, received) in [
            (ProgressDisplay.Phase.fetching, Int64(0)), (.fetching, 10), (.fetching, 2048),
            (.unpacking, 2048), (.done, 2048),
        ] {
            text += display.update(
                index: 0, count: 2, name: digest, phase: phase, received: received, size: 2048)
        }
        text += display.update(index: 1, count: 2, name: "sha256:ff", phase: .present, received: 0, size: 5)
        text += display.end("done")
        #expect(
            text == """
                layer 1 of 2, 0123456789ab: fetching 2.0 KiB
                layer 1 of 2, 0123456789ab: unpacking
                layer 1 of 2, 0123456789ab: done
                layer 2 of 2, ff: is here
                done

                """)
    }

    @Test func aTerminalIsDrawnInPlace() {
        var display = ProgressDisplay(.terminal(columns: 61, rows: 24), start: start)
        let first = display.update(
            index: 0, count: 2, name: digest, phase: .fetching, received: 1 << 20, size: 4 << 20,
            at: start + .seconds(1))
        #expect(
            first == "0123456789ab [=====>                 ] 1.0 MiB of 4.0 MiB\n"
                + "0 of 2 layers, 1.0 MiB of 4.0 MiB, 1.0 MiB/s\n"
                || first.split(separator: "\n").map(\.count).max() ?? 0 <= 60)
        #expect(first.hasPrefix("0123456789ab [") && first.contains("] 1.0 MiB of 4.0 MiB\n"))
        #expect(first.hasSuffix("\n0 of 2 layers, 1.0 MiB of 4.0 MiB, 1.0 MiB/s\n"))
        let second = display.update(
            index: 0, count: 2, name: digest, phase: .unpacking, received: 4 << 20, size: 4 << 20,
            at: start + .seconds(2))
        // Two lines were there.
        #expect(second.hasPrefix("\u{1b}[2F\u{1b}[J0123456789ab [="))
        #expect(second.hasSuffix("] unpacking\n0 of 2 layers, 4.0 MiB of 4.0 MiB, 2.0 MiB/s\n"))
        let third = display.update(
            index: 0, count: 2, name: digest, phase: .done, received: 4 << 20, size: 4 << 20,
            at: start + .seconds(4))
        #expect(third == "\u{1b}[2F\u{1b}[J1 of 2 layers, 4.0 MiB of 4.0 MiB, 1.0 MiB/s\n")
        #expect(display.end("pulled") == "\u{1b}[1F\u{1b}[Jpulled\n")
    }

    @Test func itIsNotDrawnMoreOftenThanPeopleSee() {
        var display = ProgressDisplay(.terminal(columns: 80, rows: 24), start: start)
        let drawings = (0..<1000).filter { number in
            !display.update(
                index: 0, count: 1, name: digest, phase: .fetching, received: Int64(number), size: 1000,
                at: start + .milliseconds(number)
            ).isEmpty
        }
        #expect(drawings.count == 10)
    }

    @Test(arguments: [(1, 1), (5, 2), (20, 3), (200, 5)])
    func noLineIsFoldedAndNoneScrollsAway(_ columns: Int, _ rows: Int) {
        var display = ProgressDisplay(.terminal(columns: columns, rows: rows), start: start)
        var text = ""
        for index in 0..<30 {
            text = display.update(
                index: index, count: 30, name: digest, phase: .fetching, received: 1, size: .max / 64,
                at: start + .seconds(index + 1))
        }
        let lines = text.replacing("\u{1b}[J", with: "\n").split(separator: "\n").drop {
            $0.hasPrefix("\u{1b}")
        }
        #expect(lines.count <= max(1, rows - 1))
        #expect(lines.allSatisfy { $0.count <= max(1, columns - 1) })
    }

    @Test(arguments: [(0.0, ">         "), (0.5, "=====>    "), (0.99, "=========>"), (1.0, "==========")])
    func bars(_ share: Double, _ bar: String) {
        #expect(ProgressDisplay.bar(share, 10) == bar)
    }

    @Test(arguments: [
        (Int64(-1), "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"),
        (.max, "8388608.0 TiB"),
    ])
    func amounts(_ count: Int64, _ text: String) {
        #expect(ProgressDisplay.bytes(count) == text)
    }
}
