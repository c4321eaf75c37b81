import Testing

@testable import Capabilities

@Suite struct CapabilitySetTests {
    @Test func namesBecomeBits() {
        let (set, unknown) = CapabilitySet.parse(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"])
        #expect(set.rawValue == 1 | 1 << 21 | 1 << 40)
        #expect(unknown.isEmpty)
        #expect(set.names == ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"])
    }

    @Test func orderAndRepeatsDoNotMatter() {
        let (set, unknown) = CapabilitySet.parse(["CAP_KILL", "CAP_BPF", "CAP_KILL", "CAP_X", "CAP_X"])
        #expect(set == CapabilitySet.parse(["CAP_BPF", "CAP_KILL"]).set)
        #expect(unknown == ["CAP_X"])
    }

    @Test func nothingIsNothing() {
        #expect(CapabilitySet.parse([]).set == [])
        #expect(CapabilitySet([]).names == [])
    }

    @Test(arguments: [
        "chown", "CHOWN", "cap_chown", "Cap_Chown", "CAP_chown", "CAP_", "CAP", "", "CAP_CHOWN ",
        " CAP_CHOWN",
        "CAP_CHOWN,CAP_KILL", "CAP_CHOWN\0", "CAP_CHOWN\0X", "CAP_0", "0", "21", "CAP_21", "CAP_ALL", "ALL",
        "all", "CAP_CHÖWN", "CAP_CHOWN=ep", "CAP_NO_SUCH_CAPABILITY", "CAP_LAST_CAP",
    ])
    func otherSpellingsAreUnknown(_ name: String) {
        let (set, unknown) = CapabilitySet.parse([name, "CAP_KILL"])
        #expect(set.rawValue == 1 << 5)
        #expect(unknown == [name])
    }

    @Test func laterThanTheKernelIsUnknown() {
        let names = ["CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"]
        let (set, unknown) = CapabilitySet.parse(names, upTo: 38)
        #expect(set.rawValue == 1 << 38)
        #expect(unknown == ["CAP_BPF", "CAP_CHECKPOINT_RESTORE"])
        #expect(CapabilitySet.parse(names, upTo: -1).unknown == names)
    }

    @Test func everyNumberHasItsName() {
        let known = (0...63).compactMap { CapabilitySet.name(of: $0) }
        #expect(known.count >= 41)
        for (number, name) in known.enumerated() { #expect(CapabilitySet.number(of: name) == number) }
        #expect(known.first == "CAP_CHOWN")
        #expect(known[37] == "CAP_AUDIT_READ")
        for number in [-1, 63, 64, 1000, .max, .min] { #expect(CapabilitySet.name(of: number) == nil) }
    }

    @Test func allUpToTheLast() {
        #expect(CapabilitySet.all(upTo: 0).rawValue == 1)
        #expect(CapabilitySet.all(upTo: 40).rawValue == 0x1ff_ffff_ffff)
        #expect(CapabilitySet.all(upTo: 63).rawValue == .max)
        #expect(CapabilitySet.all(upTo: .max).rawValue == .max)
        #expect(CapabilitySet.all(upTo: -1) == [])
        #expect(CapabilitySet.all(upTo: .min) == [])
        #expect(CapabilitySet.all(upTo: 40).names.count == 41)
        #expect(CapabilitySet.all(upTo: 40).names.last == "CAP_CHECKPOINT_RESTORE")
    }

    @Test func whatCannotBeGrantedHasNames() {
        let wanted = CapabilitySet.parse(["CAP_SYS_BOOT", "CAP_KILL", "CAP_SYS_ADMIN"]).set
        let bounding = CapabilitySet.parse(["CAP_KILL", "CAP_CHOWN"]).set
        #expect(wanted.subtracting(bounding).names == ["CAP_SYS_ADMIN", "CAP_SYS_BOOT"])
        #expect(wanted.intersection(bounding).names == ["CAP_KILL"])
        #expect(wanted.has(21) && !wanted.has(20) && !wanted.has(-1) && !wanted.has(64))
    }
}
