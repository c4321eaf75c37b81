import CStage
import Diagnosis
import OCISpec

extension Compiler {
    /// A new terminal of the container's own devpts becomes the process's controlling one, and its standard
    /// descriptors.
    ///
    /// - Parameter isConsole: whether it is the container's `/dev/console` too, which takes a mount.
    mutating func openTerminal(_ process: Process, _ pointer: Pointer, isConsole: Bool) {
        guard process.terminal else { return }
        _ = builder.slot(.sync)
        let size = process.consoleSize
        builder.step(
            Operation(
                PLAN_CONSOLE,
                strings: (builder.string("/dev/pts"), isConsole ? builder.string("/dev/console") : 0, 0, 0),
                numbers: (UInt64(size?.height ?? 0), UInt64(size?.width ?? 0), 0, 0)),
            .config(pointer.key("terminal")), "open a terminal of /dev/pts")
    }
}
