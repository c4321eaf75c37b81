import Arguments
import ContainerRuntime
import Diagnosis

extension Call {
    func create() throws(Failure) { try runtime.create(id, creation()) }

    func run() throws(Failure) -> Int32 {
        var creation = creation()
        creation.detaches = options.isOn(.detach)
        return try runtime.run(
            id, creation, keep: options.isOn(.keep),
            noSubreaper: options.isOn(.noSubreaper))
    }

    /// The options that create, run and plan share. An empty value counts as none, as in runc.
    func creation() -> CreateOptions {
        var creation = CreateOptions(bundle: options.text(.bundle) ?? "")
        creation.config = path(.config)
        creation.consoleSocket = path(.consoleSocket)
        creation.pidfdSocket = path(.pidfdSocket)
        creation.pidFile = path(.pidFile)
        creation.noPivot = options.isOn(.noPivot)
        creation.noNewKeyring = options.isOn(.noNewKeyring)
        creation.preserveFds = options.number(.preserveFds) ?? 0
        return creation
    }

    /// An option's text, if there is any.
    func path(_ name: Flag.Name) -> String? {
        guard let path = options.text(name), !path.isEmpty else { return nil }
        return path
    }
}
