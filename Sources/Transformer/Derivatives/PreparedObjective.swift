import CKernels
import Files
import Foundation
import Tensors

/// An objective checked against a model: what is asked of each hook.
struct PreparedObjective: Sendable {
  private let terms: [HookPoint: [Objective.Term]]
  /// The last hook that a term reads; nothing after it is computed.
  let last: HookPoint

  var hooks: [HookPoint] { terms.keys.sorted() }

  init(_ objective: Objective, shape: ModelShape) throws(Problem) {
    for (index, term) in objective.terms.enumerated() {
      let name = "objective, term \(index)"
      guard term.weight.isFinite else {
        throw Problem(
          .notFinite, name, problem: "has the weight \(term.weight)", remedy: "give a finite weight"
        )
      }
      switch term.quantity {
      case .logProbability(let token): try Self.check([token], name, shape)
      case .logitDifference(let token, let other): try Self.check([token, other], name, shape)
      case .projection(let vector, let bias, let hook):
        try Self.check(vector, bias, hook, name, shape)
      }
    }
    terms = Dictionary(grouping: objective.terms, by: \.hook)
    guard let last = terms.keys.max() else {
      throw Problem(
        .invalidArgument, "objective", problem: "has no terms", remedy: "give at least one")
    }
    self.last = last
  }

  /// Refuses positions that a sequence does not have: its objective would be a sum of nothing.
  func check(against batch: Batch) throws(Problem) {
    for term in terms.values.joined() {
      for sequence in batch.sequences where term.positions.indices(in: sequence).isEmpty {
        throw Problem(
          .noSuchPosition, "objective at \(term.hook)", place: "positions \(term.positions)",
          problem: "prompt '\(sequence.id)' has no such positions",
          remedy: "leave the prompt out or name other positions")
      }
    }
  }

  private static func check(
    _ tokens: [Int32], _ name: String, _ shape: ModelShape
  ) throws(Problem) {
    if let wrong = tokens.first(where: { $0 < 0 || $0 >= shape.dVocabulary }) {
      throw Problem(
        .unknownToken, name,
        problem: "token \(wrong) is not in the vocabulary of \(shape.dVocabulary)",
        remedy: "check that the ids were made for this model")
    }
  }

  private static func check(
    _ vector: [Float], _ bias: Float, _ hook: HookPoint, _ name: String, _ shape: ModelShape
  ) throws(Problem) {
    guard shape.has(hook), hook == .logits || !hook.site.isReadOnly else {
      throw Problem(
        .noSuchHook, name, place: hook.description,
        problem: "is not a place in this model's forward pass that can be projected",
        remedy: "name another hook")
    }
    let width = shape.width(of: hook.site, tokens: 0)
    guard vector.count == width, vector.allSatisfy(\.isFinite), bias.isFinite else {
      throw Problem(
        .unfitVector, name, place: hook.description,
        problem: "the vector has \(vector.count) values, or one that is not finite",
        remedy: "give \(width) finite values")
    }
  }
}

extension PreparedObjective {
  /// A row of a tile that terms read.
  struct Reading {
    var row: Int
    /// The row's sequence, counted in the tile.
    var sequence: Int
    var terms: [Objective.Term]
  }

  /// The rows that are read at a hook, ascending.
  func readings(_ hook: HookPoint, _ tile: Tile, _ batch: Batch) -> [Reading] {
    guard let terms = terms[hook] else { return [] }
    var readings: [Reading] = []
    for (index, sequence) in batch.sequences[tile.sequences].enumerated() {
      var termsAt: [Int: [Objective.Term]] = [:]
      for term in terms {
        for position in term.positions.indices(in: sequence) {
          termsAt[position, default: []].append(term)
        }
      }
      readings += termsAt.sorted { $0.key < $1.key }.map {
        Reading(row: tile.offsets[index] + $0.key, sequence: index, terms: $0.value)
      }
    }
    return readings
  }

  /// Adds what the readings give to each sequence's value; returns the gradient of their sum with
  /// respect to x.
  static func evaluate(
    _ readings: [Reading], of x: CPUActivations, into values: inout [Double], _ device: CPUBackend
  ) -> CPUActivations {
    let gradient = device.zeros(x.rows, x.columns)
    for reading in readings {
      let row = UnsafeBufferPointer(start: x.row(reading.row), count: x.columns)
      for term in reading.terms {
        values[reading.sequence] += term.evaluate(row, gradient: gradient.row(reading.row))
      }
    }
    return gradient
  }
}

extension Objective.Term {
  /// The term's value at one position, whose gradient is added.
  fileprivate func evaluate(
    _ x: UnsafeBufferPointer<Float>, gradient: UnsafeMutablePointer<Float>
  ) -> Double {
    switch quantity {
    case .logProbability(let token):
      let largest = Double(x.max() ?? 0)
      let powers = x.map { exp(Double($0) - largest) }
      let sum = powers.reduce(0, +)
      for index in x.indices { gradient[index] -= Float(weight * (powers[index] / sum)) }
      gradient[Int(token)] += Float(weight)
      return weight * (Double(x[Int(token)]) - largest - log(sum))
    case .logitDifference(let token, let other):
      gradient[Int(token)] += Float(weight)
      gradient[Int(other)] -= Float(weight)
      return weight * (Double(x[Int(token)]) - Double(x[Int(other)]))
    case .projection(let vector, let bias, _):
      bathyscope_add_scaled(gradient, vector, Float(weight), vector.count)
      return weight * zip(x, vector).reduce(Double(bias)) { $0 + Double($1.0) * Double($1.1) }
    }
  }
}
