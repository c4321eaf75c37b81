import Glibc
import Kernel

/// What an image is made for (image-spec, image-index.md, "platform").
struct Platform: Sendable, Hashable, Decodable, CustomStringConvertible {
    var os: String
    var architecture: String
    var variant: String?
    /// Features of the operating system that the image wants: Windows' only.
    var features: [String]?

    init(os: String, architecture: String, variant: String? = nil) {
        (self.os, self.architecture, self.variant) = (os, architecture, variant)
    }

    private enum CodingKeys: String, CodingKey {
        case os, architecture, variant
        case features = "os.features"
    }

    /// `linux/arm64/v8`.
    var description: String {
        "\(os)/\(architecture)" + (variant.flatMap { $0.isEmpty ? nil : "/" + $0 } ?? "")
    }
}

/// What this machine runs: an architecture, and the variants of it from the one to be preferred downwards.
struct PlatformChoice: Sendable {
    var architecture: String
    /// The first is the usual one, which an image has that names none.
    var variants: [String]

    /// Linux on this machine (uname(2), and for x86-64 what the processor says it can).
    static let host: PlatformChoice = {
        var name = utsname()
        uname(&name)
        let machine = withUnsafeBytes(of: &name.machine) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return PlatformChoice(machine: machine, processorFlags: machine == "x86_64" ? processorFlags() : [])
    }()

    /// - Parameters:
    ///   - machine: as uname(2) spells it.
    ///   - processorFlags: the words of `flags` in /proc/cpuinfo.
    init(machine: String, processorFlags: Set<String>) {
        switch machine {
        case "x86_64":
            architecture = "amd64"
            // The levels of the x86-64 psABI, section 3.1.1. The baseline is preferred, so that an image is the same one
            // on all nodes of a cluster; a higher level is taken where there is no other.
            let levels: [(String, [String])] = [
                ("v2", ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]),
                ("v3", ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]),
                ("v4", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]),
            ]
            let reached = levels.prefix { $0.1.allSatisfy(processorFlags.contains) }.map(\.0)
            variants = ["v1"] + reached.reversed()
        case "aarch64": (architecture, variants) = ("arm64", ["v8"])
        case "armv7l": (architecture, variants) = ("arm", ["v7", "v6", "v5"])
        case "armv6l": (architecture, variants) = ("arm", ["v6", "v5"])
        case "i386", "i586", "i686": (architecture, variants) = ("386", [])
        case "ppc64le", "s390x", "riscv64": (architecture, variants) = (machine, [])
        case "loongarch64": (architecture, variants) = ("loong64", [])
        default: (architecture, variants) = (machine, [])
        }
    }

    private static func processorFlags() -> Set<String> {
        guard let bytes = try? FileDescriptor.open("/proc/cpuinfo", O_RDONLY).readAll(limit: 1 << 20) else {
            return []
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("flags") }) else {
            return []
        }
        return Set(line.drop { $0 != ":" }.dropFirst().split(separator: " ").map(String.init))
    }

    /// How well an image for `platform` fits; nil if it does not, and the lower the better.
    func rank(_ platform: Platform) -> Int? {
        guard platform.os == "linux", platform.features?.isEmpty ?? true,
            platform.architecture == architecture
        else {
            return nil
        }
        guard let variant = platform.variant, !variant.isEmpty else { return 0 }
        return variants.firstIndex(of: variant)
    }

    /// The image of an index that is for this machine: the best one, and the first of several that are as good.
    ///
    /// An entry without a platform is taken if it is the only one; what it is for is in its configuration.
    ///
    /// - Throws: `notFound`, with the platforms that there are.
    func choose(_ entries: [Descriptor], name: String) throws(ImageError) -> Descriptor {
        let images = entries.filter { MediaType.isManifest($0.mediaType) || MediaType.isIndex($0.mediaType) }
        var best: (rank: Int, entry: Descriptor)?
        for entry in images {
            guard let rank = entry.platform.flatMap(rank) else { continue }
            if best.map({ rank < $0.rank }) ?? true { best = (rank, entry) }
        }
        if let best { return best.entry }
        if images.count == 1, images[0].platform == nil { return images[0] }
        // Build attestations are for unknown/unknown.
        let platforms = images.compactMap { $0.platform?.description }.filter { $0 != "unknown/unknown" }
        throw missing(name, platforms.isEmpty ? "names none" : "has " + platforms.joined(separator: ", "))
    }

    /// Refuses an image whose configuration says that it is for another machine.
    func check(_ configuration: ImageConfiguration, name: String) throws(ImageError) {
        let platform = Platform(
            os: configuration.os, architecture: configuration.architecture, variant: configuration.variant)
        guard rank(platform) != nil else { throw missing(name, "is for \(platform)") }
    }

    private func missing(_ name: String, _ found: String) -> ImageError {
        let wanted = "linux/\(architecture)"
        return ImageError(
            .notFound, doing: "choose an image of \(name)", "there is none for \(wanted): it \(found)")
    }
}
