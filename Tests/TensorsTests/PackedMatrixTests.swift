import CKernels
import Foundation
import Testing

@testable import Tensors

/// Every way to store weights.
enum Stored: CaseIterable {
  case float32, bfloat16, bfloat16x2, expanded

  func matrix(_ w: [Float], outputs: Int, inputs: Int) -> PackedMatrix {
    let precision: Precision? =
      switch self {
      case .float32: .float32
      case .bfloat16: .bfloat16
      case .bfloat16x2: .bfloat16x2
      case .expanded: nil
      }
    if let precision {
      return PackedMatrix(outputs: outputs, inputs: inputs, precision: precision) { row, target in
        for index in 0..<inputs { target[index] = w[row * inputs + index] }
      }
    }
    return PackedMatrix(outputs: outputs, inputs: inputs) { rows, target in
      for index in 0..<(rows.count * inputs) { target[index] = w[rows.lowerBound * inputs + index] }
    }
  }
}

extension PackedMatrix {
  func product(_ x: [Float], rows: Int, threads: Int = 1) -> [UInt32] {
    var y = [Float](repeating: .nan, count: rows * outputs)
    multiply(x, rows: rows, into: &y, threads: threads)
    return y.map(\.bitPattern)
  }

  func transposedProduct(_ y: [Float], rows: Int, threads: Int = 1) -> [UInt32] {
    var x = [Float](repeating: .nan, count: rows * inputs)
    multiplyTransposed(y, rows: rows, into: &x, threads: threads)
    return x.map(\.bitPattern)
  }
}

/// Outputs and inputs, around the sizes of panels, pairs, tiles and spans.
private let shapes = [
  (1, 1), (2, 3), (16, 8), (33, 7), (50, 65), (130, 96), (147, 31), (18, 64), (35, 193),
]

func bfloat16(_ values: [Float]) -> [Float] {
  var halves = [UInt16](repeating: 0, count: values.count)
  bathyscope_float32_to_bfloat16(values, &halves, values.count)
  return halves.map { Float(bitPattern: UInt32($0) << 16) }
}

@Suite("Packed matrices in every precision")
struct PackedMatrixTests {
  /// The law on which batch invariance rests, for each storage.
  @Test(arguments: Stored.allCases)
  func aRowIsTheSameBitsInAnyBatchOnAnyThreads(stored: Stored) {
    for (outputs, inputs) in shapes {
      var noise = Noise(state: UInt64(outputs))
      let most = 40
      let (x, w) = (noise.floats(most * inputs), noise.floats(outputs * inputs))
      let matrix = stored.matrix(w, outputs: outputs, inputs: inputs)
      let alone = (0..<most).flatMap {
        matrix.product(Array(x[($0 * inputs)..<(($0 + 1) * inputs)]), rows: 1)
      }
      for rows in 1...most {
        let first = (rows * 7) % (most - rows + 1)
        let part = Array(x[(first * inputs)..<((first + rows) * inputs)])
        for threads in 1...3 {
          let same = matrix.product(part, rows: rows, threads: threads).elementsEqual(
            alone[(first * outputs)..<((first + rows) * outputs)])
          #expect(same, "\(outputs) x \(inputs), rows \(first) + \(rows), threads \(threads)")
        }
      }
    }
  }

  @Test(arguments: Stored.allCases)
  func transposedRowsAreTheSameBitsInAnyBatchOnAnyThreads(stored: Stored) {
    for (outputs, inputs) in shapes + [(1000, 130)] {
      var noise = Noise(state: UInt64(outputs))
      let most = 13
      let (y, w) = (noise.floats(most * outputs), noise.floats(outputs * inputs))
      let matrix = stored.matrix(w, outputs: outputs, inputs: inputs)
      let alone = (0..<most).flatMap {
        matrix.transposedProduct(Array(y[($0 * outputs)..<(($0 + 1) * outputs)]), rows: 1)
      }
      for rows in 1...most {
        for threads in 1...3 {
          let part = Array(y[..<(rows * outputs)])
          let same = matrix.transposedProduct(part, rows: rows, threads: threads).elementsEqual(
            alone[..<(rows * inputs)])
          #expect(same, "\(outputs) x \(inputs), rows \(rows), threads \(threads)")
        }
      }
    }
  }

  @Test(arguments: Stored.allCases)
  func transposedProductIsRight(stored: Stored) {
    // The last ones are more rows of weights than are taken at a time.
    for (outputs, inputs) in shapes + [(1000, 130)] {
      var noise = Noise(state: UInt64(inputs))
      let (y, w) = (noise.floats(5 * outputs), bfloat16(noise.floats(outputs * inputs)))
      let matrix = stored.matrix(w, outputs: outputs, inputs: inputs)
      let x = matrix.transposedProduct(y, rows: 5).map { Float(bitPattern: $0) }
      let isRight = (0..<(5 * inputs)).allSatisfy { place in
        let (row, input) = (place / inputs, place % inputs)
        let expected = (0..<outputs).reduce(0.0) {
          $0 + Double(y[row * outputs + $1]) * Double(w[$1 * inputs + input])
        }
        return abs(Double(x[place]) - expected) < 1e-5 * Double(outputs).squareRoot()
      }
      #expect(isRight, "\(outputs) x \(inputs)")
    }
  }

  /// Weights that were bfloat16 before lose nothing, and expanded ones are what they were.
  @Test func exactStorageGivesTheBitsOfFloat32() {
    for (outputs, inputs) in shapes {
      var noise = Noise(state: 7)
      let (x, w) = (noise.floats(9 * inputs), bfloat16(noise.floats(outputs * inputs)))
      let expected = Stored.float32.matrix(w, outputs: outputs, inputs: inputs)
      for stored in [Stored.bfloat16x2, .expanded] {
        let matrix = stored.matrix(w, outputs: outputs, inputs: inputs)
        #expect(matrix.roundingChange == 0)
        #expect(matrix.product(x, rows: 9) == expected.product(x, rows: 9))
        var (row, expectedRow) = ([Float](repeating: 0, count: inputs), [Float](w[..<inputs]))
        for index in 0..<outputs {
          expectedRow = Array(w[(index * inputs)..<((index + 1) * inputs)])
          matrix.copyRow(index, to: &row)
          #expect(row == expectedRow)
        }
      }
    }
  }

  /// Products of bfloat16 are exact in a float, so a plain loop over floats gives the same bits.
  @Test func bfloat16IsASumOfSpansOfExactProducts() {
    for (outputs, inputs) in shapes {
      var noise = Noise(state: 11)
      let (x, w) = (noise.floats(8 * inputs), noise.floats(outputs * inputs))
      let (roundX, roundW) = (bfloat16(x), bfloat16(w))
      let expected = (0..<(8 * outputs)).map { place in
        let (row, output) = (place / outputs, place % outputs)
        let spans = stride(from: 0, to: inputs, by: 64).map { first in
          (first..<min(first + 64, inputs)).reduce(Float(0)) {
            $0 + roundX[row * inputs + $1] * roundW[output * inputs + $1]
          }
        }
        return spans.dropFirst().reduce(spans[0], +).bitPattern
      }
      let matrix = Stored.bfloat16.matrix(w, outputs: outputs, inputs: inputs)
      #expect(matrix.product(x, rows: 8) == expected, "\(outputs) x \(inputs)")
    }
  }

  /// Of 4,096 terms one chain is off by 45 roundings, spans of 64 by 8.
  @Test(arguments: Stored.allCases)
  func roundingGrowsWithTheSpanNotWithAllTerms(stored: Stored) {
    let (rows, outputs, inputs) = (7, 40, 4096)
    var noise = Noise(state: 5)
    let (x, w) = (bfloat16(noise.floats(rows * inputs)), bfloat16(noise.floats(outputs * inputs)))
    var exact: [Double] = []
    var chains: [Float] = []
    for row in 0..<rows {
      for output in 0..<outputs {
        let terms = (0..<inputs).map { (x[row * inputs + $0], w[output * inputs + $0]) }
        exact.append(terms.reduce(0) { $0 + Double($1.0) * Double($1.1) })
        chains.append(terms.reduce(0) { $0.addingProduct($1.0, $1.1) })
      }
    }
    func error(_ values: [Float]) -> Double {
      zip(values, exact).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
        .squareRoot()
    }
    let matrix = stored.matrix(w, outputs: outputs, inputs: inputs)
    let values = matrix.product(x, rows: rows).map { Float(bitPattern: $0) }
    #expect(error(values) < 0.3 * error(chains), "\(error(values)) of \(error(chains))")
  }

  @Test func saysHowFarRoundingWent() {
    func change(_ weights: [Float]) -> Float {
      Stored.bfloat16.matrix(weights, outputs: 1, inputs: weights.count).roundingChange
    }
    #expect(change([1, -2.5, 0, 0x1.fep100]) == 0)
    #expect(abs(change([1, 1 + 0x1p-9, 3]) - 0x1p-9 / (1 + 0x1p-9)) < 1e-9)
    #expect(change([1, .nan, .infinity, 0x1p-140]) == 0)
    #expect(change([.greatestFiniteMagnitude]) == .infinity)
  }

  @Test(arguments: Stored.allCases) func countsNonFiniteWeights(stored: Stored) {
    var w = [Float](repeating: 1, count: 37 * 5)
    (w[3], w[100], w[184]) = (.nan, .infinity, -.infinity)
    #expect(stored.matrix(w, outputs: 37, inputs: 5).nonFinite == 3)
  }
}

@Suite("Teams")
struct TeamTests {
  @Test func everyIndexOnceAndNothingAfterwards() {
    let visits = Unchecked(UnsafeMutableBufferPointer<Int>.allocate(capacity: 64))
    defer { visits.value.deallocate() }
    var wrong = 0
    for round in 0..<20_000 {
      let count = 1 + round % 17
      visits.value.initialize(repeating: 0)
      Team.shared.run(count, threads: 1 + round % 4) { visits.value[$0] += 1 }
      let isRight = (0..<64).allSatisfy { visits.value[$0] == ($0 < count ? 1 : 0) }
      wrong += isRight ? 0 : 1
    }
    #expect(wrong == 0)
  }

  @Test func loopsInsideLoopsAndFromSeveralThreads() {
    let sums = Unchecked(UnsafeMutableBufferPointer<Int>.allocate(capacity: 300))
    defer { sums.value.deallocate() }
    sums.value.initialize(repeating: 0)
    parallelFor(3, threads: 3) { outer in
      Team.shared.run(10, threads: 2) { middle in
        Team.shared.run(10, threads: 2) { sums.value[outer * 100 + middle * 10 + $0] += 1 }
      }
    }
    #expect(sums.value.allSatisfy { $0 == 1 })
  }
}
