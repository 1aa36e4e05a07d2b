import Checkpoints
import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import Transformer

@Suite("Parity with a recorded reference")
struct ParityTests {
  /// The tiny model's reference as tensors that can be changed, in a file that goes with it.
  final class Copy {
    var tensors: [String: (shape: [Int], values: [Float])] = [:]
    var metadata = ["logits_stride": "1"]
    let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString).safetensors"

    init() throws {
      let file = try Checkpoint.open(golden("tiny-llama/reference.safetensors"))
      for name in file.names {
        let tensor = try file.tensor(name)
        tensors[name] = (tensor.shape, tensor.floats())
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func reference() throws -> ParityReference {
      try SafetensorsFile.write(
        tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value.shape, $0.value.values) },
        metadata: metadata, to: path)
      return try ParityReference(path)
    }

    func parity(_ name: String = "tiny-llama") throws -> Parity {
      try Parity(of: Model.load(golden(name)), with: reference())
    }

    /// What is wrong with the file or with the model's sizes, in words.
    func problem() -> String? {
      do { _ = try parity() } catch { return "\(error)" }
      return nil
    }

    /// Keeps some rows of every hook, and the first of every so many logits.
    func thin(_ index: Int, rows: [Int], stride: Int) {
      for (name, tensor) in tensors where name.hasPrefix("\(index)/") && tensor.shape.count == 2 {
        let columns = Array(
          Swift.stride(
            from: 0, to: tensor.shape[1], by: name.hasSuffix("unembed.hook_out") ? stride : 1))
        tensors[name] = (
          [rows.count, columns.count],
          rows.flatMap { row in columns.map { tensor.values[row * tensor.shape[1] + $0] } }
        )
      }
      tensors["\(index)/positions"] = ([rows.count], rows.map { Float($0) })
    }
  }

  /// A reference in double precision tells how far transformers in float32 is, row by row.
  @Test func distancesFromDoublePrecisionAreMeansOverRowsPromptsAndLayers() throws {
    let copy = try Copy()
    #expect(try copy.reference().dtype == "float32" && copy.parity().distances.isEmpty)
    copy.metadata["dtype"] = "float64"
    let hook = HookPoint.residual(after: 1)
    let model = try Model.load(golden("tiny-llama"))
    var logarithm = 0.0
    for prompt in 0..<2 {
      let name = "\(prompt)/\(hook)"
      let recorded = try #require(copy.tensors[name])
      let (rows, width) = (recorded.shape[0], recorded.shape[1])
      copy.tensors["\(prompt)/float32/\(hook)"] = (
        [rows], (0..<rows).map { 1e-6 * Float($0 + 1) }
      )
      let ids = try #require(copy.tensors["\(prompt)/ids"]).values.map { Int32($0) }
      let run = try model.run(
        Batch([TokenSequence(id: "", tokens: ids)]), capturing: [Capture(hook, at: .all)])
      let found = try #require(run.sequences[0].values[hook])
      let distances = (0..<rows).map { row in
        let pairs = (0..<width).map {
          (Double(recorded.values[row * width + $0]), Double(found[row, $0]))
        }
        let squares = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (squares / pairs.reduce(0) { $0 + $1.0 * $1.0 }).squareRoot()
      }
      let theirs = 1e-6 * Double(rows + 1) / 2
      logarithm += log(distances.reduce(0, +) / Double(rows) / theirs) / 2
    }
    let distances = try copy.parity().distances
    #expect(distances.map(\.hook) == [hook] && distances[0].tensors == 2)
    let mean = try #require(distances.geometricMean())
    #expect(abs(mean.ratio / exp(logarithm) - 1) < 1e-5, "\(mean) and \(exp(logarithm))")
    #expect(abs(mean.ratio - mean.ours / mean.transformers) < 1e-9 * mean.ratio)
  }

  @Test func damagedDistancesAreErrors() throws {
    let name = "0/float32/\(HookPoint.residual(after: 1))"
    let rows = try #require(try Copy().tensors["0/positions"]).values.count
    for values in [[-1], [.nan], [.infinity], []] as [[Float]] {
      let copy = try Copy()
      copy.metadata["dtype"] = "float64"
      let all = values + Array(repeating: 1e-6, count: rows - 1)
      copy.tensors[name] = ([all.count], all)
      #expect(copy.problem()?.contains(name) == true, "\(values)")
    }
    let copy = try Copy()
    copy.metadata["dtype"] = "float16"
    #expect(copy.problem()?.contains("'dtype'") == true)
    copy.metadata["dtype"] = "float64"
    copy.tensors["0/float32/hook_nothing"] = ([rows], Array(repeating: 0, count: rows))
    #expect(copy.problem()?.contains("no hook that is known") == true)
  }

  @Test func everyRecordedValueIsCompared() throws {
    let copy = try Copy()
    let parity = try copy.parity()
    #expect(parity.agrees && parity.missing.isEmpty && parity.departures.isEmpty)
    #expect(parity.prompts == 3 && parity.greedyTokens == 36)
    let recorded = copy.tensors.values.filter { $0.shape.count == 2 }
    let count = parity.sites.reduce(0) { $0 + $1.values }
    #expect(count == recorded.reduce(0) { $0 + $1.values.count } && count > 10_000)
    #expect(parity.sites.first?.site == .embedding && parity.sites.last?.site == .logits)
    #expect(parity.sites.allSatisfy { $0.worst.absolute <= $0.absolute && $0.nonFinite == 0 })
    #expect(parity.sites.contains { $0.absolute > 0 }, "a comparison of a file with itself")
  }

  @Test func aValueThatIsOffIsFound() throws {
    for name in [
      "hook_embed", "blocks.1.attn.hook_z", "blocks.2.mlp.hook_post", "unembed.hook_out",
    ] {
      let copy = try Copy()
      var tensor = try #require(copy.tensors["2/\(name)"])
      let scale = tensor.values.map(abs).max() ?? 0
      tensor.values[7 * tensor.shape[1] + 5] += 1e-3 * scale
      copy.tensors["2/\(name)"] = tensor
      let parity = try copy.parity()
      #expect(!parity.agrees && parity.missing.isEmpty && parity.departures.isEmpty)
      let wrong = parity.sites.filter { !$0.agrees }
      #expect(wrong.map(\.worst.hook.description) == [name])
      #expect(wrong.first?.worst.prompt == 2 && wrong.first?.worst.position == 7)
      #expect(abs((wrong.first?.worst.relative ?? 0) - 1e-3) < 5e-5)
    }
  }

  @Test func aGreedyTokenThatIsOffIsFound() throws {
    let copy = try Copy()
    var tensor = try #require(copy.tensors["1/greedy"])
    let right = tensor.values[4]
    tensor.values[4] = right == 0 ? 1 : right - 1
    copy.tensors["1/greedy"] = tensor
    let parity = try copy.parity()
    #expect(!parity.agrees && parity.sites.allSatisfy(\.agrees))
    #expect(parity.departures.map(\.prompt) == [1] && parity.departures.map(\.step) == [4])
    #expect(parity.departures.first?.found == Int32(right))
  }

  @Test func aHookThatTheModelLacksIsNoAgreement() throws {
    for (name, width) in [("blocks.3.hook_resid_mid", 36), ("hook_pos_embed", 36)] {
      let copy = try Copy()
      copy.tensors["0/\(name)"] = ([1, width], Array(repeating: 0, count: width))
      let parity = try copy.parity()
      #expect(!parity.agrees && parity.sites.allSatisfy(\.agrees))
      #expect(parity.missing.map(\.description) == [name])
    }
  }

  @Test func recordedRowsAndColumnsMayBeThinned() throws {
    let copy = try Copy()
    copy.metadata["logits_stride"] = "8"
    for (index, rows) in [[0], [1, 4], [0, 5, 12]].enumerated() {
      copy.thin(index, rows: rows, stride: 8)
    }
    #expect(try copy.parity().agrees)
    copy.tensors["2/unembed.hook_out"]?.values[13] += 0.1
    let parity = try copy.parity()
    let wrong = parity.sites.filter { !$0.agrees }
    #expect(wrong.map(\.site) == [.logits] && wrong.first?.worst.position == 5)
    // Only the last rows: nothing else is captured.
    let last = try Copy()
    for (index, row) in [0, 4, 12].enumerated() { last.thin(index, rows: [row], stride: 1) }
    let values = last.tensors.values.filter { $0.shape.count == 2 }
      .reduce(0) { $0 + $1.values.count }
    let thinned = try last.parity()
    #expect(thinned.agrees && thinned.sites.reduce(0) { $0 + $1.values } == values)
  }

  @Test func aModelThatComputesNaNDoesNotAgree() {
    let found = Matrix(rows: 1, columns: 3, values: [1, .nan, 3])
    let difference = Parity.Difference(
      found, rows: [0], stride: 1, from: Matrix(rows: 1, columns: 3, values: [1, 2, 3]))
    #expect(difference.nonFinite == 1 && difference.absolute == 0 && difference.values == 3)
    let zero = Parity.Difference(
      found, rows: [0], stride: 2, from: Matrix(rows: 1, columns: 2, values: [0, 0]))
    #expect(zero.nonFinite == 0 && zero.relative > 1 && zero.relative.isFinite)
  }

  @Test func aReferenceOfAnotherModelIsNamed() throws {
    let error = expectProblem(.wrongShape) {
      try Copy().parity("tiny-llama-bias")
    }
    #expect(error?.place.hasPrefix("tensor '0/") == true)
    #expect(error.map { "\($0)".contains("36") && "\($0)".contains("32") } == true)
  }

  @Test(arguments: [
    ("0/ids", [Float](), "list of integers"), ("0/ids", [1.5], "list of integers"),
    ("0/ids", [-1], "list of integers"), ("0/ids", [.nan], "list of integers"),
    ("0/ids", [1e30], "list of integers"), ("0/ids", [97], "vocabulary"),
    ("2/positions", [13], "ascending"), ("2/positions", [4, 4], "ascending"),
    ("2/positions", [0], "shape"), ("1/greedy", [0.5], "list of integers"),
    ("1/greedy", [], "list of integers"), ("4/ids", [1], "3/ids"), ("ids", [1], "<prompt>/<hook>"),
    ("00/ids", [1], "<prompt>/<hook>"), ("-1/ids", [1], "<prompt>/<hook>"),
    ("99999999999999999999/ids", [1], "<prompt>/<hook>"), ("0/hook_q", [1], "no hook"),
    ("0/hook_embed", [1], "shape"),
  ])
  func aTensorThatCannotBeIsNamed(name: String, values: [Float], hint: String) throws {
    let copy = try Copy()
    copy.tensors[name] = ([values.count], values)
    let problem = try #require(copy.problem())
    #expect(
      problem.contains(hint) && problem.contains("; ") && problem.utf8.count < 500, "\(problem)")
  }

  @Test func valuesThatAreNotFiniteAreNoReference() throws {
    let copy = try Copy()
    copy.tensors["1/hook_embed"]?.values[3] = .infinity
    #expect(copy.problem()?.contains("not finite") == true)
  }

  @Test func otherFilesAreNoReference() throws {
    for stride in ["0", "-1", "1.5", "", "9999999999999999999999"] {
      let copy = try Copy()
      copy.metadata["logits_stride"] = stride
      #expect(copy.problem()?.contains("logits_stride") == true)
    }
    for (path, code) in [
      ("tiny-llama", .outOfRange), ("tiny-llama/model.safetensors", .outOfRange),
      ("tiny-qwen2.gguf", .outOfRange), ("none", .missing),
    ] as [(String, Problem.Code)] {
      expectProblem(code) { try ParityReference(golden(path)) }
    }
    let empty = try Copy()
    empty.tensors = [:]
    #expect(empty.problem()?.contains("0/ids") == true)
  }

  @Test func truncatedFilesAreErrors() throws {
    let bytes = try Data(
      contentsOf: URL(fileURLWithPath: golden("tiny-llama/reference.safetensors")))
    let copy = try Copy()
    for count in [0, 7, 8, 100, 5000, bytes.count - 1] {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: copy.path))
      expectProblem(count == bytes.count - 1 ? .badOffset : .cutShort) {
        try ParityReference(copy.path)
      }
    }
  }
}
