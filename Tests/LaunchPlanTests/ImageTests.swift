import CStage
import Diagnosis
import Glibc
import LaunchPlan
import Testing

/// Plans as the stage reads them, and what its verifier makes of damaged ones.
@Suite struct ImageTests {
    @Test(arguments: OrderTests.cases)
    func everyPlanVerifies(_ test: OrderTests.Case) throws {
        #expect(verdict(on: try test.plan.testImage()) == nil)
    }

    @Test func layout() throws {
        let plan = try Circumstances.ordinary.compile(configuration())
        let image = try plan.image(descriptors: [7, 8])
        func word(_ position: Int) -> UInt32 {
            image[(position * 4)..<(position * 4 + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        #expect(Array(image[0..<4]) == Array("APUS".utf8))
        #expect(word(1) == UInt32(PLAN_VERSION))
        #expect(word(2) == UInt32(image.count))
        #expect(word(3) == UInt32(plan.steps.count))
        #expect(word(4) == UInt32(MemoryLayout<plan_header>.size))
        #expect(word(5) == word(4) + word(3) * UInt32(MemoryLayout<plan_op>.size))
        #expect(word(6) == UInt32(plan.arena.count))
        #expect(word(7) == 0)
        let timed = try plan.image(descriptors: [7, 8], isTimed: true)
        #expect(timed[28..<32].elementsEqual([UInt8(PLAN_TIMED), 0, 0, 0]))
        #expect(timed[..<28] == image[..<28] && timed[32...] == image[32...])
        #expect(word(8) == 7 && word(9) == 8 && word(10) == .max, "an empty slot is -1")
        #expect(Array(image[Int(word(5))...]) == plan.arena)
    }

    @Test func aPlanThatIsTooLarge() throws {
        let plan = try compile { config in
            config.process?.args += (0..<20).map { _ in String(repeating: "a", count: 1 << 20) }
        }
        #expect(throws: Failure.self) { _ = try plan.testImage() }
    }

    /// A missing descriptor shows before anything runs.
    @Test func missingDescriptors() throws {
        let plan = try Circumstances.ordinary.compile(configuration())
        var numbers = [Int32](repeating: -1, count: Int(PLAN_SLOTS))
        for descriptor in plan.descriptors { numbers[descriptor.slot] = Int32(descriptor.slot) + 3 }
        for descriptor in plan.descriptors where descriptor.source != .proc && descriptor.source != .cgroup {
            var some = numbers
            some[descriptor.slot] = -1
            #expect(verdict(on: try plan.image(descriptors: some)) != nil, "slot \(descriptor.slot)")
        }
        var standard = numbers
        standard[1] = 2
        #expect(verdict(on: try plan.image(descriptors: standard)) != nil, "a standard descriptor")
    }

    // MARK: damage

    /// Two pages and a bit of a plan, so that what is read beyond its end, at the end of a page, is a crash.
    private final class GuardedRoom {
        let base: UnsafeMutableRawPointer
        let size: Int
        private let whole: Int

        init(_ size: Int) throws {
            let page = Int(sysconf(Int32(_SC_PAGESIZE)))
            self.size = size
            whole = (size + page - 1) / page * page + page
            let start = try #require(
                mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
            try #require(start != MAP_FAILED)
            try #require(mprotect(start + whole - page, page, PROT_NONE) == 0)
            base = start + (whole - page - size) / 8 * 8
            self.start = start
        }

        private let start: UnsafeMutableRawPointer
        deinit { munmap(start, whole) }

        func verdict(_ image: [UInt8]) -> UnsafePointer<CChar>? {
            image.withUnsafeBytes { base.copyMemory(from: $0.baseAddress!, byteCount: size) }
            return stage_verify(base, size)
        }
    }

    /// Images of a few plans with something of everything in them.
    private static func seeds() throws -> [[UInt8]] {
        try ["mounts", "process-confined", "user-namespace-new", "joined", "paths-and-propagation"].map {
            try Circumstances.ordinary.compile(try Sample($0).config).testImage()
        }
    }

    @Test func everyByteOfTheHeader() throws {
        // The one flag that there is makes another good plan.
        let flag = (position: try #require(MemoryLayout<plan_header>.offset(of: \.flags)), bit: 0)
        for image in try Self.seeds() {
            let room = try GuardedRoom(image.count)
            #expect(room.verdict(image) == nil)
            for position in 0..<32 {
                for bit in 0..<8 {
                    var damaged = image
                    damaged[position] ^= 1 << UInt8(bit)
                    let isGood = (position, bit) == flag
                    #expect((room.verdict(damaged) == nil) == isGood, "byte \(position), bit \(bit)")
                }
            }
        }
    }

    @Test func randomBytes() throws {
        var random = SeededGenerator(state: 0x61_7075_73)
        for image in try Self.seeds() {
            let room = try GuardedRoom(image.count)
            var refused = 0
            for _ in 0..<20_000 {
                var damaged = image
                let position = Int.random(in: 0..<image.count, using: &random)
                switch UInt8.random(in: 0..<4, using: &random) {
                case 0: damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: damaged[position] = 0
                case 2: damaged[position] = 0xff
                default: damaged[position] = .random(in: 0...255, using: &random)
                }
                if room.verdict(damaged) != nil {
                    refused += 1
                } else {
                    try #require(Self.isSafe(damaged), "byte \(position) is \(damaged[position])")
                }
            }
            #expect(refused > 1000)
        }
    }

    @Test func severalRandomBytes() throws {
        var random = SeededGenerator(state: 42)
        let image = try Self.seeds()[0]
        let room = try GuardedRoom(image.count)
        for _ in 0..<20_000 {
            var damaged = image
            for _ in 0..<Int.random(in: 2...16, using: &random) {
                damaged[Int.random(in: 0..<image.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            if room.verdict(damaged) == nil { try #require(Self.isSafe(damaged)) }
        }
    }

    @Test func truncated() throws {
        let image = try Self.seeds()[1]
        for size in stride(from: 0, to: image.count, by: 7) {
            let room = try GuardedRoom(max(size, 1))
            #expect(room.verdict(Array(image[..<max(size, 1)])) != nil)
        }
    }

    /// The verifier's promise, checked in another way: every operand lies in the arena, every string ends in
    /// it, every slot is one.
    private static func isSafe(_ image: [UInt8]) -> Bool {
        image.withUnsafeBytes { bytes in
            let header = bytes.loadUnaligned(as: plan_header.self)
            let arena = bytes[Int(header.arena_offset)...].prefix(Int(header.arena_size))
            guard arena.count == Int(header.arena_size), let first = arena.first, first == 0 else {
                return false
            }
            func isString(_ offset: UInt32) -> Bool {
                offset < header.arena_size && arena.dropFirst(Int(offset)).contains(0)
            }
            for index in 0..<Int(header.op_count) {
                let offset = Int(header.op_offset) + index * MemoryLayout<plan_op>.size
                guard offset + MemoryLayout<plan_op>.size <= Int(header.arena_offset) else { return false }
                let op = bytes.loadUnaligned(fromByteOffset: offset, as: plan_op.self)
                guard op.code > 0, UInt32(op.code) < PLAN_OPCODES.rawValue, (-1..<48).contains(op.slot.0),
                    op.slot.1 == -1
                else { return false }
                for (text, unit) in Self.operands(op) {
                    let end = UInt64(text) + UInt64(op.len) * unit
                    if unit > 0 {
                        guard
                            op.len == 0 || (text > 0 && end <= header.arena_size && UInt64(text) % unit == 0)
                        else { return false }
                    } else {
                        guard isString(text) else { return false }
                    }
                }
            }
            return true
        }
    }

    /// The string operands with the size of a thing there; 0 is a string.
    private static func operands(_ op: plan_op) -> [(UInt32, UInt64)] {
        switch plan_opcode(UInt32(op.code)) {
        case PLAN_SECCOMP: [(op.str.0, 8)]
        case PLAN_IDENTITY: [(op.str.0, 4)]
        case PLAN_HOME: [(op.str.0, 1)]
        case PLAN_MOUNT_FS: [(op.str.0, 0), (op.str.1, 0), (op.str.2, 0), (op.str.3, 1)]
        case PLAN_REMOUNT: [(op.str.0, 0), (op.str.3, 1)]
        case PLAN_EXEC, PLAN_LOOKUP: [(op.str.0, 0)]
        default: [(op.str.0, 0), (op.str.1, 0), (op.str.2, 0), (op.str.3, 0)]
        }
    }
}

/// SplitMix64: the same numbers every time.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
