import Foundation

/// A thread that does something every ten milliseconds until it is told to stop.
final class Stopper {
    private let thread: Thread
    private let done = DispatchSemaphore(value: 0)

    init(_ act: @escaping @Sendable () -> Void) {
        let done = done
        thread = Thread {
            while !Thread.current.isCancelled {
                act()
                usleep(10_000)
            }
            done.signal()
        }
        thread.start()
    }

    func stop() {
        thread.cancel()
        done.wait()
    }
}
