import Testing

@testable import apus_cri

struct ProcessMemoryTests {
    private func mapping(_ line: String, anonymous: Int) -> String {
        """
        \(line)
        Size:               1024 kB
        Rss:                 512 kB
        Anonymous:             \(anonymous) kB
        VmFlags: rd mr me

        """
    }

    @Test func onlyWhatIsAsInItsFileIsForgotten() {
        let smaps = [
            mapping("1000-3000 r-xp 00000000 fe:00 17 /usr/bin/apus cri", anonymous: 0),
            // Somebody's breakpoint is in it.
            mapping("3000-3800 r-xp 00002000 fe:00 17 /usr/bin/apus cri", anonymous: 4),
            // Relocated, and write-protected since.
            mapping("3800-4000 r--p 00002800 fe:00 17 /usr/bin/apus cri", anonymous: 8),
            mapping("4000-5000 rw-p 00003000 fe:00 17 /usr/bin/apus cri", anonymous: 0),
            mapping("5000-6000 r-xp 00000000 fe:00 18 /usr/lib/libc.so.6", anonymous: 0),
            mapping("6000-7000 r--p 00000000 00:00 0", anonymous: 0),
            mapping("7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0 [vdso]", anonymous: 0),
            mapping("8000-a000 r--p 00004000 fe:00 17 /usr/bin/apus cri", anonymous: 0),
        ].joined()
        #expect(
            ProcessMemory.mappingsAsInTheirFiles(smaps) == [
                0x1000..<0x3000, 0x5000..<0x6000, 0x8000..<0xa000,
            ])
        #expect(ProcessMemory.mappingsAsInTheirFiles("").isEmpty)
        #expect(
            ProcessMemory.mappingsAsInTheirFiles("what: is this\nAnonymous: 0 kB\n").isEmpty)
    }
}
