import Diagnosis
import Kernel
import OCISpec
import Testing

@testable import Cgroups

/// What the kernel asks: `struct bpf_cgroup_dev_ctx`.
private struct Request: Hashable, CustomStringConvertible {
    var kind: DeviceFilter.Kind
    var major: UInt32
    var minor: UInt32
    var access: DeviceFilter.Access

    var context: [UInt32] { [UInt32(kind.rawValue) | UInt32(access.rawValue) << 16, major, minor] }
    var description: String { "\(kind) \(major):\(minor) \(access.rawValue)" }
}

/// The few instructions that the filter is made of, as the kernel's instruction-set.rst has them.
private func run(_ program: [BPFInstruction], _ context: [UInt32]) -> UInt64? {
    var registers = [UInt64](repeating: 0xdead_beef_dead_beef, count: 11)
    var position = 0
    for _ in 0..<100_000 {
        guard program.indices.contains(position) else { return nil }
        let step = program[position]
        position += 1
        let (to, from) = (Int(step.destination), Int(step.source))
        let low = UInt32(truncatingIfNeeded: registers[to])
        let immediate = UInt32(bitPattern: step.immediate)
        switch step.code {
        case 0x61:  // r = *(u32 *)(context + offset)
            guard from == 1, step.offset % 4 == 0, context.indices.contains(Int(step.offset) / 4) else {
                return nil
            }
            registers[to] = UInt64(context[Int(step.offset) / 4])
        case 0xbc: registers[to] = UInt64(UInt32(truncatingIfNeeded: registers[from]))
        case 0xb4: registers[to] = UInt64(immediate)
        case 0x54: registers[to] = UInt64(low & immediate)
        case 0x74: registers[to] = UInt64(low >> immediate)
        case 0xbf: registers[to] = registers[from]
        case 0xb7: registers[to] = UInt64(bitPattern: Int64(step.immediate))
        case 0x4f: registers[to] |= registers[from]
        case 0x17: registers[to] &-= UInt64(bitPattern: Int64(step.immediate))
        case 0xa4: registers[to] = UInt64(low ^ immediate)
        case 0xc5:
            if Int64(bitPattern: registers[to]) < Int64(step.immediate) { position += Int(step.offset) }
        case 0x56: if low != immediate { position += Int(step.offset) }
        case 0x46: if low & immediate != 0 { position += Int(step.offset) }
        case 0x05: position += Int(step.offset)
        case 0x95: return registers[0]
        default: return nil
        }
    }
    return nil
}

/// The specification's sentence, without any cleverness: the last rule that names a kind of access decides it.
private func expected(_ rules: [DeviceFilter.Rule], _ request: Request) -> Bool {
    for access in [DeviceFilter.Access.read, .write, .makeNode] where request.access.contains(access) {
        let deciding = rules.last { rule in
            (rule.kind == nil || rule.kind == request.kind)
                && (rule.major == nil || rule.major == request.major)
                && (rule.minor == nil || rule.minor == request.minor) && rule.access.contains(access)
        }
        if deciding?.allow != true { return false }
    }
    return true
}

private func filter(_ rules: [Resources.DeviceRule], nodes: [Device] = []) throws(Failure) -> DeviceFilter {
    try DeviceFilter(rules, at: "/linux/resources/devices", nodes: nodes)
}

private func rule(
    _ allow: Bool, _ type: Resources.DeviceRule.Kind? = nil, _ major: Int64? = nil, _ minor: Int64? = nil,
    _ access: String? = "rwm"
) -> Resources.DeviceRule {
    var rule = Resources.DeviceRule(allow: allow)
    rule.type = type
    rule.major = major
    rule.minor = minor
    rule.access = access
    return rule
}

@Suite struct DeviceFilterTests {
    private func allows(
        _ filter: DeviceFilter, _ kind: DeviceFilter.Kind, _ major: UInt32, _ minor: UInt32,
        _ access: DeviceFilter.Access
    ) -> Bool {
        run(filter.instructions, Request(kind: kind, major: major, minor: minor, access: access).context) == 1
    }

    @Test func emptyListAllowsTheDefaultsAlone() throws {
        let filter = try filter([])
        #expect(!filter.allowsEverything && filter.origin == nil)
        for (major, minor) in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, 77), (10, 200)] {
            #expect(allows(filter, .character, UInt32(major), UInt32(minor), .all))
            #expect(!allows(filter, .block, UInt32(major), UInt32(minor), .read))
        }
        for kind in DeviceFilter.Kind.allCases {
            #expect(allows(filter, kind, 4, 64, .makeNode))
            #expect(!allows(filter, kind, 4, 64, .read))
            #expect(!allows(filter, kind, 4, 64, [.read, .makeNode]))
        }
        #expect(!allows(filter, .character, 1, 1, .read), "/dev/mem")
        #expect(!allows(filter, .character, 5, 1, .write), "/dev/console")
    }

    @Test func engineListDeniesFirst() throws {
        let filter = try filter([rule(false), rule(true, .c, 10, 229, "rw"), rule(true, .b, 8, -1, "r")])
        #expect(allows(filter, .character, 10, 229, [.read, .write]))
        #expect(allows(filter, .character, 10, 229, .makeNode), "by the default")
        #expect(allows(filter, .block, 8, 5, .read))
        #expect(!allows(filter, .block, 8, 5, [.read, .write]))
        #expect(allows(filter, .character, 1, 3, .all))
    }

    @Test func privilegedListAllowsEverything() throws {
        #expect(try filter([rule(true)]).allowsEverything)
        #expect(try filter([rule(false), rule(true, .a, -1, -1, "rwm")]).allowsEverything)
        #expect(try filter([rule(true), rule(true, .c, 1, 1, "r")]).allowsEverything)
        #expect(!(try filter([rule(true), rule(false, .c, 1, 1, "w")]).allowsEverything))
        #expect(!(try filter([rule(true, nil, nil, nil, "rw")]).allowsEverything))
        #expect(!(try filter([rule(true, .c)]).allowsEverything))
        // A denial that a default covers denies nothing.
        #expect(try filter([rule(true), rule(false, .c, 1, 3, "r")]).allowsEverything)
    }

    @Test func accessIsDecidedByKind() throws {
        // Two rules that make up an access together; a denial of writing also denies reading and writing.
        let split = try filter([rule(false), rule(true, .c, 9, 9, "r"), rule(true, .c, 9, 9, "w")])
        #expect(allows(split, .character, 9, 9, [.read, .write]))
        let hole = try filter([rule(true), rule(false, .c, 9, 9, "w")])
        #expect(!allows(hole, .character, 9, 9, [.read, .write]))
        #expect(!allows(hole, .character, 9, 9, .write))
        #expect(allows(hole, .character, 9, 9, .read))
        #expect(allows(hole, .character, 9, 8, .all))
    }

    @Test func numbersUseAll32Bits() throws {
        let high = Int64(UInt32.max)
        let filter = try filter([rule(false), rule(true, .c, high, high - 1, "r")])
        #expect(allows(filter, .character, .max, .max - 1, .read))
        #expect(!allows(filter, .character, .max, .max, .read))
    }

    @Test func configuredNodeReplacesTheDefaultsRule() throws {
        let filter = try filter([rule(false)], nodes: [Device(type: .c, path: "/dev/full")])
        #expect(!allows(filter, .character, 1, 7, .read))
        #expect(allows(filter, .character, 1, 3, .read))
    }

    @Test func rulesThatLaterOnesCoverCostNothing() throws {
        let many = Array(repeating: rule(true, .c, 7, 7, "r"), count: 500) + [rule(false)]
        #expect(try filter(many).instructions == filter([rule(false)]).instructions)
        #expect(
            try filter([rule(true), rule(false, .c, 2, 3, "r"), rule(false)]).rules.first?.allow == false)
    }

    @Test(arguments: [
        (rule(true, .c, 1, 1, nil), "access"), (rule(true, .c, 1, 1, ""), "access"),
        (rule(true, .c, 1, 1, "rx"), "access"), (rule(true, .c, -2, 1), "major"),
        (rule(true, .c, 1, 1 << 32), "minor"), (rule(true, .c, .min, 1), "major"),
    ])
    func refusals(_ pair: (Resources.DeviceRule, String)) {
        #expect {
            try filter([rule(false), pair.0])
        } throws: { error in
            (error as? Failure)?.origin
                == .config(Pointer("/linux/resources/devices/1").key(pair.1))
        }
    }

    @Test func randomListsAgreeWithTheReference() throws {
        var random = Seeded(state: 0x5eed)
        var allowed = 0
        var asked = 0
        for _ in 0..<10_000 {
            let rules = (0..<Int.random(in: 0...14, using: &random)).map { _ in Self.randomRule(&random) }
            let filter = try filter(rules)
            let full =
                try rules.enumerated().map { try Self.literal($1, $0) } + DeviceFilter.defaults.map(\.rule)
            let program = filter.instructions
            for _ in 0..<12 {
                let request = Self.randomRequest(&random)
                let answer = expected(full, request)
                #expect(run(program, request.context) == (answer ? 1 : 0), "\(request) for \(rules)")
                asked += 1
                allowed += answer ? 1 : 0
                if filter.allowsEverything { #expect(answer) }
            }
        }
        // Neither answer is rare.
        #expect(allowed > asked / 10 && allowed < asked * 9 / 10)
    }

    static func randomRule(_ random: inout some RandomNumberGenerator) -> Resources.DeviceRule {
        let numbers: [Int64?] = [nil, -1, 0, 1, 3, 5, 7, 136, 0xffff_fff0, 0xffff_ffff]
        return rule(
            Bool.random(using: &random), [nil, .a, .b, .c, .c].randomElement(using: &random)!,
            numbers.randomElement(using: &random)!, numbers.randomElement(using: &random)!,
            ["r", "w", "m", "rw", "rm", "wm", "rwm", "rwm", "mmw"].randomElement(using: &random)!)
    }

    private static func literal(_ rule: Resources.DeviceRule, _ index: Int) throws -> DeviceFilter.Rule {
        var access: DeviceFilter.Access = []
        if rule.access!.contains("r") { access.insert(.read) }
        if rule.access!.contains("w") { access.insert(.write) }
        if rule.access!.contains("m") { access.insert(.makeNode) }
        return .init(
            allow: rule.allow, kind: rule.type == .b ? .block : rule.type == .c ? .character : nil,
            major: rule.major == -1 ? nil : rule.major.map { UInt32($0) },
            minor: rule.minor == -1 ? nil : rule.minor.map { UInt32($0) }, access: access)
    }

    private static func randomRequest(_ random: inout some RandomNumberGenerator) -> Request {
        let numbers: [UInt32] = [0, 1, 2, 3, 5, 7, 136, 0xffff_fff0, 0xffff_ffff]
        return Request(
            kind: Bool.random(using: &random) ? .block : .character,
            major: numbers.randomElement(using: &random)!, minor: numbers.randomElement(using: &random)!,
            access: .init(rawValue: UInt8.random(in: 1...7, using: &random)))
    }
}

/// xorshift64*: the same sequence at each run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
