import Glibc
import Logging
import PodNetwork

/// Does one thing with PodNetwork and says what came of it: lines of `key: value`, and status 1 with `error: …`.
///
///     pod-network-probe CONFIGURATIONS BINARIES CACHE attach ID NETNS [HOSTPORT:PORT …]
///     pod-network-probe CONFIGURATIONS BINARIES CACHE detach|check|result ID
///     pod-network-probe CONFIGURATIONS BINARIES CACHE leftovers [ALIVE …]
///     pod-network-probe CONFIGURATIONS BINARIES CACHE status
@main struct Probe {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count >= 4 else { return end("four arguments at least") }
        let network = PodNetwork(
            configurationDirectory: words[0],
            binaryDirectories: words[1].split(separator: ":").map(String.init), cacheDirectory: words[2],
            logger: Logger(label: "probe") { StreamLogHandler.standardError(label: $0) })
        do {
            try await run(network, words[3], Array(words.dropFirst(4)))
        } catch {
            end("\(error)")
        }
    }

    private static func run(
        _ network: PodNetwork, _ verb: String, _ words: [String]
    ) async throws(NetworkError) {
        switch (verb, words.count) {
        case ("attach", 2...):
            var attachment = PodAttachment(
                id: words[0], name: words[0], namespace: "default", uid: "u-\(words[0])", netns: words[1])
            for word in words.dropFirst(2) {
                let ports = word.split(separator: ":").compactMap { Int32($0) }
                guard ports.count == 2 else { return end("\(word) is not HOSTPORT:PORT") }
                attachment.portMappings.append(.init(containerPort: ports[1], hostPort: ports[0]))
            }
            show(try await network.attach(attachment))
        case ("result", 1): if let result = try await network.result(pod: words[0]) { show(result) }
        case ("detach", 1): try await network.detach(pod: words[0])
        case ("check", 1): try await network.check(pod: words[0])
        case ("leftovers", _):
            for left in try await network.leftovers(alive: Set(words)) {
                print("left: \(left.pod): \(left.error)")
            }
        case ("status", 0):
            let status = await network.status()
            print("ready: \(status.isReady)\nreason: \(status.reason)\nmessage: \(status.message)")
        default: end("no such verb, or not with these arguments")
        }
    }

    private static func show(_ result: NetworkResult) {
        print("ips: \(result.ips.joined(separator: " "))\nmac: \(result.mac)")
        print("interfaces: \(result.interfaces.map(\.name).joined(separator: " "))")
    }

    private static func end(_ reason: String) {
        print("error: \(reason)")
        exit(1)
    }
}
