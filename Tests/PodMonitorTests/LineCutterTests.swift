import Testing

@testable import PodMonitor

@Suite struct LineCutterTests {
    /// What comes of some reads, and then of the end.
    private func cut(_ reads: [String], ends: Bool = true) -> [String] {
        var cutter = LineCutter(.stdout)
        var output: [UInt8] = []
        for (index, read) in reads.enumerated() {
            // What stands behind `count` in the buffer is of an earlier read.
            let bytes = Array(read.utf8)
            cutter.cut(bytes + Array("old\n".utf8), count: bytes.count, time: "T\(index)", into: &output)
        }
        if ends { cutter.end(time: "E", into: &output) }
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func lines() {
        #expect(cut(["a\nb\n"]) == ["T0 stdout F a", "T0 stdout F b"])
        #expect(cut(["\n\n"]) == ["T0 stdout F ", "T0 stdout F "])
        #expect(cut([""]) == [])
    }

    @Test func aLineInParts() {
        #expect(cut(["a", "b", "c\nd"], ends: false) == ["T2 stdout F abc"])
        #expect(cut(["a", "b", "c\nd"]) == ["T2 stdout F abc", "E stdout P d"])
        #expect(cut(["a", "\n"]) == ["T1 stdout F a"])
    }

    @Test func theEndIsTold() {
        var cutter = LineCutter(.stderr)
        var output: [UInt8] = []
        cutter.end(time: "E", into: &output)
        #expect(output.isEmpty)
    }

    @Test func piecesAreOfSixteenKilobytes() {
        let limit = LineCutter.limit
        let full = String(repeating: "x", count: limit)
        #expect(cut([full + "\n"]) == ["T0 stdout F " + full])
        #expect(cut([full, "\n"]) == ["T1 stdout F " + full])
        #expect(cut([full + "y\n"]) == ["T0 stdout P " + full, "T0 stdout F y"])
        #expect(cut([full + full + "\n"]) == ["T0 stdout P " + full, "T0 stdout F " + full])
        #expect(cut([full, full, "y"]) == ["T1 stdout P " + full, "T2 stdout P " + full, "E stdout P y"])
    }

    /// However the bytes come, the pieces put together are the bytes.
    @Test func anyCut() {
        var text = ""
        for length in [0, 1, 5, 16_383, 16_384, 16_385, 40_000, 0, 3] {
            text += String(repeating: "a", count: length) + "\n"
        }
        text += "end"
        let whole = cut([text]).map { String($0.drop { $0 != " " }) }
        for size in [1, 7, 4096, 16_384, 16_385] {
            var reads: [String] = []
            var rest = Substring(text)
            while !rest.isEmpty {
                reads.append(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(cut(reads).map { String($0.drop { $0 != " " }) } == whole)
        }
    }
}
