/// Rows in columns, spaced as runc spaces its lists: a column is as wide as its widest cell and three
/// spaces, and at least twelve; the last one is not padded.
public struct Table: Sendable {
    private var rows: [[String]]

    public init(header: [String]) { rows = [header] }

    /// Adds a row of as many cells as the header has. Control characters in it, which could move the
    /// cursor of the reader's terminal, come out as `\x1b`.
    public mutating func add(_ row: [String]) { rows.append(row.map(Self.printable)) }

    /// The lines, each with its line feed.
    public var text: String {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(12) }
                widths[column] = max(widths[column], cell.unicodeScalars.count + 3)
            }
        }
        var text = ""
        for row in rows {
            for (column, cell) in row.enumerated() {
                text += cell
                if column + 1 < row.count {
                    text += String(repeating: " ", count: widths[column] - cell.unicodeScalars.count)
                }
            }
            text += "\n"
        }
        return text
    }

    private static func printable(_ cell: String) -> String {
        if cell.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return cell }
        var result = ""
        for scalar in cell.unicodeScalars {
            if scalar.isControl {
                result += #"\x"# + twoDigits(scalar.value)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
