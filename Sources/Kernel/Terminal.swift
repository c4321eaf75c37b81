import Diagnosis
import Glibc

/// Terminals of the host (termios(3), ioctl_tty(2)).
public enum Terminal {
    /// The one that a caller types at: behind a standard descriptor, any of which may be redirected, or the
    /// controlling one.
    public static func ofCaller() -> FileDescriptor? {
        for number in Int32(0)...2 where isatty(number) == 1 {
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
            if copy >= 0 { return FileDescriptor(owning: copy) }
        }
        return try? FileDescriptor.open("/dev/tty", O_RDWR | O_NOCTTY)
    }

    /// Gives a terminal a size (TIOCSWINSZ).
    public static func resize(_ number: Int32, rows: UInt16, columns: UInt16) throws(SystemError) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = try system("resize a terminal") { ioctl(number, UInt(TIOCSWINSZ), &size) }
    }

    /// The other end of a terminal's master (TIOCGPTPEER, Linux 4.13), whichever mount of devpts it is of: as long as
    /// that is open, the master does not come to its end.
    public static func openPeer(ofMaster number: Int32) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try system("open a terminal by its master") {
                // _IO('T', 0x41) in asm-generic/ioctls.h.
                ioctl(number, UInt(0x5441), O_RDWR | O_NOCTTY | O_CLOEXEC)
            })
    }

    /// Gives one terminal the size of another. Best effort.
    public static func copySize(from source: Int32, to target: Int32) {
        var size = winsize()
        if ioctl(source, UInt(TIOCGWINSZ), &size) == 0 { _ = ioctl(target, UInt(TIOCSWINSZ), &size) }
    }
}

/// A terminal in raw mode, where every key goes through; as it was before when this value ends.
public struct RawMode: ~Copyable {
    private let terminal: FileDescriptor
    private let before: termios

    /// Of the terminal that the caller types at; `nil` if there is none.
    public static func ofCaller() -> RawMode? {
        guard let terminal = Terminal.ofCaller() else { return nil }
        return RawMode(terminal)
    }

    /// - Returns: `nil` if it is no terminal; then nothing has changed.
    init?(_ terminal: consuming FileDescriptor) {
        var settings = termios()
        guard tcgetattr(terminal.number, &settings) == 0 else { return nil }
        self.terminal = terminal
        before = settings
        cfmakeraw(&settings)
        // What the caller has typed already is the process's.
        _ = tcsetattr(self.terminal.number, TCSANOW, &settings)
    }

    /// The terminal's descriptor.
    public var number: Int32 { terminal.number }

    /// Ends it now.
    public consuming func end() {}

    deinit {
        var settings = before
        _ = tcsetattr(terminal.number, TCSADRAIN, &settings)
    }
}
