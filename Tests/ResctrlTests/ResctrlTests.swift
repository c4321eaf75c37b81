import Diagnosis
import Glibc
import OCISpec
import Testing

@testable import Resctrl

@Suite struct ResctrlTests {
    private let files = FakeResctrl()

    private func request(_ change: (inout IntelRdt) -> Void) throws -> ResctrlRequest {
        var config = IntelRdt()
        change(&config)
        return try ResctrlRequest(config, id: "c1", on: files)
    }

    private func failure(_ change: (inout IntelRdt) -> Void) -> Failure? {
        do {
            _ = try request(change).make()
            return nil
        } catch {
            return error as? Failure
        }
    }

    /// A class of the container's own comes and goes with it; the lines are written in the order that counts.
    @Test func ownClass() throws {
        let group = try request {
            $0.memBwSchema = "MB:0=20"
            $0.l3CacheSchema = "L3:0=f"
            $0.schemata = ["L3:0=ff;1=1", "MB:1=33"]
            $0.enableMonitoring = true
        }.make()
        #expect(files.written == ["L3:0=f", "MB:0=20", "L3:0=ff;1=1", "MB:1=33"])
        #expect(try files.read("c1/schemata") == "    MB:0=20;1=40\n    L3:0=ff;1=1")
        #expect(group.isOwn && group.monitoring == "c1/mon_groups/c1")
        try group.add(pid: 7, on: files)
        #expect(try files.read("c1/tasks") == "7\n" && files.read("c1/mon_groups/c1/tasks") == "7\n")
        try group.remove(from: files)
        #expect(files.groups.isEmpty)
        // And once more, as after an unmount.
        try group.remove(from: files)
    }

    @Test func nothingSaid() throws {
        let group = try request { _ in }.make()
        #expect(files.groups == ["c1"] && files.written.isEmpty && group.isOwn)
    }

    /// One that was there stays, and is not the container's.
    @Test func foundByID() throws {
        try files.makeDirectory("c1")
        let group = try request { $0.l3CacheSchema = "L3:0=f" }.make()
        #expect(!group.isOwn && files.written == ["L3:0=f"])
        try group.remove(from: files)
        #expect(files.groups == ["c1"])
    }

    @Test func namedClass() throws {
        #expect(failure { $0.closID = "gold" }?.origin == .config("/linux/intelRdt/closID"))
        #expect(files.groups.isEmpty)
        let first = try request {
            $0.closID = "gold"
            $0.schemata = ["L3:0=0f", "MB:0=25"]
            $0.enableMonitoring = true
        }.make()
        #expect(!first.isOwn && first.isNew && files.written == ["L3:0=0f", "MB:0=25"])
        // What the kernel made of it is what was asked for: numbers have many forms, bandwidths come in steps.
        let second = try request {
            $0.closID = "gold"
            $0.l3CacheSchema = "L3:0=f"
            $0.memBwSchema = "MB:0=25;1=100"
        }.make()
        #expect(!second.isOwn && !second.isNew && files.written.count == 2)
        let third = failure {
            $0.closID = "gold"
            $0.schemata = ["MB:0=30", "L3:1=3"]
        }
        #expect(third?.origin == .config("/linux/intelRdt/schemata/1") && files.written.count == 2)
        // The last word on L3 is right.
        #expect(
            failure {
                $0.closID = "gold"
                $0.l3CacheSchema = "L3:0=1"
                $0.schemata = ["L3:0=f"]
            } == nil)
        #expect(try request { $0.closID = "gold" }.make().name == "gold")
        // The monitoring group goes, the class stays.
        try first.remove(from: files)
        try second.remove(from: files)
        #expect(files.groups == ["gold"] && !files.exists("gold/mon_groups/c1"))
    }

    @Test func defaultClass() throws {
        let group = try request {
            $0.closID = "/"
            $0.schemata = ["L3:0=7ff"]
            $0.enableMonitoring = true
        }.make()
        #expect(files.groups.isEmpty && files.written.isEmpty)
        try group.add(pid: 9, on: files)
        #expect(try files.read("tasks") == "9\n" && files.read("mon_groups/c1/tasks") == "9\n")
        try group.remove(from: files)
        #expect(!files.exists("mon_groups/c1") && files.exists("schemata"))
        #expect(
            failure {
                $0.closID = "/"
                $0.l3CacheSchema = "L3:0=1"
            }?.origin == .config("/linux/intelRdt/l3CacheSchema"))
    }

    /// What the host lacks is found out before anything is made.
    @Test func refusals() throws {
        #expect(throws: Failure.self) { try ResctrlRequest(IntelRdt(), id: "c1", on: nil) }
        do throws(Failure) {
            _ = try ResctrlRequest(IntelRdt(), id: "c1", on: nil)
        } catch {
            #expect(error.origin == .config("/linux/intelRdt") && error.remedy?.contains("mount") == true)
        }
        #expect(failure { $0.l3CacheSchema = "L2:0=1" }?.origin == .config("/linux/intelRdt/l3CacheSchema"))
        #expect(
            failure { $0.schemata = ["L3:0=1", "nonsense"] }?.origin == .config("/linux/intelRdt/schemata/1"))
        #expect(failure { $0.closID = "info" }?.origin == .config("/linux/intelRdt/closID"))
        files.directories.remove("info/MB")
        files.directories.remove("info/L3_MON")
        #expect(failure { $0.memBwSchema = "MB:0=10" }?.origin == .config("/linux/intelRdt/memBwSchema"))
        #expect(failure { $0.enableMonitoring = true }?.origin == .config("/linux/intelRdt/enableMonitoring"))
        #expect(files.groups.isEmpty && files.written.isEmpty)
    }

    /// What the kernel refuses leaves nothing behind, and comes with its explanation.
    @Test(arguments: [nil, "gold"]) func nothingIsLeft(_ closID: String?) throws {
        let refusal = failure {
            $0.closID = closID
            $0.l3CacheSchema = "L3:0=f"
            $0.schemata = ["L3:1=0"]
        }
        #expect(refusal?.origin == .config("/linux/intelRdt/schemata/0") && refusal?.errno == Errno(EINVAL))
        #expect(refusal?.reason == "Mask out of range" && files.groups.isEmpty)
        for name in ["a", "b", "c"] { try files.makeDirectory(name) }
        let full = failure {
            $0.closID = closID
            $0.l3CacheSchema = "L3:0=f"
        }
        #expect(full?.errno == Errno(ENOSPC) && full?.reason == "Out of CLOSIDs" && full?.remedy != nil)
    }

    /// All lines hold, or none.
    @Test func update() throws {
        let group = try request { $0.l3CacheSchema = "L3:0=f" }.make()
        let before = try group.update([("L3:0=3", .option("--l3-cache-schema"))], on: files)
        #expect(try files.read("c1/schemata").hasSuffix("L3:0=3;1=7ff"))
        group.restore(before, on: files)
        #expect(try files.read("c1/schemata").hasSuffix("L3:0=f;1=7ff"))
        do throws(Failure) {
            _ = try group.update(
                [("L3:0=3", .option("--l3-cache-schema")), ("MB:9=10", .option("--mem-bw-schema"))], on: files
            )
            Issue.record("taken")
        } catch {
            #expect(error.origin == .option("--mem-bw-schema") && error.reason == "Unknown domain")
        }
        #expect(try files.read("c1/schemata").hasSuffix("L3:0=f;1=7ff"))
    }

    @Test func statistics() throws {
        let group = try request {
            $0.schemata = ["L3:0=f", "MB:1=50"]
            $0.enableMonitoring = true
        }.make()
        let text = String(decoding: try group.statistics(from: files), as: UTF8.self)
        #expect(
            text == #"{"l3_cache_info":{"cbm_mask":"7ff","min_cbm_bits":1,"num_closids":4},"#
                + #""l3_cache_schema_root":"L3:0=7ff;1=7ff","l3_cache_schema":"L3:0=f;1=7ff","#
                + #""mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,"num_closids":4},"#
                + #""mem_bw_schema_root":"MB:0=100;1=100","mem_bw_schema":"MB:0=100;1=50","#
                + #""schemata":["    MB:0=100;1=50","    L3:0=f;1=7ff"],"#
                + #""mbm_stats":[{"mbm_total_bytes":5,"mbm_local_bytes":5},{}],"#
                + #""cmt_stats":[{"llc_occupancy":5},{}]}"#)
    }

    @Test func mountPoint() {
        let line = #"36 35 0:31 / /sys/fs/re\040s rw,nosuid shared:9 master:1 - resctrl resctrl rw,mba_MBps"#
        let other =
            "30 35 0:30 / /sys/fs/cgroup rw - cgroup2 resctrl rw\n31 35 0:31 /sub /x rw - resctrl resctrl rw\n"
        #expect(MountedResctrl.mountPoint(mountinfo: other + line + "\n") == "/sys/fs/re s")
        #expect(MountedResctrl.mountPoint(mountinfo: other) == nil)
        #expect(MountedResctrl.mountPoint(mountinfo: "a b\n36 35 0:31 / /x rw -\n") == nil)
    }

    @Test func schemata() throws {
        let schema = try #require(Schema("  L3CODE: 0 = 7f0 ;1=1f"))
        #expect(schema.resource == "L3CODE" && schema.shares.map(\.domain) == ["0", "1"])
        #expect(schema.shares.map(\.value) == ["7f0", "1f"])
        for line in ["", "L3", "L3:", ":0=1", "L3:0", "L3:0=1;x"] { #expect(Schema(line) == nil) }
        let lines = Schema.lines("MB:0=30;1=100\nL3:00=07f0")
        #expect(try #require(Schema("L3:0=0x7F0")).holds(in: lines, bandwidthStep: nil))
        #expect(try !#require(Schema("L3:0=7f1")).holds(in: lines, bandwidthStep: nil))
        #expect(try !#require(Schema("L3:1=7f0")).holds(in: lines, bandwidthStep: nil))
        #expect(try !#require(Schema("L2:0=7f0")).holds(in: lines, bandwidthStep: nil))
        #expect(try #require(Schema("MB:0=21")).holds(in: lines, bandwidthStep: 10))
        #expect(try !#require(Schema("MB:0=31")).holds(in: lines, bandwidthStep: 10))
        #expect(try !#require(Schema("MB:0=21")).holds(in: lines, bandwidthStep: nil))
        #expect(try !#require(Schema("MB:0=\(UInt64.max)")).holds(in: lines, bandwidthStep: 10))
    }
}
