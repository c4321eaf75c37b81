/// What is wrong with a configuration file: all of it that could be found.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    public struct Finding: Equatable, Sendable, CustomStringConvertible {
        public var file: String
        /// Count from 1; 0 if the whole file is meant.
        public var line: Int
        public var column: Int
        public var text: String

        /// `FILE:LINE:COLUMN: TEXT`, which editors can follow.
        public var description: String {
            line == 0 ? "\(file): \(text)" : "\(file):\(line):\(column): \(text)"
        }
    }

    public var findings: [Finding]

    /// A finding a line.
    public var description: String { findings.map(\.description).joined(separator: "\n") }
}
