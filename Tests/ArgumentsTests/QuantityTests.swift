import Testing

@testable import Arguments

@Suite struct QuantityTests {
    /// As docker's go-units reads them, which runc uses.
    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("-1", -1), ("512m", 512 << 20), ("1g", 1 << 30), ("1G", 1 << 30),
            ("2kb", 2048),
            ("2KiB", 2048), ("7b", 7), ("64 kb", 65536), ("1.5k", 1536), ("0.5k", 512), (".5k", 512),
            ("1.7", 1),
            ("1t", 1 << 40), ("3PiB", 3 << 50), ("9223372036854775807", .max),
        ] as [(String, Int64)])
    func sizes(_ written: String, _ bytes: Int64) { #expect(ByteSize.bytes(written) == bytes) }

    @Test(arguments: [
        "", " ", "m", "-2", "-1m", "+1", "1x", "1mm", "1ki", "1bb", "1kbb", "1 2", "1  k", "1.2.3", "0x10",
        "1e3",
        "inf", "nan", ".", "9223372036854775808", "9007199254740992k", "8192p", "٣",
    ])
    func noSizes(_ written: String) { #expect(ByteSize.bytes(written) == nil) }

    @Test(
        arguments: [
            ("5s", 5_000_000_000), ("0", 0), ("-0", 0), ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("300ms", 300_000_000), ("100us", 100_000), ("100µs", 100_000), ("1ns", 1),
            ("-2s", -2_000_000_000),
            ("+.5s", 500_000_000), ("1.s", 1_000_000_000), ("1h0m0.25s", 3_600_250_000_000), ("0.3ns", 0),
        ] as [(String, Int64)])
    func spans(_ written: String, _ nanoseconds: Int64) {
        #expect(TimeSpan.nanoseconds(written) == nanoseconds)
    }

    @Test(arguments: [
        "", "5", "s", "-", ".s", "1d", "1s ", " 1s", "1..2s", "5 s", "1e3s", "300000000h", "1S",
    ])
    func noSpans(_ written: String) { #expect(TimeSpan.nanoseconds(written) == nil) }
}
