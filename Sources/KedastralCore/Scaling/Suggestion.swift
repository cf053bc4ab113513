/// Finds the word that was probably meant.
package enum Suggestion {
  /// The candidate nearest to `word` by edits (insert, delete, replace, swap of neighbours), ignoring case; nil when none is near:
  /// by default within a third of the word's length.
  package static func nearest(to word: String, among candidates: [String], edits: Int? = nil) -> String? {
    let wanted = Array(word.lowercased().prefix(64))
    let limit = edits ?? max(1, wanted.count / 3)
    let scored = candidates.map { (name: $0, distance: distance(wanted, Array($0.lowercased()))) }
    guard let best = scored.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
    return best.distance <= limit ? best.name : nil
  }

  /// `; did you mean X?`, or `; known: A, B, C` when nothing is near.
  package static func hint(for word: String, among candidates: [String], prefix: String = "") -> String {
    if let near = nearest(to: word, among: candidates) { return "; did you mean \(prefix)\(near)?" }
    return "; known: \(candidates.sorted().map { prefix + $0 }.joined(separator: ", "))"
  }

  /// The optimal string alignment distance (Damerau, 1964).
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for i in 1...left.count {
      var current = [i] + [Int](repeating: 0, count: right.count)
      for j in 1...right.count {
        let cost = left[i - 1] == right[j - 1] ? 0 : 1
        current[j] = min(last[j] + 1, current[j - 1] + 1, last[j - 1] + cost)
        if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
          current[j] = min(current[j], beforeLast[j - 2] + 1)
        }
      }
      beforeLast = last
      last = current
    }
    return last[right.count]
  }
}
