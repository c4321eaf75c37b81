import CStage
import Diagnosis
import Glibc
import Kernel
import LaunchPlan
import Testing

@testable import ContainerRuntime

@Suite(.serialized) struct StageReportTests {
    /// A page as the stage writes it.
    private func page(
        state: report_state = REPORT_FAILED, step: Int, call: Int = Int(UInt32.max), error: Int32 = 0,
        fault: report_fault = FAULT_NONE, detail: String = "", length: UInt32? = nil
    ) -> [UInt8] {
        var report = stage_report()
        report.state = state.rawValue
        report.op = UInt32(step)
        report.call = UInt32(call)
        report.error = error
        report.fault = fault.rawValue
        report.length = length ?? UInt32(detail.utf8.count)
        report.listener = -1
        withUnsafeMutableBytes(of: &report.detail) { $0.copyBytes(from: detail.utf8.prefix($0.count)) }
        let bytes = withUnsafeBytes(of: &report) { Array($0) }
        return bytes + [UInt8](repeating: 0, count: Int(REPORT_SIZE) - bytes.count)
    }

    private func position(_ code: plan_opcode, in plan: Plan) throws -> Int {
        try #require(plan.steps.firstIndex { $0.op.code == code.rawValue })
    }

    @Test func fields() throws {
        let report = StageReport(
            page(step: 7, call: 165, error: EPERM, fault: FAULT_ESCAPED, detail: "/a b/ü: \"x\""))
        #expect(report.hasFailed)
        #expect(report.step == 7 && report.call == 165 && report.errno == Errno(EPERM))
        #expect(report.fault == FAULT_ESCAPED.rawValue)
        #expect(report.detail == "/a b/ü: \"x\"")
        #expect(!StageReport(page(state: REPORT_RUNNING, step: 7)).hasFailed)
        #expect(StageReport(page(step: 0, error: -1)).errno == nil)
        #expect(StageReport(page(step: 0, error: 4096)).errno == nil)
    }

    // MARK: what engines look for

    @Test(arguments: [
        ("sh", ENOENT, #"exec: "sh": executable file not found in $PATH"#),
        ("sh", ENOTDIR, #"exec: "sh": executable file not found in $PATH"#),
        ("sh", EACCES, #"exec: "sh": permission denied (EACCES)"#),
        ("sh", EISDIR, #"exec: "sh": is a directory: permission denied (EACCES)"#),
        ("/x", ENOENT, #"exec: "/x": stat /x: no such file or directory (ENOENT)"#),
        ("./x", ENOENT, #"exec: "./x": stat ./x: no such file or directory (ENOENT)"#),
        ("/x/y", ENOTDIR, #"exec: "/x/y": stat /x/y: not a directory (ENOTDIR)"#),
        ("/x", EACCES, #"exec: "/x": permission denied (EACCES)"#),
        ("/x", EISDIR, #"exec: "/x": is a directory: permission denied (EACCES)"#),
        ("/x", ELOOP, #"exec: "/x": too many levels of symbolic links (ELOOP)"#),
    ])
    func missingExecutables(_ name: String, _ error: Int32, _ words: String) throws {
        let plan = try plan([name])
        let report = StageReport(
            page(
                step: try position(PLAN_LOOKUP, in: plan), error: error, fault: FAULT_NO_EXECUTABLE,
                detail: "/bin/\(name)"))
        #expect(report.failure(of: plan, status: .exited(1)).description == "/process/args/0: " + words)
    }

    @Test func aStepThatFailed() throws {
        let plan = try plan()
        let pivot = try position(PLAN_PIVOT, in: plan)
        let call = try #require(
            (0..<1000).first { stage_syscall_name($0).map { String(cString: $0) } == "pivot_root" })
        let failure = StageReport(page(step: pivot, call: Int(call), error: EINVAL))
            .failure(of: plan, status: .exited(1))
        #expect(
            failure.description == "/root/path: pivot to /b/rootfs: pivot_root: invalid argument (EINVAL)")
        let fault = StageReport(
            page(step: pivot, error: ENOTDIR, fault: FAULT_NOT_DIRECTORY, detail: "/data"))
        #expect(
            fault.failure(of: plan, status: nil).description
                == "/root/path: pivot to /b/rootfs: /data: not a directory")
        let words = StageReport(page(step: pivot, call: Int(call), error: EINVAL, detail: "tmpfs: Bad value"))
        #expect(words.failure(of: plan, status: nil).description.hasSuffix("(EINVAL): tmpfs: Bad value"))
    }

    @Test func aProcessThatWasKilled() throws {
        let plan = try plan()
        let exec = plan.steps.count - 1
        let report = StageReport(page(state: REPORT_RUNNING, step: exec))
        #expect(
            report.failure(of: plan, status: .killed(signal: SIGSYS)).reason.hasPrefix("killed by SIGSYS"))
        #expect(
            report.failure(of: plan, status: .killed(signal: 9)).reason == "the process ended by signal 9")
        #expect(report.failure(of: plan, status: .exited(3)).reason == "the process ended with status 3")
        #expect(report.failure(of: plan, status: nil).origin == .config("/process/args"))
    }

    @Test func aPlanThatWasRefused() throws {
        let plan = try plan()
        let refused = StageReport(page(step: 1 << 20, fault: FAULT_PLAN, detail: "it has no ops"))
        let silent = StageReport(page(state: REPORT_FRESH, step: 0))
        // Where the stage launched last could not be exec'd, that says it all; another test sees to that.
        let error = Child.lastExecError.map { "exec the stage: \($0)" }
        #expect(
            refused.failure(of: plan, status: nil).description
                == error ?? "the stage refused its plan: it has no ops")
        #expect(
            silent.failure(of: plan, status: .exited(126)).description
                == error ?? "the stage ended before its first step with status 126")
    }

    /// Every fault has words of its own.
    @Test func faults() throws {
        let plan = try plan()
        var texts: Set<String> = []
        for number in FAULT_PLAN.rawValue...FAULT_RUNTIME_GONE.rawValue {
            let report = StageReport(page(step: 0, fault: report_fault(number)))
            let text = report.failure(of: plan, status: nil).reason
            #expect(!text.isEmpty)
            texts.insert(text)
        }
        #expect(texts.count == Int(FAULT_RUNTIME_GONE.rawValue))
    }

    // MARK: hostile pages

    @Test func lengths() throws {
        for length in [2048, 2049, 4096, 0x7fff_ffff, UInt32.max] {
            let report = StageReport(
                page(step: 0, detail: String(repeating: "x", count: 2048), length: length))
            #expect(report.detail == String(repeating: "x", count: 2048))
        }
        #expect(StageReport(page(step: 0, detail: "abc", length: 2)).detail == "ab")
        for size in [0, 1, 3, 4, 23, 24, 27, 28, 29, 100] {
            let report = StageReport([UInt8](repeating: 0xff, count: size))
            #expect(!report.hasFailed)
            _ = report.failure(of: try plan(), status: nil)
        }
    }

    @Test func steps() throws {
        let plan = try plan()
        for step in [plan.steps.count, Int(Int32.max), 1 << 31, Int(UInt32.max)] {
            let failure = StageReport(page(step: step, error: EPERM)).failure(of: plan, status: nil)
            #expect(failure.origin == .runtime)
        }
    }

    /// What ends up in somebody's terminal must not command it.
    @Test func controlCharacters() {
        let report = StageReport(
            page(step: 0, detail: "a\u{1b}[2Jb\r\n\t\u{7}c\u{7f}d\u{9b}31me\u{0}f\u{85}g ü"))
        #expect(report.detail == "a[2Jbcd31mefg ü")
    }

    @Test func notText() {
        var bytes = page(step: 0, detail: "xxxx")
        let start = MemoryLayout<stage_report>.offset(of: \.detail) ?? 0
        bytes.replaceSubrange(start..<(start + 4), with: [0x61, 0xff, 0xc0, 0x62])
        #expect(StageReport(bytes).detail == "a\u{fffd}\u{fffd}b")
    }

    @Test func randomPages() throws {
        var random = SystemRandomNumberGenerator()
        let plan = try plan()
        for round in 0..<400 {
            var bytes = (0..<Int(REPORT_SIZE) / 8).flatMap { _ in
                withUnsafeBytes(of: UInt64.random(in: 0...(.max), using: &random)) { Array($0) }
            }
            // Half of them with a state and a step that are some.
            if round % 2 == 0 {
                bytes.replaceSubrange(0..<8, with: [2, 0, 0, 0, UInt8(round % plan.steps.count), 0, 0, 0])
            }
            let report = StageReport(bytes)
            let text = report.failure(of: plan, status: .exited(1)).description
            let isClean = text.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value)
            }
            try #require(isClean && !text.isEmpty, "\(bytes)")
        }
    }
}
