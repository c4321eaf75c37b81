/// One instruction of an eBPF program, laid out as the kernel's `struct bpf_insn`
/// (Documentation/bpf/standardization/instruction-set.rst). Registers are numbered 0 to 10.
public struct BPFInstruction: Equatable, Sendable {
    public let code: UInt8
    /// Destination and source, four bits each, in the order of the machine's bit fields.
    private let registers: UInt8
    public let offset: Int16
    public let immediate: Int32

    private init(
        _ code: UInt8, to destination: UInt8 = 0, from source: UInt8 = 0, offset: Int16 = 0,
        immediate: Int32 = 0
    ) {
        self.code = code
        #if _endian(little)
            registers = source << 4 | destination
        #else
            registers = destination << 4 | source
        #endif
        self.offset = offset
        self.immediate = immediate
    }

    public var destination: UInt8 {
        #if _endian(little)
            registers & 0xf
        #else
            registers >> 4
        #endif
    }

    public var source: UInt8 {
        #if _endian(little)
            registers >> 4
        #else
            registers & 0xf
        #endif
    }
}

extension BPFInstruction {
    // Classes, operations and operand kinds, as in linux/bpf_common.h and linux/bpf.h.
    private static let loadWord: UInt8 = 0x61  // BPF_LDX | BPF_MEM | BPF_W
    private static let alu32: UInt8 = 0x04
    private static let alu64: UInt8 = 0x07
    private static let jump64: UInt8 = 0x05
    private static let jump32: UInt8 = 0x06
    private static let fromRegister: UInt8 = 0x08  // BPF_X; BPF_K, the immediate operand, is zero.

    /// A word of memory, zero-extended.
    public static func load32(_ destination: UInt8, from base: UInt8, offset: Int16) -> BPFInstruction {
        BPFInstruction(loadWord, to: destination, from: base, offset: offset)
    }

    /// Operations on 32 bits clear the upper half.
    public static func move32(_ destination: UInt8, _ source: UInt8) -> BPFInstruction {
        BPFInstruction(alu32 | 0xb0 | fromRegister, to: destination, from: source)
    }

    public static func move32(_ destination: UInt8, immediate: Int32) -> BPFInstruction {
        BPFInstruction(alu32 | 0xb0, to: destination, immediate: immediate)
    }

    public static func move64(_ destination: UInt8, _ source: UInt8) -> BPFInstruction {
        BPFInstruction(alu64 | 0xb0 | fromRegister, to: destination, from: source)
    }

    /// The operand is sign-extended, as in all operations on 64 bits.
    public static func move64(_ destination: UInt8, immediate: Int32) -> BPFInstruction {
        BPFInstruction(alu64 | 0xb0, to: destination, immediate: immediate)
    }

    public static func or64(_ destination: UInt8, _ source: UInt8) -> BPFInstruction {
        BPFInstruction(alu64 | 0x40 | fromRegister, to: destination, from: source)
    }

    public static func subtract64(_ destination: UInt8, _ value: Int32) -> BPFInstruction {
        BPFInstruction(alu64 | 0x10, to: destination, immediate: value)
    }

    public static func xor32(_ destination: UInt8, _ mask: Int32) -> BPFInstruction {
        BPFInstruction(alu32 | 0xa0, to: destination, immediate: mask)
    }

    public static func and32(_ destination: UInt8, _ mask: Int32) -> BPFInstruction {
        BPFInstruction(alu32 | 0x50, to: destination, immediate: mask)
    }

    public static func shiftRight32(_ destination: UInt8, _ bits: Int32) -> BPFInstruction {
        BPFInstruction(alu32 | 0x70, to: destination, immediate: bits)
    }

    /// Jumps if the register, as a signed number of 64 bits, is below zero.
    public static func jumpIfNegative(_ register: UInt8, skipping count: Int16) -> BPFInstruction {
        BPFInstruction(jump64 | 0xc0, to: register, offset: count)
    }

    public static func jumpIfNotEqual32(
        _ register: UInt8, _ value: Int32, skipping count: Int16
    ) -> BPFInstruction {
        BPFInstruction(jump32 | 0x50, to: register, offset: count, immediate: value)
    }

    /// Jumps if the register and the mask have a bit in common.
    public static func jumpIfAnySet32(
        _ register: UInt8, _ mask: Int32, skipping count: Int16
    ) -> BPFInstruction {
        BPFInstruction(jump32 | 0x40, to: register, offset: count, immediate: mask)
    }

    public static func jump(skipping count: Int16) -> BPFInstruction {
        BPFInstruction(jump64, offset: count)
    }

    /// Ends the program with register 0 as its answer.
    public static let exit = BPFInstruction(jump64 | 0x90)
}
