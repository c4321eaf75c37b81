import Foundation
import NIOHTTP1

/// What a server's refusal means to a pull.
enum ResponseFault {
    /// - Parameter body: the first part of it, at least.
    static func failure(
        status: UInt, headers: HTTPHeaders, body: [UInt8], doing: String, hasCredentials: Bool
    ) -> AttemptFailure {
        let said = message(body).map { ": \($0)" } ?? ""
        switch status {
        case 401, 403:
            return AttemptFailure(
                ImageError(
                    .denied, doing: doing, "is not allowed (\(status))\(said)",
                    remedy: hasCredentials
                        ? "check the credentials, and that they are for this repository"
                        : "give the pull credentials; or the repository does not exist"))
        case 404, 410:
            return AttemptFailure(ImageError(.notFound, doing: doing, "is not there (\(status))\(said)"))
        case 408, 425, 429, 500...599:
            let wish = RetryPolicy.wish(headers.first(name: "Retry-After"))
            return AttemptFailure(
                ImageError(
                    .unavailable, doing: doing,
                    (status == 429 ? "too many requests (429)" : "the server failed (\(status))") + said),
                .later(wish))
        default:
            return AttemptFailure(
                ImageError(.unavailable, doing: doing, "the server answers with status \(status)\(said)"))
        }
    }

    private struct Errors: Decodable {
        struct One: Decodable {
            var code: String?
            var message: String?
        }
        var errors: [One]?
        /// Of token servers.
        var details: String?
    }

    /// What the server says in words (distribution-spec, "Error Codes").
    private static func message(_ body: [UInt8]) -> String? {
        guard let errors = try? JSONDecoder().decode(Errors.self, from: Data(body)) else { return nil }
        let parts = (errors.errors ?? []).prefix(3).compactMap { one in
            [one.code, one.message].compactMap { $0 }.joined(separator: " ")
        }
        let text = parts.isEmpty ? errors.details : parts.joined(separator: ", ")
        return text.flatMap { $0.isEmpty ? nil : Printable.text($0) }
    }
}

/// Text of strangers, for a message of ours.
enum Printable {
    /// At most 200 characters, and none that would move a terminal's cursor.
    static func text(_ text: String) -> String {
        let visible = text.unicodeScalars.map {
            $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : $0
        }
        var shown = String.UnicodeScalarView()
        shown.append(contentsOf: visible.prefix(200))
        return String(shown) + (visible.count > 200 ? "…" : "")
    }
}
