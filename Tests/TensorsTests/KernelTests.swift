import CKernels
import Foundation
import Testing

@testable import Tensors

/// Random numbers that are the same on every run.
struct Noise: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float.random(in: -2...2, using: &self) }
  }
}

@Suite("Kernels against scalar references")
struct KernelTests {
  @Test(arguments: [1, 6, 15, 16, 17, 48, 576])
  func rmsNorm(width: Int) {
    var noise = Noise(state: UInt64(width))
    let rows = 5
    let (x, gain) = (noise.floats(rows * width), noise.floats(width))
    var out = [Float](repeating: 0, count: rows * width)
    bathyscope_rms_norm(&out, x, gain, rows, width, 1e-5)
    for row in 0..<rows {
      let slice = x[(row * width)..<((row + 1) * width)]
      let mean = slice.reduce(0) { $0 + Double($1) * Double($1) } / Double(width)
      for (column, value) in slice.enumerated() {
        let expected = Double(gain[column]) * Double(value) / (mean + 1e-5).squareRoot()
        #expect(abs(Double(out[row * width + column]) - expected) < 1e-6 * (1 + abs(expected)))
      }
    }
  }

  @Test(arguments: [1, 15, 16, 33, 1000])
  func siluMultiply(count: Int) {
    var noise = Noise(state: UInt64(count))
    var x = noise.floats(count).map { $0 * 10 }
    x[0] = -200
    if count > 1 { x[1] = 200 }
    let y = noise.floats(count)
    var out = [Float](repeating: 0, count: count)
    bathyscope_gate(&out, x, y, count, bathyscope_silu)
    for index in 0..<count {
      let expected = Double(x[index]) / (1 + exp(-Double(x[index]))) * Double(y[index])
      #expect(abs(Double(out[index]) - expected) < 1e-6 * (1 + abs(expected)))
    }
  }

  @Test(arguments: [(1, 2, 1), (3, 6, 3), (2, 64, 32), (5, 10, 5), (3, 12, 2)])
  func rotation(heads: Int, width: Int, half: Int) {
    var noise = Noise(state: UInt64(heads * width))
    let rows = 4
    let x = noise.floats(rows * heads * width)
    let angles = noise.floats(rows * half)
    var out = x
    bathyscope_rotate(
      &out, angles.map { cos($0) }, angles.map { sin($0) }, rows, heads, width, half)
    for row in 0..<rows {
      for head in 0..<heads {
        for index in 0..<half {
          let first = (row * heads + head) * width + index
          let angle = Double(angles[row * half + index])
          let (a, b) = (Double(x[first]), Double(x[first + half]))
          #expect(abs(Double(out[first]) - (a * cos(angle) - b * sin(angle))) < 1e-6)
          #expect(abs(Double(out[first + half]) - (b * cos(angle) + a * sin(angle))) < 1e-6)
        }
        let rest = ((row * heads + head) * width + 2 * half)..<((row * heads + head + 1) * width)
        #expect(rest.allSatisfy { out[$0] == x[$0] })
      }
    }
  }

  @Test func dotAndAddScaled() {
    var noise = Noise(state: 5)
    for count in [0, 1, 15, 16, 31, 257] {
      let (x, y) = (noise.floats(count), noise.floats(count))
      let expected = zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(Double(bathyscope_dot(x, y, count)) - expected) < 1e-4)
      var sum = x
      bathyscope_add_scaled(&sum, y, 0.5, count)
      #expect(zip(sum, zip(x, y)).allSatisfy { abs($0 - ($1.0 + 0.5 * $1.1)) < 1e-6 })
    }
  }
}

@Suite("Matrix products")
struct MatrixProductTests {
  static func product(_ x: [Float], _ w: [Float], rows: Int, inputs: Int, outputs: Int) -> [Float] {
    let packed = PackedMatrix(outputs: outputs, inputs: inputs) { row, target in
      for index in 0..<inputs { target[index] = w[row * inputs + index] }
    }
    var y = [Float](repeating: .nan, count: rows * outputs)
    packed.multiply(x, rows: rows, into: &y)
    return y
  }

  @Test(arguments: [(1, 3, 2), (5, 17, 9), (30, 64, 800), (7, 576, 192), (13, 40, 67)])
  func againstScalarReferenceAndOpenBLAS(rows: Int, inputs: Int, outputs: Int) {
    var noise = Noise(state: UInt64(rows))
    let (x, w) = (noise.floats(rows * inputs), noise.floats(outputs * inputs))
    let y = Self.product(x, w, rows: rows, inputs: inputs, outputs: outputs)
    let blas = Matrix(rows: rows, columns: inputs, values: x).multiplied(
      byTransposeOf: Matrix(rows: outputs, columns: inputs, values: w))
    let bound = 1e-5 * Double(inputs).squareRoot()
    for row in 0..<rows {
      for output in 0..<outputs {
        let expected = (0..<inputs).reduce(0.0) {
          $0 + Double(x[row * inputs + $1]) * Double(w[output * inputs + $1])
        }
        #expect(abs(Double(y[row * outputs + output]) - expected) < bound)
        #expect(abs(Double(blas[row, output]) - expected) < bound)
      }
    }
  }

  @Test func rowsComeBack() {
    let packed = PackedMatrix(outputs: 37, inputs: 5) { row, target in
      for index in 0..<5 { target[index] = Float(row * 5 + index) }
    }
    var row = [Float](repeating: 0, count: 5)
    for index in 0..<37 {
      packed.copyRow(index, to: &row)
      #expect(row == (0..<5).map { Float(index * 5 + $0) })
    }
  }

  /// The law on which batch invariance rests: a row's bits do not depend on how many stand beside it.
  @Test(arguments: [(576, 192), (96, 1536), (40, 30)])
  func aRowIsTheSameBitsInAnyBatch(inputs: Int, outputs: Int) {
    var noise = Noise(state: 9)
    let rows = 119
    let (x, w) = (noise.floats(rows * inputs), noise.floats(outputs * inputs))
    let whole = Self.product(x, w, rows: rows, inputs: inputs, outputs: outputs)
    for count in [1, 2, 7, 12, 13, 23, 24, 25, 48, 49, 100, 118] {
      for first in [0, 1, 5, rows - count] where first + count <= rows {
        let part = Self.product(
          Array(x[(first * inputs)..<((first + count) * inputs)]), w, rows: count, inputs: inputs,
          outputs: outputs)
        let same = part.map(\.bitPattern).elementsEqual(
          whole[(first * outputs)..<((first + count) * outputs)].map(\.bitPattern))
        #expect(same, "rows \(first) ..< \(first + count)")
      }
    }
  }
}

@Test(arguments: [0, 1, 3, 50]) func parallelForVisitsEveryIndexOnce(count: Int) {
  for threads in [1, 2, 5] {
    let visits = Unchecked(UnsafeMutableBufferPointer<Int>.allocate(capacity: max(count, 1)))
    visits.value.initialize(repeating: 0)
    parallelFor(count, threads: threads) { visits.value[$0] += 1 }
    #expect(visits.value.prefix(count).allSatisfy { $0 == 1 })
    visits.value.deallocate()
  }
}
