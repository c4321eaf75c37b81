import CStage
import Diagnosis

extension Plan {
    /// The plan as the stage reads it (plan.h).
    ///
    /// - Parameters:
    ///   - descriptors: the number that each slot's descriptor has in the stage; -1 for an empty slot.
    ///   - isTimed: whether the report has room for times.
    /// - Throws: if the plan is larger than the stage takes.
    public func image(descriptors: [Int32], isTimed: Bool = false) throws(Failure) -> [UInt8] {
        let headerSize = MemoryLayout<plan_header>.size
        let opSize = MemoryLayout<plan_op>.size
        let opsSize = steps.count * opSize
        let size = headerSize + opsSize + arena.count
        guard size <= Int(PLAN_MAX_SIZE) else {
            throw Failure("the launch plan takes \(size) bytes, and \(PLAN_MAX_SIZE) is the limit")
        }
        var header = [
            UInt32(PLAN_MAGIC), UInt32(PLAN_VERSION), UInt32(size), UInt32(steps.count), UInt32(headerSize),
            UInt32(headerSize + opsSize), UInt32(arena.count), isTimed ? UInt32(PLAN_TIMED) : 0,
        ]
        for slot in 0..<Int(PLAN_SLOTS) {
            header.append(slot < descriptors.count ? UInt32(bitPattern: descriptors[slot]) : .max)
        }
        var image: [UInt8] = []
        image.reserveCapacity(size)
        image += [UInt8](repeating: 0, count: headerSize + opsSize)
        var span = image.mutableSpan
        var room = span.mutableBytes
        for position in header.indices {
            room.storeBytes(of: header[position], toByteOffset: position * 4, as: UInt32.self)
        }
        for position in steps.indices {
            room.storeBytes(
                of: plan_op(steps[position].op), toByteOffset: headerSize + position * opSize,
                as: plan_op.self)
        }
        image += arena
        return image
    }
}

extension plan_op {
    fileprivate init(_ op: Operation) {
        func errno(_ position: Int) -> UInt8 {
            position < op.tolerated.count ? UInt8(truncatingIfNeeded: op.tolerated[position]) : 0
        }
        self.init(
            code: UInt16(truncatingIfNeeded: op.code), flags: UInt16(truncatingIfNeeded: op.flags),
            errnos: (errno(0), errno(1), errno(2), errno(3)), slot: op.slots, str: op.strings,
            num: op.numbers, len: op.length, reserved: 0)
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
