import Files
import Foundation
import Tensors
import Testing

@testable import Checkpoints

/// A file or folder of the models and adapters that `Oracles/adapters.py` records.
func adapterPath(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Golden/adapters/\(name)").path
}

/// One parameter's rows as a loader makes them, `[outputs, inputs]`, or a vector's values.
func adaptedRows(
  _ parameter: String, _ adapters: Adapters, _ checkpoint: Checkpoint
) throws -> Matrix {
  let base = try checkpoint.tensor(parameter)
  let stored = try adapters.replacement(for: parameter, shape: base.shape) ?? base
  var matrix = Matrix(
    rows: stored.rowCount, columns: stored.rowLength, values: stored.floats())
  let isConv1D = ["c_attn", "c_proj", "c_fc"].contains { parameter.hasSuffix("\($0).weight") }
  if isConv1D { matrix = matrix.transposed }
  let update = try adapters.update(
    for: parameter, rows: matrix.rows, columns: matrix.columns)
  guard let update else { return matrix }
  matrix.values.withUnsafeMutableBufferPointer { values in
    guard let start = values.baseAddress else { return }
    for row in (0..<update.rows).reversed() {
      update.apply(toRow: row, start + row * update.columns)
    }
  }
  return matrix
}

extension Matrix {
  fileprivate var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    for row in 0..<rows { for column in 0..<columns { result[column, row] = self[row, column] } }
    return result
  }
}

@Suite struct AdapterTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let model: String
    let adapters: [(name: String, weight: Float)]

    init(_ name: String, _ model: String, _ adapters: [(String, Float)]) {
      (testDescription, self.model, self.adapters) = (name, model, adapters)
    }

    func open() throws -> Adapters {
      try Adapters(try adapters.map { try Adapter.open(adapterPath($0.name), weight: $0.weight) })
    }
  }

  static let cases =
    [
      "llama-attention", "llama-mlp", "llama-embedding", "llama-whole", "llama-dora",
      "tied-embedding", "gpt2-plain", "gpt2-dora",
    ].map { Case($0, String($0.prefix { $0 != "-" }), [($0, 1)]) } + [
      Case("llama+weighted", "llama", [("llama-attention", 0.7), ("llama-mlp", -1.3)]),
      Case("llama+both", "llama", [("llama-attention", 1), ("llama-mlp", 1)]),
    ]

  /// Expected: the merged weights of PEFT, by `merge_and_unload`, `add_weighted_adapter` with
  /// "cat" and by merging one adapter after the other.
  @Test(arguments: cases) func equalsPEFT(_ example: Case) throws {
    let merged = try Checkpoint.open(adapterPath("merged.safetensors"))
    let checkpoint = try Checkpoint.open(adapterPath(example.model))
    let adapters = try example.open()
    let prefix = example.testDescription + "/"
    let recorded = merged.names.filter { $0.hasPrefix(prefix) }
    #expect(recorded.count > 1)
    for name in recorded {
      let parameter = String(name.dropFirst(prefix.count))
      let rows = try adaptedRows(parameter, adapters, checkpoint)
      let tensor = try merged.tensor(name)
      let expected = tensor.floats()
      let isVector = tensor.shape.count == 1
      let found =
        isVector
        ? stride(from: 0, to: rows.values.count, by: 5).map { rows.values[$0] }
        : stride(from: 0, to: rows.rows, by: 5).flatMap { rows[$0] }
      #expect(found.count == expected.count)
      let scale = expected.map(abs).max() ?? 0
      let error = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error < 5e-7 * scale, "\(parameter): \(error / scale)")
    }
    let touched = checkpoint.names.filter(adapters.touch)
    #expect(Set(touched) == Set(recorded.map { String($0.dropFirst(prefix.count)) }))
    try adapters.requireUsed(Set(checkpoint.names))
    let error = expectProblem(.adapterMismatch) {
      try adapters.requireUsed(Set(checkpoint.names).subtracting(touched.prefix(1)))
    }
    #expect(error?.place.contains(touched.first ?? "") == true)
  }

  /// Expected: which modules PEFT's `get_pattern_key` finds each pattern to stand for.
  @Test func patternsMatchAsInPEFT() throws {
    let golden = try golden("adapters/patterns.json")
    let modules = try #require(golden["modules"]?.array).compactMap(\.bytes)
    let matches = try #require(golden["matches"]?.object).members
    #expect(matches.count > 200)
    for (key, expected) in matches {
      let pattern = try #require(AdapterPattern(key), "\(printable(key))")
      var cost = 0
      let found = modules.filter { pattern.matches($0, cost: &cost) }
      #expect(found == expected.array?.compactMap(\.bytes), "\(printable(key))")
    }
    for key in ["", "^", "(a|b)", "[ab]", "a{2}", "\\w", "a\\", "*", "a**", "a b", "a|b", "é"] {
      #expect(AdapterPattern(Array(key.utf8)) == nil, "\(key)")
    }
  }

  /// Against sums in double precision, over sizes around the kernel's tiles.
  @Test(arguments: [(1, 1, 1), (5, 16, 3), (17, 33, 16), (40, 100, 65)])
  func updateIsAccurateAndTheSameForEveryRow(_ rows: Int, _ columns: Int, _ rank: Int) throws {
    var random = SplitMix64(state: 9)
    func matrix(_ rows: Int, _ columns: Int) -> Matrix {
      Matrix(
        rows: rows, columns: columns,
        values: (0..<(rows * columns)).map { _ in Float.random(in: -1...1, using: &random) })
    }
    let (left, right, base) = (matrix(rows, rank), matrix(rank, columns), matrix(rows, columns))
    let update = AdapterUpdate(left: left, right: right, magnitude: nil)
    for row in 0..<rows {
      var values = Array(base[row])
      update.apply(toRow: row, &values)
      var worst = 0.0
      for column in 0..<columns {
        var (sum, size) = (Double(base[row, column]), abs(Double(base[row, column])))
        for index in 0..<rank {
          let term = Double(left[row, index]) * Double(right[index, column])
          (sum, size) = (sum + term, size + abs(term))
        }
        worst = max(worst, abs(Double(values[column]) - sum) / size)
      }
      #expect(worst < Double(rank + 1) * 0x1p-24)
    }
  }

  @Test func zeroWeightChangesNoBit() throws {
    let checkpoint = try Checkpoint.open(adapterPath("llama"))
    let adapter = try Adapter.open(adapterPath("llama-attention"), weight: 0)
    let adapters = try Adapters([adapter])
    let name = "model.layers.0.self_attn.q_proj.weight"
    let update = try #require(try adapters.update(for: name, rows: 24, columns: 24))
    var row = [Float](repeating: -0.0, count: 24)
    update.apply(toRow: 3, &row)
    #expect(row.allSatisfy { $0.bitPattern == Float(-0.0).bitPattern })
    let rows = try adaptedRows(name, adapters, checkpoint).values
    let same = try rows == checkpoint.tensor(name).floats()
    #expect(same)
    try adapters.requireUsed(Set(checkpoint.names))
  }

  @Test func identityNamesFilesAndWeight() throws {
    let path = adapterPath("llama-attention")
    let identity = try Adapter.open(path, weight: 0.25).identity
    #expect(identity.id == "llama-attention" && identity.weight == 0.25)
    let weights = Digest.sha256(try readFile("\(path)/adapter_model.safetensors"))
    #expect(identity.weightsSHA256 == weights)
    let configuration = Digest.sha256(try readFile("\(path)/adapter_config.json"))
    #expect(identity.configurationSHA256 == configuration)
  }

  /// The copy of the embedding that PEFT stores belongs to the unembedding that shares its memory,
  /// the update to the embedding alone.
  @Test func baseCopyServesTiedParameters() throws {
    let adapters = try Adapters([try Adapter.open(adapterPath("tied-embedding"))])
    let embedding = "model.embed_tokens.weight"
    let copy = try adapters.replacement(for: embedding, shape: [61, 24])
    let shared = try adapters.replacement(
      for: "lm_head.weight", shape: [61, 24], tiedTo: embedding)
    #expect(copy?.name == shared?.name && copy != nil)
    #expect(try adapters.replacement(for: "lm_head.weight", shape: [61, 24]) == nil)
    #expect(try adapters.update(for: "lm_head.weight", rows: 61, columns: 24) == nil)
    #expect(adapters.touch(embedding) && !adapters.touch("lm_head.weight"))
  }

  @Test func refusesWhatHasNoAgreedMeaning() throws {
    for (name, problem) in [("llama-whole", "stored whole"), ("llama-dora", "DoRA")] {
      let error = expectProblem(.adapterWeight) {
        try Adapter.open(adapterPath(name), weight: 0.5)
      }
      #expect(error?.problem.contains(problem) == true)
    }
    for weight in [Float.nan, .infinity] {
      let error = expectProblem(.notFinite) {
        try Adapter.open(adapterPath("llama-mlp"), weight: weight)
      }
      #expect(error?.place == "weight")
    }
    let pairs = [
      ("llama-dora", "llama-mlp", "down_proj"), ("llama-whole", "llama-whole", "lm_head"),
      ("llama-whole", "llama-embedding", "lm_head"), ("llama-embedding", "llama-whole", "lm_head"),
    ]
    for (one, other, place) in pairs {
      let error = expectProblem(.adaptersClash) {
        try Adapters([try Adapter.open(adapterPath(one)), try Adapter.open(adapterPath(other))])
      }
      #expect(error?.problem.contains("combined") == true && error?.place.contains(place) == true)
    }
    let twice = try Adapter.open(adapterPath("llama-embedding"), weight: 0.5)
    #expect(throws: Never.self) { try Adapters([twice, twice]) }
  }

  @Test func refusesOtherShapes() throws {
    let adapters = try Adapters([
      try Adapter.open(adapterPath("llama-attention")),
      try Adapter.open(adapterPath("llama-whole")),
    ])
    let name = "model.layers.1.self_attn.k_proj.weight"
    #expect(try adapters.update(for: name, rows: 12, columns: 24) != nil)
    for (rows, columns) in [(24, 12), (12, 25), (13, 24)] {
      let error = expectProblem(.adapterMismatch) {
        try adapters.update(for: name, rows: rows, columns: columns)
      }
      #expect(error?.problem.contains("[12, 24]") == true)
    }
    let error = expectProblem(.adapterMismatch) {
      try adapters.replacement(for: "lm_head.weight", shape: [62, 24])
    }
    #expect(error?.problem.contains("[61, 24]") == true)
  }
}
