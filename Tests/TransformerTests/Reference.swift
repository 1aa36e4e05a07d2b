import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Transformer

/// What `Oracles/record_reference.py` recorded from Hugging Face transformers.
struct Reference {
  let checkpoint: Checkpoint
  let logitsStride: Int

  init(_ path: String) throws {
    checkpoint = try Checkpoint.open(path)
    logitsStride = Int(try checkpoint.string("logits_stride")) ?? 1
  }

  /// The recorded token ids of sequence `index`; nil behind the last.
  func sequence(_ index: Int) throws -> TokenSequence? {
    guard checkpoint.names.contains("\(index)/ids") else { return nil }
    return TokenSequence(id: "\(index)", tokens: try integers("\(index)/ids"))
  }

  var batch: Batch {
    get throws {
      var sequences: [TokenSequence] = []
      while let sequence = try sequence(sequences.count) { sequences.append(sequence) }
      return Batch(sequences)
    }
  }

  func integers(_ name: String) throws -> [Int32] {
    try checkpoint.tensor(name).floats().map { Int32($0) }
  }

  /// The hooks recorded for a sequence.
  func hooks(_ index: Int) -> [HookPoint] {
    checkpoint.names.filter { $0.hasPrefix("\(index)/") }
      .compactMap { HookPoint(String($0.dropFirst("\(index)/".count))) }.sorted()
  }

  func values(_ index: Int, _ hook: HookPoint) throws -> Matrix {
    let tensor = try checkpoint.tensor("\(index)/\(hook)")
    return Matrix(rows: tensor.rowCount, columns: tensor.rowLength, values: tensor.floats())
  }
}

/// The largest absolute difference, and the largest absolute expected value.
func distance(_ values: Matrix, _ expected: Matrix) -> (difference: Float, scale: Float) {
  let differences = zip(values.values, expected.values).map { abs($0 - $1) }
  let worst = differences.contains(where: \.isNaN) ? .infinity : differences.max() ?? 0
  return (worst, expected.values.map(abs).max() ?? 0)
}

func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

func golden(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Golden/\(name)").path
}

let tinyModels = ["tiny-llama", "tiny-llama-bias"]

/// The demo model where it has been fetched; its tests are skipped elsewhere.
let demoModel: Model? = try? Model.load("smollm2-135m")

/// Asserts that a run agrees with a reference at every recorded hook.
func expectAgreement(
  _ model: Model, _ reference: Reference, relative: Float, logits: Float? = nil
) throws {
  let batch = try reference.batch
  let rows: Positions =
    try reference.integers("\(batch.sequences.count - 1)/positions").count == 1 ? .last : .all
  let run = try model.run(
    batch, capturing: reference.hooks(0).map { Capture($0, at: rows) })
  var worst: (logits: Float, relative: Float) = (0, 0)
  for (index, sequence) in run.sequences.enumerated() {
    for hook in reference.hooks(index) {
      var values = try #require(sequence.values[hook])
      if hook == .logits, reference.logitsStride > 1 {
        let columns = stride(from: 0, to: values.columns, by: reference.logitsStride)
        values = Matrix(
          rows: values.rows, columns: Array(columns).count,
          values: (0..<values.rows).flatMap { row in columns.map { values[row, $0] } })
      }
      let expected = try reference.values(index, hook)
      let (difference, scale) = distance(values, expected)
      let bound = hook == .logits ? logits ?? relative * scale : relative * scale
      #expect(
        difference < bound, "sequence \(index), \(hook): off by \(difference), scale \(scale)")
      if hook == .logits {
        worst.logits = max(worst.logits, difference)
      } else {
        worst.relative = max(worst.relative, difference / scale)
      }
    }
  }
  print(
    "\(model.identity.id), \(batch.sequences.count) sequences, \(reference.hooks(0).count) hooks: "
      + "logits differ by at most \(worst.logits), other hooks by \(worst.relative) of the largest")
}
