import Diagnosis
import Testing

@testable import Labels

@Suite struct AppArmorTests {
    let here: Pointer = "/process/apparmorProfile"
    let enabled = LSMHost(hasAppArmor: true, hasAppArmorAttributes: true)

    @Test func theProfileIsSetOnExec() throws {
        let write = try AppArmor.onExec("docker-default", at: here, host: enabled)
        #expect(write == LabelWrite(file: "attr/apparmor/exec", content: "exec docker-default"))
        let stacked = try AppArmor.onExec("a//&:ns:b c", at: here, host: enabled)
        #expect(stacked?.content == "exec a//&:ns:b c")
    }

    @Test func anOldKernelHasOneAttributeForAll() throws {
        let write = try AppArmor.onExec("p", at: here, host: LSMHost(hasAppArmor: true))
        #expect(write?.file == "attr/exec")
    }

    @Test func noProfileIsNoWrite() throws {
        for host in [enabled, LSMHost()] {
            #expect(try AppArmor.onExec(nil, at: here, host: host) == nil)
            #expect(try AppArmor.onExec("", at: here, host: host) == nil)
        }
    }

    @Test func unconfinedIsAProfileWhereThereAreProfiles() throws {
        #expect(try AppArmor.onExec("unconfined", at: here, host: enabled)?.content == "exec unconfined")
        #expect(try AppArmor.onExec("unconfined", at: here, host: LSMHost()) == nil)
    }

    @Test func aProfileNeedsAppArmor() {
        let failure = #expect(throws: Failure.self) {
            try AppArmor.onExec("docker-default", at: here, host: LSMHost(hasSELinux: true))
        }
        #expect(failure?.origin == .config(here))
        #expect(failure?.reason == "apparmor: config provided but apparmor not supported")
    }

    @Test(arguments: ["a\0b", "a\n", " a", "a ", "\t", "a\nb", "a\r\n", "a\r\nb"])
    func namesTheKernelWouldMisread(_ name: String) {
        for host in [enabled, LSMHost()] {
            let failure = #expect(throws: Failure.self) { try AppArmor.onExec(name, at: here, host: host) }
            #expect(failure?.origin == .config(here))
            #expect(failure?.reason.contains("no name of an AppArmor profile") == true)
        }
    }
}
