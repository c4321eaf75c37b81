import Arguments
import Glibc
import Kernel

let begun = MonotonicClock.now()
StandardDescriptors.open()
// Nothing is buffered and nothing waits to be torn down, so `exit` has no work that `_exit` would miss.
_exit(Session.run(CommandLine.arguments, begun: begun))
