import Diagnosis
import MonitorProtocol

/// Why a pod monitor has not done what it was asked for.
package enum MonitorError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It has refused, or has failed.
    case refused(MonitorFailure)
    /// There is none: no socket, or one at which nobody listens.
    case absent(socket: String)
    /// The connection has ended, or could not be made: whether the monitor is gone is not said by that.
    case lost(socket: String, reason: String)
    /// It has not answered in time. It may still do what it was asked for.
    case silent(socket: String, request: String, limit: Duration)
    /// It speaks another version of the protocol.
    case version(socket: String, theirs: UInt32)
    /// The request is longer than a message may be.
    case tooLong(bytes: Int)
    /// It could not be started.
    case notStarted(String)

    package var description: String {
        switch self {
        case .refused(let failure): failure.text
        case .absent(let socket): "no pod monitor listens at \(socket)"
        case .lost(let socket, let reason): "the pod's monitor at \(socket) is lost: \(reason)"
        case .silent(let socket, let request, let limit):
            "the pod's monitor at \(socket) has not answered \(request) within \(limit): it is stopped, or hangs"
        case .version(let socket, let theirs):
            "the pod's monitor at \(socket) speaks version \(theirs) of its protocol, and this daemon \(Wire.version); remove the pod"
        case .tooLong(let bytes):
            "a request to the pod's monitor has \(bytes) bytes, and \(Wire.packetLimit) is the limit; shorten the environment"
        case .notStarted(let reason): "start a pod monitor: \(reason)"
        }
    }
}
