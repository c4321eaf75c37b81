import Kernel

/// A file that is open for as long as somebody holds it.
final class OpenFile: Sendable {
    private let descriptor: FileDescriptor

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    var number: Int32 { descriptor.number }
}

/// The same of a directory.
typealias OpenDirectory = OpenFile
