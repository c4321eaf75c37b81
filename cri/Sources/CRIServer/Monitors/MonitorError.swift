import Diagnosis
import MonitorProtocol

/// Why a pod monitor has not done what it was asked for.
package enum MonitorError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It has refused, or has failed.
    case refused(MonitorFailure)
    /// The connection has ended, or could not be made: the monitor at this socket is gone, or says what nobody
    /// understands.
    case lost(socket: String, reason: String)
    /// It speaks another version of the protocol.
    case version(socket: String, theirs: UInt32)
    /// The request is longer than a message may be.
    case tooLong(bytes: Int)
    /// It could not be started.
    case notStarted(String)

    package var description: String {
        switch self {
        case .refused(let failure): failure.text
        case .lost(let socket, let reason): "the pod's monitor at \(socket) is lost: \(reason)"
        case .version(let socket, let theirs):
            "the pod's monitor at \(socket) speaks version \(theirs) of its protocol, and this daemon \(Wire.version); remove the pod"
        case .tooLong(let bytes):
            "a request to the pod's monitor has \(bytes) bytes, and \(Wire.packetLimit) is the limit; shorten the environment"
        case .notStarted(let reason): "start a pod monitor: \(reason)"
        }
    }
}
