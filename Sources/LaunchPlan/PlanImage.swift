import CStage
import Diagnosis

extension Plan {
    /// The plan as the stage reads it (plan.h).
    ///
    /// - Parameters:
    ///   - descriptors: the number that each slot's descriptor has in the stage.
    ///   - isTimed: whether the report has room for times.
    /// - Throws: if the plan is larger than the stage takes.
    public func image(descriptors: [Int: Int32], isTimed: Bool = false) throws(Failure) -> [UInt8] {
        let headerSize = MemoryLayout<plan_header>.size
        let opsSize = steps.count * MemoryLayout<plan_op>.size
        let size = headerSize + opsSize + arena.count
        guard size <= Int(PLAN_MAX_SIZE) else {
            throw Failure("the launch plan takes \(size) bytes, and \(PLAN_MAX_SIZE) is the limit")
        }
        var image = Image(capacity: size)
        image.append(UInt32(PLAN_MAGIC))
        image.append(UInt32(PLAN_VERSION))
        image.append(UInt32(size))
        image.append(UInt32(steps.count))
        image.append(UInt32(headerSize))
        image.append(UInt32(headerSize + opsSize))
        image.append(UInt32(arena.count))
        image.append(isTimed ? UInt32(PLAN_TIMED) : 0)
        for slot in 0..<Int(PLAN_SLOTS) { image.append(UInt32(bitPattern: descriptors[slot] ?? -1)) }
        for step in steps { image.append(step.op) }
        image.bytes += arena
        return image.bytes
    }
}

/// Integers laid end to end in the machine's own byte order, as C structures without padding have them.
private struct Image {
    var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append<Value: FixedWidthInteger>(_ value: Value) { bytes.appendNative(value) }

    mutating func append(_ op: Operation) {
        append(UInt16(truncatingIfNeeded: op.code))
        append(UInt16(truncatingIfNeeded: op.flags))
        for position in 0..<4 {
            append(position < op.tolerated.count ? UInt8(truncatingIfNeeded: op.tolerated[position]) : 0)
        }
        append(UInt32(bitPattern: op.slots.0))
        append(UInt32(bitPattern: op.slots.1))
        append(op.strings.0)
        append(op.strings.1)
        append(op.strings.2)
        append(op.strings.3)
        append(op.numbers.0)
        append(op.numbers.1)
        append(op.numbers.2)
        append(op.numbers.3)
        append(op.length)
        append(UInt32(0))
    }
}

extension Array where Element == UInt8 {
    /// The integer's bytes in the machine's own order.
    mutating func appendNative<Value: FixedWidthInteger>(_ value: Value) {
        // Shifting out the low byte first is little-endian; swapped before, it is big-endian.
        #if _endian(little)
            var rest = value
        #else
            var rest = value.byteSwapped
        #endif
        for _ in 0..<MemoryLayout<Value>.size {
            append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}

extension UInt32 {
    fileprivate init(bitPattern value: Int32) { self = UInt32(truncatingIfNeeded: value) }
}
