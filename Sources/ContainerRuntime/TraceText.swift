import OCISpec

extension Trace {
    /// The events in the Trace Event Format: an object, with times in microseconds.
    static func json(_ events: [Event], processes: [(id: Int32, name: String)]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("displayTimeUnit", "ns")
            writer.key("traceEvents")
            writer.array { writer in
                for process in processes {
                    writer.object { writer in
                        writer.member("name", "process_name")
                        writer.member("ph", "M")
                        writer.member("pid", Int(process.id))
                        writer.member("tid", Int(process.id))
                        writer.key("args")
                        writer.object { writer in writer.member("name", process.name) }
                    }
                }
                for event in events { append(event, to: &writer) }
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func append(_ event: Event, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", event.name)
            writer.member("ph", "X")
            writer.member("pid", Int(event.process))
            writer.member("tid", Int(event.process))
            writer.key("ts")
            writer.json(microseconds(event.start))
            writer.key("dur")
            writer.json(microseconds(event.end > event.start ? event.end - event.start : 0))
            guard !event.arguments.isEmpty else { return }
            writer.key("args")
            writer.object { writer in
                for argument in event.arguments { writer.member(argument.name, argument.value) }
            }
        }
    }

    /// Nanoseconds as microseconds with three decimals. No floating-point number: it has too few digits for the
    /// nanoseconds of a host that has been up for long.
    static func microseconds(_ nanoseconds: UInt64) -> [UInt8] {
        let digits = String(nanoseconds % 1000)
        let zeros = String(repeating: "0", count: 3 - digits.utf8.count)
        return Array("\(nanoseconds / 1000).\(zeros)\(digits)".utf8)
    }
}
