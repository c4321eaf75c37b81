import Diagnosis
import Kernel
import MonitorProtocol

/// `apus pod-monitor`: watches over the containers of one pod for the CRI daemon, which may come and go meanwhile.
public enum PodMonitor {
    /// Ends when the monitor, by then nobody's child but init's, listens.
    ///
    /// - Parameter words: what follows the verb on the command line.
    /// - Returns: the exit status: 0, or 1 after saying why on standard error.
    public static func start(_ words: [String]) -> Int32 {
        do throws(MonitorFailure) {
            try start(try Options(words))
            return 0
        } catch {
            let message = Array("apus pod-monitor: \(error.text)\n".utf8)
            try? StandardDescriptors.copy(2).writeAll(message, name: "standard error")
            return 1
        }
    }

    private static func start(_ options: Options) throws(MonitorFailure) {
        let words: [UInt8]
        do throws(SystemError) {
            Allocator.beFrugal()
            try makeRecordDirectory(options)
            let listener = try listen(at: options.socket)
            do throws(SystemError) {
                // Whoever writes it is what is moved.
                for cgroup in options.cgroups { try FileTree.write("0", to: "\(cgroup)/cgroup.procs") }
                let pipe = try Pipe.make()
                guard case .parent(let child) = try Daemon.fork() else {
                    detach(options, listener, pipe)
                }
                words = try pipe.takeReadEnd().readAll(limit: 4096, name: "what the monitor says")
                _ = ProcessControl.wait(pid: child)
            } catch {
                try? FileTree.unlink(options.socket)
                throw error
            }
        } catch {
            throw MonitorFailure(.system, error.description, errno: error.errno.rawValue)
        }
        if words == Array("ready".utf8) { return }
        try? FileTree.unlink(options.socket)
        throw MonitorFailure(
            .system, words.isEmpty ? "the monitor has ended" : String(decoding: words, as: UTF8.self))
    }

    /// Its parent is the daemon's to make: one that is gone belongs to a pod that is being removed.
    private static func makeRecordDirectory(_ options: Options) throws(SystemError) {
        do throws(SystemError) {
            try FileTree.makeDirectory("\(options.state)/exits", mode: 0o700)
        } catch  where error.errno == Errno(17) {
            // The daemon has made it.
        }
    }

    /// A file that a monitor has left there is in nobody's way.
    private static func listen(at path: String) throws(SystemError) -> FileDescriptor {
        do throws(SystemError) {
            return try PacketSocket.listen(at: path)
        } catch  where error.errno == Errno(98) {
            do throws(SystemError) {
                _ = try PacketSocket.connect(to: path)
            } catch let refusal where refusal.errno == Errno(111) {
                try FileTree.unlink(path)
                return try PacketSocket.listen(at: path)
            }
            // Somebody listens.
            throw error
        }
    }

    /// The child: begins a session, and leaves its own child behind.
    private static func detach(
        _ options: Options, _ listener: consuming FileDescriptor, _ pipe: consuming Pipe
    ) -> Never {
        let ready = pipe.writeNumber
        let monitor: Monitor
        do throws(SystemError) {
            try Daemon.startSession()
            guard case .child = try Daemon.fork() else { Daemon.leave(0) }
            try WorkingDirectory.change(to: "/")
            Daemon.setFileModeMask(0o022)
            Daemon.ignoreHangups()
            try ProcessControl.becomeSubreaper()
            monitor = try Monitor(options, listener)
            try Daemon.leaveStandardDescriptors()
            try StandardDescriptors.copy(ready).write("ready", name: "the starter's pipe")
        } catch {
            try? StandardDescriptors.copy(ready).write("\(error)", name: "the starter's pipe")
            Daemon.leave(1)
        }
        // From here on its number is somebody else's.
        _ = pipe.takeReadEnd()
        do throws(SystemError) { try monitor.run() } catch { Daemon.leave(1) }
        Daemon.leave(0)
    }
}
