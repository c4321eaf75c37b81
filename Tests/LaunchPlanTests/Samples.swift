import CStage
import Diagnosis
import Foundation
import Labels
import LaunchPlan
import OCISpec
import Testing

/// `spec-fixtures` of the package.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "spec-fixtures")

/// A configuration from `spec-fixtures`: the good ones, and those made for plans.
struct Sample: CustomTestStringConvertible, Sendable {
    let name: String
    let config: Config

    var testDescription: String { name }

    init(_ name: String) throws {
        self.name = name
        let places = ["plans", "good"].map { fixtures.appending(path: "\($0)/\(name).json") }
        let data =
            try places.lazy.compactMap { try? Data(contentsOf: $0) }.first
            ?? Data(contentsOf: places[0])
        config = try Config.decode(Array(data))
        try config.validate()
    }

    /// All of them.
    static let all: [Sample] = {
        let names = ["plans", "good"].flatMap { directory in
            (try? FileManager.default.contentsOfDirectory(atPath: fixtures.appending(path: directory).path))
                ?? []
        }
        return names.filter { $0.hasSuffix(".json") }.sorted().compactMap {
            try? Sample(String($0.dropLast(".json".count)))
        }
    }()
}

/// A host and a command line to compile for.
struct Circumstances: CustomTestStringConvertible, Sendable {
    var name: String
    var facts: HostFacts
    var options: LaunchOptions

    var testDescription: String { name }

    init(_ name: String, _ change: (inout HostFacts, inout LaunchOptions) -> Void = { _, _ in }) {
        self.name = name
        facts = HostFacts(
            rootfs: "/bundle/rootfs", containerID: "c1",
            lsm: LSMHost(hasAppArmor: true, hasAppArmorAttributes: true, hasSELinux: true))
        facts.cgroup = .v2(directory: "/sys/fs/cgroup/c1", unified: true)
        options = LaunchOptions(wait: .fifo)
        change(&facts, &options)
    }

    static let ordinary = Circumstances("ordinary")

    static let all = [
        ordinary,
        Circumstances("run on a hybrid host") { facts, options in
            facts.cgroup = .v2(directory: "/sys/fs/cgroup/unified/c1", unified: false)
            facts.legacyCgroups = [
                .init(
                    controllers: ["cpu", "cpuacct"], name: "cpu,cpuacct",
                    directory: "/sys/fs/cgroup/cpu,cpuacct/c1"),
                .init(controllers: ["memory"], name: "memory", directory: "/sys/fs/cgroup/memory/own/c1"),
                .init(controllers: ["name=systemd"], name: "systemd", directory: "/sys/fs/cgroup/systemd/c1"),
            ]
            options.wait = .runtime
        },
        Circumstances("without cgroups, by moving the root") { facts, options in
            facts.cgroup = .none
            facts.hasKcore = false
            options.noPivot = true
            options.noNewKeyring = true
        },
        Circumstances("an old kernel") { facts, _ in facts.clonesIntoCgroup = false },
        Circumstances("without privilege") { facts, options in
            facts.isPrivileged = false
            facts.ownCapabilities = 0
            options.preservedDescriptors = 3
            options.listenDescriptors = 2
        },
    ]

    func compile(_ config: Config) throws -> Plan {
        try Compiler.compile(config, facts: facts, options: options)
    }
}

/// The smallest configuration there is, changed.
func configuration(_ change: (inout Config) -> Void = { _ in }) -> Config {
    var config = Config(ociVersion: "1.3.0")
    config.root = Root(path: "rootfs")
    var process = Process(cwd: "/")
    process.args = ["/bin/true"]
    config.process = process
    var linux = Linux()
    linux.namespaces = [Namespace(type: .mount)]
    config.linux = linux
    change(&config)
    return config
}

func compile(
    in circumstances: Circumstances = .ordinary, _ change: (inout Config) -> Void
) throws -> Plan {
    try circumstances.compile(configuration(change))
}

// MARK: looking at plans

extension Plan {
    func positions(_ code: plan_opcode) -> [Int] {
        steps.indices.filter { steps[$0].op.code == code.rawValue }
    }

    func first(_ code: plan_opcode) -> Int? { positions(code).first }

    func has(_ code: plan_opcode) -> Bool { first(code) != nil }

    func operations(_ code: plan_opcode) -> [LaunchPlan.Operation] { positions(code).map { steps[$0].op } }

    /// The calls of CALL by name, with their positions.
    func calls(_ call: plan_call) -> [Int] {
        positions(PLAN_CALL).filter { steps[$0].op.numbers.0 == UInt64(call.rawValue) }
    }

    /// The calls of prctl(2) with this option.
    func prctls(_ option: Int32) -> [Int] {
        calls(PLAN_CALL_prctl).filter { steps[$0].op.numbers.1 == UInt64(option) }
    }

    /// Where the stage waits for the runtime at a rendezvous of this name.
    func position(ofRendezvous name: String) -> Int? {
        positions(PLAN_SYNC).first { rendezvous[Int(steps[$0].op.numbers.0)].name == name }
    }

    func actions(at name: String) -> [Action]? { rendezvous.first { $0.name == name }?.actions }

    /// A string of the arena.
    func text(_ offset: UInt32) -> String {
        String(decoding: arena[Int(offset)...].prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Strings in a row.
    func texts(_ offset: UInt32, _ count: Int) -> [String] {
        arena[Int(offset)...].split(separator: 0, maxSplits: count, omittingEmptySubsequences: false)
            .prefix(count).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A MOUNT_FS or REMOUNT's options, `key` or `key=value`.
    func mountData(_ op: LaunchPlan.Operation) -> [String] {
        var rest = arena[Int(op.strings.3)...].prefix(Int(op.length))
        var options: [String] = []
        func word() -> String {
            let bytes = rest.prefix { $0 != 0 }
            rest = rest.dropFirst(bytes.count + 1)
            return String(decoding: bytes, as: UTF8.self)
        }
        while let kind = rest.popFirst() {
            options.append(Int32(kind) == PLAN_OPTION_STRING ? word() + "=" + word() : word())
        }
        return options
    }

}

/// What `stage_verify` says of an image; `nil` is that it is a plan.
func verdict(on image: [UInt8]) -> String? {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: max(image.count, 8), alignment: 8)
    defer { room.deallocate() }
    room.copyBytes(from: image)
    return stage_verify(room.baseAddress, image.count).map { String(cString: $0) }
}

extension Plan {
    /// The image with descriptor numbers as a stage has them, from 3 on.
    func testImage() throws -> [UInt8] {
        var slots = [Int32](repeating: -1, count: Int(PLAN_SLOTS))
        for (number, slot) in descriptors.map(\.slot).sorted().enumerated() {
            slots[slot] = Int32(3 + number)
        }
        return try image(descriptors: slots)
    }

    /// What is to be open in a slot.
    func source<Slot: BinaryInteger>(_ slot: Slot) -> DescriptorSource? {
        descriptors.first { $0.slot == Int(slot) }?.source
    }
}
