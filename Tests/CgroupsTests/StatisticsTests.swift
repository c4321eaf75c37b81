import Diagnosis
import OCISpec
import Testing

@testable import Cgroups

@Suite struct StatisticsTests {
    private func unified(_ files: [String: String]) throws -> Statistics {
        try ContainerCgroup(paths: ["": try keep(FakeCgroup(files)).cgroup.path]).statistics()
    }

    private func json(_ statistics: Statistics) -> String {
        var writer = JSONWriter()
        statistics.encode(to: &writer)
        return writer.text
    }

    /// They go with their last reference.
    private final class Kept { var all: [FakeCgroup] = [] }
    private let kept = Kept()

    private func keep(_ fake: FakeCgroup) -> FakeCgroup {
        kept.all.append(fake)
        return fake
    }

    private static let cpuset =
        #""cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0}"#

    @Test func nothing() throws {
        let statistics = try unified(["cgroup.procs": ""])
        #expect(statistics == Statistics())
        // What runc 1.1.5 prints.
        #expect(
            json(statistics)
                == #"{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{}},"# + Self.cpuset
                + #","memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},"pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}"#
        )
    }

    @Test func everything() throws {
        let statistics = try unified([
            "cpu.stat":
                "usage_usec 30\nuser_usec 10\nsystem_usec 20\ncore_sched.force_idle_usec 0\nnr_periods 4\nnr_throttled 2\nthrottled_usec 7\nnr_bursts 0\nburst_usec 0\n",
            "cpu.pressure":
                "some avg10=1.50 avg60=0.02 avg300=0.00 total=123\nfull avg10=100.00 avg60=0.00 avg300=0.00 total=5\n",
            "memory.stat": "anon 100\nfile 200\nkernel_stack 16384\n",
            "memory.current": "4096\n", "memory.max": "max\n", "memory.peak": "8192\n",
            "memory.swap.current": "10\n", "memory.swap.max": "500\n",
            "pids.current": "3\n", "pids.max": "max\n",
            "io.stat":
                "8:0 rbytes=1 wbytes=0 rios=3 wios=4 dbytes=5 dios=6\n259:1 \n9:1 rbytes=7 wbytes=8 rios=9 wios=10 cost.usage=3\n",
        ])
        #expect(statistics.memory.swap.limit == .max && statistics.memory.swap.usage == 4106)
        #expect(
            json(statistics)
                == #"{"cpu":{"usage":{"total":30000,"kernel":20000,"user":10000},"throttling":{"periods":4,"throttledPeriods":2,"throttledTime":7000},"psi":{"some":{"avg10":1.5,"avg60":0.02,"avg300":0,"total":123},"full":{"avg10":100,"avg60":0,"avg300":0,"total":5}}},"#
                + Self.cpuset
                + #","memory":{"cache":200,"usage":{"limit":18446744073709551615,"usage":4096,"max":8192,"failcnt":0},"swap":{"limit":18446744073709551615,"usage":4106,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"anon":100,"file":200,"kernel_stack":16384}},"pids":{"current":3},"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":1},{"major":8,"op":"Write"},{"major":9,"minor":1,"op":"Read","value":7},{"major":9,"minor":1,"op":"Write","value":8}],"ioServicedRecursive":[{"major":8,"op":"Read","value":3},{"major":8,"op":"Write","value":4},{"major":9,"minor":1,"op":"Read","value":9},{"major":9,"minor":1,"op":"Write","value":10}]},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}"#
        )
    }

    @Test func limits() throws {
        let statistics = try unified([
            "memory.stat": "file 0", "memory.current": "1", "memory.max": "1000", "memory.swap.current": "0",
            "memory.swap.max": "24", "pids.current": "1", "pids.max": "9",
        ])
        #expect(statistics.memory.usage.limit == 1000 && statistics.memory.swap.limit == 1024)
        #expect(statistics.pids.limit == 9)
    }

    @Test func withoutThePidsController() throws {
        #expect(try unified(["cgroup.procs": "1\n20\n300\n"]).pids.current == 3)
    }

    @Test(arguments: [
        ["cpu.stat": "usage_usec x"], ["cpu.stat": "usage_usec"], ["pids.current": "many"],
        ["io.stat": "8:0 rbytes=x"], ["io.stat": "8:x rbytes=1"], ["cpu.pressure": "some avg10=x"],
        ["memory.pressure": "full avg10"], ["memory.stat": "a b c"],
    ])
    func malformed(_ files: [String: String]) {
        let failure = #expect(throws: Failure.self) { try unified(files) }
        #expect(failure?.doing.hasPrefix("parse ") == true)
    }

    @Test func negativeNumbersAreNone() throws {
        #expect(try unified(["memory.stat": "file -4096", "memory.current": "1"]).memory.cache == 0)
    }

    @Test func pageSizes() {
        #expect(StatisticsFile.hugePageSize("hugepages-2048kB") == "2MB")
        #expect(StatisticsFile.hugePageSize("hugepages-1048576kB") == "1GB")
        #expect(StatisticsFile.hugePageSize("hugepages-64kB") == "64KB")
        #expect(StatisticsFile.hugePageSize("hugepages-") == nil && StatisticsFile.hugePageSize("x") == nil)
    }

    // MARK: cgroup v1

    @Test func legacy() throws {
        let fake = try FakeCgroup([
            "cpu.stat": "nr_periods 5\nnr_throttled 1\nthrottled_time 99\n",
            "cpuacct.usage": "500\n", "cpuacct.usage_percpu": "200 300 \n",
            "cpuacct.stat": "user 2\nsystem 3\n",
            "cpuacct.usage_all": "cpu user system\n0 150 50\n1 100 200\n",
            "cpuset.cpus": "0-2,8\n", "cpuset.mems": "0\n", "cpuset.cpu_exclusive": "0\n",
            "cpuset.sched_load_balance": "1\n", "cpuset.sched_relax_domain_level": "-1\n",
            "memory.stat": "cache 11\nrss 12\n", "memory.usage_in_bytes": "100\n",
            "memory.max_usage_in_bytes": "200\n", "memory.failcnt": "1\n",
            "memory.limit_in_bytes": "9223372036854771712\n", "memory.kmem.usage_in_bytes": "7\n",
            "memory.memsw.usage_in_bytes": "101\n", "memory.memsw.limit_in_bytes": "300\n",
            "pids.current": "2\n", "pids.max": "30\n",
            "blkio.throttle.io_serviced": "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n",
            "blkio.throttle.io_service_bytes": "8:0 Read 512\nTotal 512\n",
        ])
        var paths: [String: String] = [:]
        for controller in ["cpu", "cpuacct", "cpuset", "memory", "pids", "blkio"] {
            paths[controller] = fake.cgroup.path
        }
        #expect(
            json(try LegacyStatistics(directories: paths).read())
                == #"{"cpu":{"usage":{"total":500,"percpu":[200,300],"percpu_kernel":[50,200],"percpu_user":[150,100],"kernel":30000000,"user":20000000},"throttling":{"periods":5,"throttledPeriods":1,"throttledTime":99}},"cpuset":{"cpus":[0,1,2,8],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":1,"sched_relax_domain_level":-1},"memory":{"cache":11,"usage":{"limit":9223372036854771712,"usage":100,"max":200,"failcnt":1},"swap":{"limit":300,"usage":101,"failcnt":0},"kernel":{"limit":0,"usage":7,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"cache":11,"rss":12}},"pids":{"current":2,"limit":30},"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":512}],"ioServicedRecursive":[{"major":8,"op":"Read","value":1},{"major":8,"op":"Write","value":2},{"major":8,"op":"Total","value":3}]},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}"#
        )
    }

    @Test func lists() throws {
        #expect(try LegacyStatistics.list("") == [])
        for bad in ["x", "3-1", "1-2-3", "-"] {
            #expect(throws: SystemError.self) { try LegacyStatistics.list(Substring(bad)) }
        }
    }
}
