import OCISpec

@testable import Seccomp

/// What the kernel shows a filter: `struct seccomp_data`.
struct Call: CustomStringConvertible {
    var architecture: UInt32
    var number: UInt32
    var arguments: [UInt64] = [0, 0, 0, 0, 0, 0]

    var description: String {
        let arguments = arguments.map { String($0, radix: 16) }.joined(separator: ", ")
        return "arch \(String(architecture, radix: 16)), nr \(number) (\(arguments))"
    }

    /// The 32-bit word at an offset, as a little-endian host lays it out.
    fileprivate func word(at offset: UInt32) -> UInt32? {
        switch offset {
        case 0: return number
        case 4: return architecture
        case 8, 12: return 0
        case 16..<64 where offset % 4 == 0:
            let argument = arguments[Int(offset - 16) / 8]
            return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
        default: return nil
        }
    }
}

enum BrokenProgram: Error, Equatable {
    case unknownInstruction(Int), runsOffTheEnd, readsElsewhere(UInt32)
}

/// Runs a program as the kernel would, with the instructions that the kernel permits in filters.
func interpret(_ bytes: [UInt8], _ call: Call) throws -> UInt32 {
    var accumulator: UInt32 = 0
    var position = 0
    let count = bytes.count / 8
    while position < count {
        let base = position * 8
        let code = Int(bytes[base]) | Int(bytes[base + 1]) << 8
        let operand = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[base + 4 + $1]) << (8 * $1) }
        let ifTrue = Int(bytes[base + 2])
        let ifFalse = Int(bytes[base + 3])
        position += 1
        func branch(_ condition: Bool) { position += condition ? ifTrue : ifFalse }
        switch code {
        case 0x20:
            guard let word = call.word(at: operand) else { throw BrokenProgram.readsElsewhere(operand) }
            accumulator = word
        case 0x05: position += Int(operand)
        case 0x15: branch(accumulator == operand)
        case 0x25: branch(accumulator > operand)
        case 0x35: branch(accumulator >= operand)
        case 0x45: branch(accumulator & operand != 0)
        case 0x54: accumulator &= operand
        case 0x06: return operand
        default: throw BrokenProgram.unknownInstruction(position - 1)
        }
    }
    throw BrokenProgram.runsOffTheEnd
}

extension SeccompFilter {
    func verdict(_ call: Call) throws -> UInt32 { try interpret(instructions, call) }

    /// For a call by name.
    func verdict(
        _ name: String, _ arguments: [UInt64] = [], on architecture: SeccompProfile.Architecture
    ) throws -> UInt32 {
        try verdict(.named(name, arguments, on: architecture))
    }
}

extension Call {
    static func named(
        _ name: String, _ arguments: [UInt64] = [], on architecture: SeccompProfile.Architecture
    ) -> Call {
        let convention = CallingConvention(architecture)!
        return Call(
            architecture: convention.audit, number: UInt32(bitPattern: convention.number(of: name)),
            arguments: arguments + Array(repeating: 0, count: 6 - arguments.count))
    }
}
