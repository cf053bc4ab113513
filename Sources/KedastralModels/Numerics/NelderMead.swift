/// Minimises a function of a few unknowns without derivatives (Nelder & Mead 1965).
enum NelderMead {
  /// The best point found from `start` with first steps of size `step`, and its value.
  ///
  /// A value that is not a number counts as infinitely bad.
  static func minimise(
    from start: [Double], step: Double, evaluations: Int, tolerance: Double = 1e-9, _ function: ([Double]) -> Double
  ) -> (point: [Double], value: Double) {
    var used = 0
    func evaluate(_ point: [Double]) -> Double {
      used += 1
      let value = function(point)
      return value.isNaN ? .infinity : value
    }
    guard !start.isEmpty else { return (start, evaluate(start)) }
    var simplex = [(point: start, value: evaluate(start))]
    for index in start.indices {
      var point = start
      point[index] += step
      simplex.append((point, evaluate(point)))
    }
    let last = start.count
    while used < evaluations {
      simplex.sort { $0.value < $1.value }
      if simplex[last].value - simplex[0].value <= tolerance * (abs(simplex[0].value) + tolerance) { break }
      var centre = Array(repeating: 0.0, count: start.count)
      for vertex in simplex.dropLast() {
        for index in centre.indices { centre[index] += vertex.point[index] / Double(last) }
      }
      func away(_ factor: Double) -> (point: [Double], value: Double) {
        let point = zip(centre, simplex[last].point).map { $0 + factor * ($0 - $1) }
        return (point, evaluate(point))
      }
      let reflected = away(1)
      if reflected.value < simplex[0].value {
        let expanded = away(2)
        simplex[last] = expanded.value < reflected.value ? expanded : reflected
      } else if reflected.value < simplex[last - 1].value || last == 0 {
        simplex[last] = reflected
      } else {
        let contracted = away(reflected.value < simplex[last].value ? 0.5 : -0.5)
        if contracted.value < min(reflected.value, simplex[last].value) {
          simplex[last] = contracted
        } else {
          for index in 1...last {
            let point = zip(simplex[0].point, simplex[index].point).map { ($0 + $1) / 2 }
            simplex[index] = (point, evaluate(point))
          }
        }
      }
    }
    return simplex.min { $0.value < $1.value } ?? (start, .infinity)
  }
}
