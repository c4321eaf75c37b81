import CKernel
import Diagnosis
import Glibc
import Testing

@testable import Kernel

@Suite struct SocketTests {
    /// Both ends, since a pair gives its far one away with itself only.
    private func ends() throws -> (near: Int32, far: Int32) {
        let pair = try Socket.pair()
        let far = fcntl(pair.far.number, F_DUPFD_CLOEXEC, 3)
        let near = pair.takeNear()
        return (fcntl(near.descriptor.number, F_DUPFD_CLOEXEC, 3), far)
    }

    @Test func packetsKeepTheirBounds() throws {
        let (first, second) = try ends()
        let near = Socket(FileDescriptor(owning: first))
        let far = Socket(FileDescriptor(owning: second))
        try near.send([1, 2, 3])
        try near.send([4])
        #expect(try far.receive().bytes == [1, 2, 3])
        let packet = try far.receive()
        #expect(packet.bytes == [4])
        if packet.takeDescriptor() != nil { Issue.record("a descriptor came") }
        try far.send([UInt8](repeating: 9, count: 64))
        #expect(try near.receive(limit: 8).bytes == [UInt8](repeating: 9, count: 8))
    }

    @Test func theEnd() throws {
        let (first, second) = try ends()
        let near = Socket(FileDescriptor(owning: first))
        try near.send([1])
        close(second)
        // Closed with a packet unread is a reset; that is an end like any other.
        #expect(try near.receive().bytes == [])
        #expect(try near.receive().bytes == [])
        #expect(throws: SystemError("send to the stage", Errno(EPIPE))) { try near.send([2]) }
    }

    @Test func takingTheNearEndClosesTheFarOne() throws {
        let near = try Socket.pair().takeNear()
        #expect(try near.receive().bytes == [])
    }

    @Test func passesADescriptor() throws {
        let (first, second) = try ends()
        let near = Socket(FileDescriptor(owning: first))
        let pipe = try Pipe.make()
        let writer = pipe.writeNumber
        #expect([7 as UInt8].withUnsafeBytes { apus_send(second, $0.baseAddress, 1, writer) } == 1)
        close(second)
        let packet = try near.receive()
        #expect(packet.bytes == [7])
        guard let copy = packet.takeDescriptor() else {
            Issue.record("no descriptor came")
            return
        }
        #expect(fcntl(copy.number, F_GETFD) == FD_CLOEXEC)
        try copy.writeAll([42])
        #expect(try pipe.takeReadEnd().read(1) == [42])
    }

    /// A descriptor that nobody takes, and those beyond the first, are closed, and not leaked.
    @Test(arguments: [1, 2, 3, 10])
    func closesWhatIsNotTaken(_ count: Int) throws {
        let (first, second) = try ends()
        let near = Socket(FileDescriptor(owning: first))
        let pipe = try Pipe.make()
        send(second, [Int32](repeating: pipe.writeNumber, count: count))
        close(second)
        do {
            let packet = try near.receive()
            #expect(packet.bytes == [1])
        }
        let end = pipe.takeReadEnd()
        // With every writer closed the pipe is at its end.
        #expect(try Poll.readable([end.number], timeout: 5000) == [true])
        #expect(try end.read(1) == [])
    }

    /// sendmsg(2) with many descriptors at once, as no well-meaning peer does.
    private func send(_ socket: Int32, _ descriptors: [Int32]) {
        let header = MemoryLayout<cmsghdr>.size
        let length = header + descriptors.count * 4
        var control = [UInt64](repeating: 0, count: (length + 7) / 8)
        var byte: UInt8 = 1
        control.withUnsafeMutableBytes { room in
            room.storeBytes(of: length, toByteOffset: 0, as: Int.self)
            room.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
            room.storeBytes(of: 1 /* SCM_RIGHTS */, toByteOffset: 12, as: Int32.self)
            for (index, number) in descriptors.enumerated() {
                room.storeBytes(of: number, toByteOffset: header + index * 4, as: Int32.self)
            }
            withUnsafeMutableBytes(of: &byte) { data in
                var part = iovec(iov_base: data.baseAddress, iov_len: 1)
                withUnsafeMutablePointer(to: &part) { parts in
                    var message = msghdr()
                    message.msg_iov = parts
                    message.msg_iovlen = 1
                    message.msg_control = room.baseAddress
                    message.msg_controllen = length
                    #expect(sendmsg(socket, &message, 0) == 1)
                }
            }
        }
    }
}

@Suite struct PollTests {
    @Test func timesOut() throws {
        let pipe = try Pipe.make()
        let writer = pipe.writeNumber
        let keep = fcntl(writer, F_DUPFD_CLOEXEC, 3)
        let end = pipe.takeReadEnd()
        let start = Poll.now()
        #expect(try Poll.readable([end.number], timeout: 60) == [false])
        let took = Poll.now() - start
        #expect(took >= 59 && took < 5000, "\(took) ms")
        #expect(try Poll.readable([end.number], timeout: 0) == [false])
        #expect(try Poll.readable([end.number], timeout: -5) == [false], "a time that is over")
        close(keep)
    }

    @Test func tellsWhichOnes() throws {
        let empty = try Pipe.make()
        let filled = try Pipe.make()
        #expect(write(filled.writeNumber, "x", 1) == 1)
        let keep = fcntl(empty.writeNumber, F_DUPFD_CLOEXEC, 3)
        let first = empty.takeReadEnd()
        let second = filled.takeReadEnd()
        #expect(try Poll.readable([first.number, second.number], timeout: nil) == [false, true])
        close(keep)
        #expect(try Poll.readable([first.number], timeout: nil) == [true], "its end counts")
        #expect(try Poll.readable([], timeout: 0) == [])
    }

    /// Signals do not shorten the wait, nor does it begin anew with each.
    @Test func interruptions() throws {
        let pipe = try Pipe.make()
        let keep = fcntl(pipe.writeNumber, F_DUPFD_CLOEXEC, 3)
        let end = pipe.takeReadEnd()
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        var old = sigaction()
        sigaction(SIGURG, &action, &old)
        let waiter = pthread_self()
        let thread = Stopper { _ = pthread_kill(waiter, SIGURG) }
        let start = Poll.now()
        #expect(try Poll.readable([end.number], timeout: 120) == [false])
        let took = Poll.now() - start
        thread.stop()
        #expect(took >= 119 && took < 5000, "\(took) ms")
        sigaction(SIGURG, &old, nil)
        close(keep)
    }
}
