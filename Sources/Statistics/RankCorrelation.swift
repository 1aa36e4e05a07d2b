import Files

/// Spearman's rank correlation with ties: the product-moment correlation of the midranks.
///
/// Nil for fewer than two items or a constant series: it has no correlation, neither 0 nor 1.
/// - Throws: when the series differ in length or a value is not finite.
public func spearman(_ first: [Double], _ second: [Double]) throws(Problem) -> Double? {
  try requireSameCount(first.count, second.count, "Spearman correlation")
  try requireFinite(first + second, "Spearman correlation")
  let (a, b) = (midranks(first), midranks(second))
  let mean = Double(a.count + 1) / 2
  var (product, squares, otherSquares) = (0.0, 0.0, 0.0)
  for index in a.indices {
    product += (a[index] - mean) * (b[index] - mean)
    squares += (a[index] - mean) * (a[index] - mean)
    otherSquares += (b[index] - mean) * (b[index] - mean)
  }
  guard squares > 0, otherSquares > 0 else { return nil }
  return min(max(product / (squares * otherSquares).squareRoot(), -1), 1)
}

/// Kendall's tau-b (Kendall 1945), counted in O(n log n) by merge sort (Knight 1966).
///
/// Nil for fewer than two items or a constant series.
/// - Throws: when the series differ in length or a value is not finite.
public func kendall(_ first: [Double], _ second: [Double]) throws(Problem) -> Double? {
  try requireSameCount(first.count, second.count, "Kendall correlation")
  try requireFinite(first + second, "Kendall correlation")
  let order = first.indices.sorted { (first[$0], second[$0]) < (first[$1], second[$1]) }
  func pairs(_ count: Int) -> Int { count * (count - 1) / 2 }
  func tiedPairs(_ count: Int, _ isTie: (Int) -> Bool) -> Int {
    var (sum, run) = (0, 1)
    for index in stride(from: 1, to: count, by: 1) {
      if isTie(index) {
        run += 1
      } else {
        sum += pairs(run)
        run = 1
      }
    }
    return sum + pairs(run)
  }
  let tiedFirst = tiedPairs(order.count) { first[order[$0]] == first[order[$0 - 1]] }
  let tiedBoth = tiedPairs(order.count) {
    first[order[$0]] == first[order[$0 - 1]] && second[order[$0]] == second[order[$0 - 1]]
  }
  let sorted = second.sorted()
  let tiedSecond = tiedPairs(sorted.count) { sorted[$0] == sorted[$0 - 1] }
  var values = order.map { second[$0] }
  let discordant = inversions(&values)
  let total = pairs(order.count)
  guard total > tiedFirst, total > tiedSecond else { return nil }
  let difference = total - tiedFirst - tiedSecond + tiedBoth - 2 * discordant
  return Double(difference) / (Double(total - tiedFirst) * Double(total - tiedSecond)).squareRoot()
}

/// Ranks from 1, equal values sharing the mean of their ranks.
func midranks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for position in start..<end { ranks[order[position]] = Double(start + end + 1) / 2 }
    start = end
  }
  return ranks
}

/// The number of pairs that stand in descending order; the values end up sorted.
private func inversions(_ values: inout [Double]) -> Int {
  var (count, width) = (0, 1)
  var merged = values
  while width < values.count {
    for start in stride(from: 0, to: values.count, by: 2 * width) {
      let (middle, end) = (min(start + width, values.count), min(start + 2 * width, values.count))
      var (left, right) = (start, middle)
      for target in start..<end {
        if right == end || left < middle && values[left] <= values[right] {
          merged[target] = values[left]
          left += 1
        } else {
          merged[target] = values[right]
          right += 1
          count += middle - left
        }
      }
    }
    swap(&values, &merged)
    width *= 2
  }
  return count
}
