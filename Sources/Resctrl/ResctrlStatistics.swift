import Diagnosis
import OCISpec

// The keys are those of runc's `events` (types/events.go).

extension ResctrlGroup {
    /// What the class has and what it uses, as `intel_rdt` of an event: a JSON object.
    public func statistics(from files: any ResctrlFiles) throws(Failure) -> [UInt8] {
        do throws(SystemError) {
            var writer = JSONWriter()
            let all = try files.read("schemata").split(separator: "\n").map { String($0) }
            let own = try files.read(Self.path(name, "schemata")).split(separator: "\n").map { String($0) }
            let features = (try? files.read("info/L3_MON/mon_features"))?.split(separator: "\n") ?? []
            let measured = try measurements(features.map { String($0) }, files)
            writer.object { writer in
                if files.exists("info/L3") {
                    Self.write(
                        "l3_cache_info", ["cbm_mask", "min_cbm_bits", "num_closids"], "L3", files, &writer)
                    Self.write("l3_cache_schema_root", "L3", of: all, &writer)
                    Self.write("l3_cache_schema", "L3", of: own, &writer)
                }
                if files.exists("info/MB") {
                    Self.write(
                        "mem_bw_info", ["bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"],
                        "MB", files,
                        &writer)
                    Self.write("mem_bw_schema_root", "MB", of: all, &writer)
                    Self.write("mem_bw_schema", "MB", of: own, &writer)
                }
                if !own.isEmpty { writer.member("schemata", own) }
                for (key, files) in [
                    ("mbm_stats", ["mbm_total_bytes", "mbm_local_bytes"]), ("cmt_stats", ["llc_occupancy"]),
                ] where files.contains(where: { file in features.contains { $0 == file } }) {
                    writer.key(key)
                    writer.array { writer in
                        for domain in measured {
                            writer.object { writer in
                                for (name, value) in domain where files.contains(name) {
                                    writer.key(name)
                                    writer.unsigned(value)
                                }
                            }
                        }
                    }
                }
            }
            return writer.bytes
        } catch {
            throw Failure(.runtime, error)
        }
    }

    /// Of each domain, in the order of their names. What the hardware cannot tell just now is left out.
    private func measurements(
        _ features: [String], _ files: any ResctrlFiles
    ) throws(SystemError) -> [[(String, UInt64)]] {
        guard !features.isEmpty else { return [] }
        let path = Self.path(monitoring ?? name, "mon_data")
        var domains: [[(String, UInt64)]] = []
        for domain in try files.list(path).sorted() {
            domains.append(
                features.compactMap { feature in
                    guard let text = try? files.read("\(path)/\(domain)/\(feature)"), let value = UInt64(text)
                    else {
                        return nil
                    }
                    return (feature, value)
                })
        }
        return domains
    }

    private static func write(
        _ key: String, _ names: [String], _ resource: String, _ files: any ResctrlFiles,
        _ writer: inout JSONWriter
    ) {
        writer.key(key)
        writer.object { writer in
            for name in names {
                guard let text = try? files.read("info/\(resource)/\(name)") else { continue }
                if name == "cbm_mask" {
                    writer.member(name, text)
                } else if let number = UInt64(text), number > 0 {
                    writer.key(name)
                    writer.unsigned(number)
                }
            }
        }
    }

    private static func write(
        _ key: String, _ resource: String, of lines: [String], _ writer: inout JSONWriter
    ) {
        guard let line = lines.first(where: { Schema($0)?.resource == resource }) else { return }
        writer.member(key, String(line.drop { $0 == " " }))
    }
}
