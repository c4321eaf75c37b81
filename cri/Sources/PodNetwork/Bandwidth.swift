import OCISpec

/// The limits of a pod's traffic, in bits a second, from the annotations that Kubernetes documents for it.
struct Bandwidth: Sendable, Equatable {
    var ingress: UInt64?
    var egress: UInt64?

    static let ingressKey = "kubernetes.io/ingress-bandwidth"
    static let egressKey = "kubernetes.io/egress-bandwidth"

    /// What Kubernetes allows: 1k to 1P.
    private static let allowed: ClosedRange<UInt64> = 1_000...1_000_000_000_000_000
    /// The most that a burst may have, in bits; kubelet's own plugin gave it too. As good as no limit.
    private static let burst: UInt64 = 2_147_483_647

    /// - Returns: nil if neither annotation is there.
    init?(annotations: [String: String]) throws(NetworkError) {
        ingress = try Self.rate(Self.ingressKey, annotations)
        egress = try Self.rate(Self.egressKey, annotations)
        if ingress == nil && egress == nil { return nil }
    }

    private static func rate(_ key: String, _ annotations: [String: String]) throws(NetworkError) -> UInt64? {
        guard let text = annotations[key] else { return nil }
        guard let value = quantity(text) else {
            throw .invalid("annotation \(key)", "\"\(text)\" is not a quantity such as 10M or 1.5Gi")
        }
        guard allowed.contains(value) else {
            throw .invalid("annotation \(key)", "\"\(text)\" is out of range: 1k to 1P is allowed")
        }
        return value
    }

    /// A quantity of Kubernetes (apimachinery, resource.Quantity), rounded up to a whole number; nil if it is none, is
    /// negative, or has more than 18 digits.
    static func quantity(_ text: String) -> UInt64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, number.utf8.count <= 19 else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard let digits = UInt128(String(parts[0]) + String(fraction)),
            let scale = scale(text.dropFirst(number.count))
        else { return nil }
        var numerator = digits
        var denominator: UInt128 = 1
        for _ in 0..<fraction.count { denominator *= 10 }
        switch scale {
        case .times(let factor): numerator *= factor
        case .over(let divisor): denominator *= divisor
        }
        return UInt64(exactly: (numerator + denominator - 1) / denominator)
    }

    private enum Scale {
        case times(UInt128)
        case over(UInt128)
    }

    private static func scale(_ suffix: Substring) -> Scale? {
        switch suffix {
        case "": return .times(1)
        case "n": return .over(1_000_000_000)
        case "u": return .over(1_000_000)
        case "m": return .over(1_000)
        case "k": return .times(1_000)
        case "M": return .times(1_000_000)
        case "G": return .times(1_000_000_000)
        case "T": return .times(1_000_000_000_000)
        case "P": return .times(1_000_000_000_000_000)
        case "E": return .times(1_000_000_000_000_000_000)
        case "Ki": return .times(1 << 10)
        case "Mi": return .times(1 << 20)
        case "Gi": return .times(1 << 30)
        case "Ti": return .times(1 << 40)
        case "Pi": return .times(1 << 50)
        case "Ei": return .times(1 << 60)
        default: break
        }
        guard let first = suffix.first, first == "e" || first == "E", let power = Int(suffix.dropFirst()),
            (-18...18).contains(power)
        else { return nil }
        var factor: UInt128 = 1
        for _ in 0..<abs(power) { factor *= 10 }
        return power < 0 ? .over(factor) : .times(factor)
    }

    func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            if let ingress {
                writer.member("ingressRate", ingress)
                writer.member("ingressBurst", Self.burst)
            }
            if let egress {
                writer.member("egressRate", egress)
                writer.member("egressBurst", Self.burst)
            }
        }
    }
}
