/// Descriptors that are kept open together, and closed together when the table goes away.
public final class DescriptorTable {
    private var numbers: [Int32] = []

    public init() {}

    /// Takes the descriptor; its number stays valid as long as the table.
    public func keep(_ descriptor: consuming FileDescriptor) -> Int32 {
        let number = descriptor.release()
        numbers.append(number)
        return number
    }

    deinit {
        for number in numbers { _ = FileDescriptor(owning: number) }
    }
}
