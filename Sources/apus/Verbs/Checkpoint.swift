import Arguments
import ContainerRuntime
import Diagnosis

extension Call {
    func checkpoint() throws(Failure) {
        var checkpoint = CheckpointOptions()
        checkpoint.common = criu()
        checkpoint.parentPath = path(.parentPath)
        checkpoint.leavesRunning = options.isOn(.leaveRunning)
        checkpoint.isPreDump = options.isOn(.preDump)
        checkpoint.tcpSkipInFlight = options.isOn(.tcpSkipInFlight)
        checkpoint.linkRemap = options.isOn(.linkRemap)
        // -1 is none.
        if let number = options.number(.statusFd), number != -1 {
            checkpoint.statusFd = Int32(clamping: number)
        }
        checkpoint.pageServer = path(.pageServer)
        try runtime.checkpoint(id, checkpoint)
    }

    func restore() throws(Failure) -> Int32 {
        var restore = RestoreOptions()
        restore.common = criu()
        restore.bundle = options.text(.bundle) ?? ""
        restore.detaches = options.isOn(.detach)
        restore.pidFile = path(.pidFile)
        restore.consoleSocket = path(.consoleSocket)
        restore.noSubreaper = options.isOn(.noSubreaper)
        restore.noPivot = options.isOn(.noPivot)
        restore.noNewKeyring = options.isOn(.noNewKeyring)
        restore.lsmProfile = path(.lsmProfile)
        restore.lsmMountContext = path(.lsmMountContext)
        return try runtime.restore(id, restore)
    }

    /// The options that both share.
    private func criu() -> CRIUOptions {
        var criu = CRIUOptions()
        criu.imagePath = path(.imagePath)
        criu.workPath = path(.workPath)
        criu.tcpEstablished = options.isOn(.tcpEstablished)
        criu.extUnixSockets = options.isOn(.extUnixSk)
        criu.shellJob = options.isOn(.shellJob)
        criu.lazyPages = options.isOn(.lazyPages)
        criu.fileLocks = options.isOn(.fileLocks)
        criu.cgroupMode = path(.manageCgroupsMode)
        criu.emptyNamespaces = options.all(.emptyNs)
        criu.autoDedup = options.isOn(.autoDedup)
        return criu
    }
}
