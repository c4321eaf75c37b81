import CKernel
import Glibc

/// Time since some moment before the boot's end, which no one sets.
public enum MonotonicClock {
    /// Nanoseconds of CLOCK_MONOTONIC.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// A moment by the processor's counter (counter.h) and by the clock.
public struct CounterReading: Equatable, Sendable {
    public var counter: UInt64
    public var nanoseconds: UInt64

    public init(counter: UInt64, nanoseconds: UInt64) {
        self.counter = counter
        self.nanoseconds = nanoseconds
    }

    /// Both as they are now.
    public static func now() -> CounterReading {
        CounterReading(counter: apus_counter(), nanoseconds: MonotonicClock.now())
    }

    /// By the clock what the counter was between two readings. What was before the first or after the second counts
    /// as that.
    public static func nanoseconds(
        at counter: UInt64, between first: CounterReading, and second: CounterReading
    ) -> UInt64 {
        guard counter > first.counter, second.counter > first.counter else { return first.nanoseconds }
        guard counter < second.counter, second.nanoseconds > first.nanoseconds else {
            return second.nanoseconds
        }
        let share = Double(counter - first.counter) / Double(second.counter - first.counter)
        return first.nanoseconds + UInt64(share * Double(second.nanoseconds - first.nanoseconds))
    }
}
