/// Guesses what a misspelt key was meant to be.
enum Spelling {
    /// The candidate that the fewest slips of the pen turn into `word`: at most a third of its letters.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let typed = Array(word.utf8)
        // A word that long is no slip, and the comparison takes the product of the lengths.
        guard !typed.isEmpty, typed.count <= 60 else { return nil }
        return
            candidates
            .map { (candidate: $0, slips: slips(typed, Array($0.utf8))) }
            .filter { $0.slips * 3 <= max(typed.count, $0.candidate.utf8.count) }
            .min { $0.slips < $1.slips }?.candidate
    }

    /// The number of letters to insert, delete, replace or swap with their neighbour (Damerau's distance, in its
    /// restricted form).
    static func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var (beforeLast, last): ([Int], [Int]) = ([], Array(0...right.count))
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var least = min(
                    last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
