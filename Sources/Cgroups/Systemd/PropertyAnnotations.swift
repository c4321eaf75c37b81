import DBus
import Diagnosis

// Annotations `org.systemd.property.NAME`: any property of the unit, in GVariant's text format. An extension that
// runc and crun share, for what config.json has no field for: TimeoutStopUSec, CollectMode and the like.

extension [UnitProperty] {
    private static let prefix = "org.systemd.property."

    /// The properties that a configuration's annotations ask for, by name.
    ///
    /// - Throws: with the annotation, for a name or a value that is none.
    static func annotated(_ annotations: [String: String]) throws(Failure) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        for (key, text) in annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) {
            let origin = Pointer("/annotations").key(key)
            let name = String(key.dropFirst(prefix.utf8.count))
            guard name.utf8.count >= 3, name.utf8.allSatisfy(isLetter) else {
                throw Failure(
                    at: origin, "annotation \(key) name incorrect: three letters or more are wanted",
                    remedy: "name a property of org.freedesktop.systemd1(5), as in \(prefix)TimeoutStopUSec")
            }
            do throws(GVariantText.Fault) {
                properties.append(try property(name, try GVariantText.parse(text)))
            } catch {
                throw Failure(
                    at: origin, "annotation \(key)=\(text) value parse error: \(error.reason)",
                    remedy: "write it in the GVariant text format, as in uint64 5, 'text' or true")
            }
        }
        return properties
    }

    /// In unit files times end in `Sec`, over D-Bus they are microseconds and end in `USec`.
    private static func property(_ name: String, _ value: Value) throws(GVariantText.Fault) -> UnitProperty {
        let stem = name.utf8.dropLast(3)
        guard name.hasSuffix("Sec"), let last = stem.last,
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(last)
        else { return UnitProperty(name, value) }
        guard let microseconds = microseconds(value) else {
            throw GVariantText.Fault("not a number of seconds")
        }
        return UnitProperty(String(Substring(stem)) + "USec", .uint64(microseconds))
    }

    private static func microseconds(_ value: Value) -> UInt64? {
        let seconds: UInt64?
        switch value {
        case .byte(let value): seconds = UInt64(value)
        case .int16(let value): seconds = UInt64(exactly: value)
        case .uint16(let value): seconds = UInt64(value)
        case .int32(let value): seconds = UInt64(exactly: value)
        case .uint32(let value): seconds = UInt64(value)
        case .int64(let value): seconds = UInt64(exactly: value)
        case .uint64(let value): seconds = value
        case .double(let value): return UInt64(exactly: (value * 1_000_000).rounded())
        default: return nil
        }
        guard let product = seconds?.multipliedReportingOverflow(by: 1_000_000), !product.overflow else {
            return nil
        }
        return product.partialValue
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: false
        }
    }
}
