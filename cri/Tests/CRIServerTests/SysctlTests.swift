import Testing

@testable import CRIServer

@Suite struct SysctlTests {
    @Test(arguments: [
        "net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding", "kernel.shm_rmid_forced", "kernel.sem",
        "fs.mqueue.msg_max", "kernel/shmmax",
    ])
    func belongsToThePod(_ name: String) throws {
        try Sysctls.check(name, hasOwnNetwork: true, hasOwnIPC: true)
    }

    @Test(arguments: [
        "kernel.panic", "vm.swappiness", "net", "", "net..x", "net/../kernel/panic", "kernel.hostname",
        "fs.file-max", "kernel.shmmax.x",
    ])
    func wouldChangeTheHost(_ name: String) {
        #expect(throws: CRIError.self) { try Sysctls.check(name, hasOwnNetwork: true, hasOwnIPC: true) }
    }

    @Test func needsTheNamespace() {
        #expect(throws: CRIError.self) {
            try Sysctls.check("net.core.somaxconn", hasOwnNetwork: false, hasOwnIPC: true)
        }
        #expect(throws: CRIError.self) {
            try Sysctls.check("kernel.shmmax", hasOwnNetwork: true, hasOwnIPC: false)
        }
    }
}
