/// Guesses what a misspelt word was meant to be.
enum Spelling {
    /// A question for the candidates that the fewest slips of the pen turn into `word`, if they are few for
    /// its length: `; did you mean --root?`, or nothing.
    ///
    /// - Parameter quoted: how a candidate is shown.
    static func question(_ word: String, _ candidates: [String], quoted: (String) -> String) -> String {
        var text = ""
        for candidate in nearest(to: word, among: candidates) {
            text += (text.isEmpty ? "; did you mean " : " or ") + quoted(candidate)
        }
        return text.isEmpty ? "" : text + "?"
    }

    /// All the candidates at the least distance.
    static func nearest(to word: String, among candidates: [String]) -> [String] {
        let typed = Array(word.utf8)
        // A word that long is no slip, and the comparison takes the product of the lengths.
        guard !typed.isEmpty, typed.count <= 40 else { return [] }
        var best: [String] = []
        var least = 2
        for candidate in candidates {
            let distance = distance(typed, Array(candidate.utf8))
            guard distance <= least, distance * 3 <= max(typed.count, candidate.utf8.count) else { continue }
            if distance < least { best = [] }
            least = distance
            best.append(candidate)
        }
        return best
    }

    /// The number of letters to insert, delete, replace or swap with their neighbour (Damerau's
    /// distance, in its restricted form).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let substituted = last[column] + (left[row] == right[column] ? 0 : 1)
                var least = min(substituted, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
