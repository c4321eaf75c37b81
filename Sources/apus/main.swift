import Arguments
import Glibc
import Kernel
import PodMonitor

let begun = MonotonicClock.now()
StandardDescriptors.open()
// Of the CRI daemon alone, and in no list of commands.
if CommandLine.arguments.count > 1, CommandLine.arguments[1] == "pod-monitor" {
    _exit(PodMonitor.start(Array(CommandLine.arguments[2...])))
}
// Nothing is buffered and nothing waits to be torn down, so `exit` has no work that `_exit` would miss.
_exit(Session.run(CommandLine.arguments, begun: begun))
