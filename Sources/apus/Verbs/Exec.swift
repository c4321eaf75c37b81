import Arguments
import ContainerRuntime
import Diagnosis

extension Call {
    func exec() throws(Failure) -> Int32 {
        var request = ExecRequest()
        request.processFile = path(.process)
        request.arguments = Array(operands.dropFirst())
        request.cwd = path(.cwd)
        request.environment = options.all(.env)
        request.hasTerminal = options.isOn(.tty)
        request.user = path(.user)
        request.additionalGids = options.all(.additionalGids)
        request.capabilities = options.all(.cap)
        request.noNewPrivileges = options.isOn(.noNewPrivs)
        request.apparmorProfile = path(.apparmor)
        request.processLabel = path(.processLabel)
        request.cgroups = options.all(.cgroup)
        request.ignoresPause = options.isOn(.ignorePaused)
        request.detaches = options.isOn(.detach)
        request.pidFile = path(.pidFile)
        request.consoleSocket = path(.consoleSocket)
        request.pidfdSocket = path(.pidfdSocket)
        request.preserveFds = options.number(.preserveFds) ?? 0
        return try runtime.exec(id, request)
    }
}
