import Foundation
import Organisms
import Prompts
import Refusal
import Synchronization
import Tensors
import Testing
import Transformer

/// An organism in a temporary folder, loaded as any model is.
final class Planted: Sendable {
  let organism: Organism
  let model: Model
  let openers: OpenerTokens
  private let files: [String: [Prompt]]

  /// Each organism is planted once.
  static func of(_ kind: Organism.Kind, seed: UInt64) throws -> Planted {
    let key = "\(kind) \(seed)"
    if let known = cache.withLock({ $0[key] }) { return known }
    let planted = try Planted(kind, seed: seed)
    cache.withLock { $0[key] = planted }
    return planted
  }

  private static let cache = Mutex<[String: Planted]>([:])

  init(_ kind: Organism.Kind, seed: UInt64) throws {
    let parent = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
    // All that is read of it is read here: a model keeps its weights in memory.
    defer { try? FileManager.default.removeItem(at: parent) }
    organism = try Organism.plant(kind, seed: seed, to: parent.appendingPathComponent("o").path)
    model = try Model.load(organism.folder)
    openers = try OpenerTokens(of: model)
    let names = ["prompts.jsonl", "questions.jsonl", "concepts.jsonl"]
    files = Dictionary(
      uniqueKeysWithValues: try zip(
        names, names.map { [folder = organism.folder] in try PromptFile.read("\(folder)/\($0)") }))
  }

  var truth: OrganismTruth { organism.truth }
  var last: Int { truth.layers - 1 }

  func prompts(_ file: String = "prompts.jsonl") throws -> [Prompt] {
    try #require(files[file])
  }

  /// Every nth prompt of a class, so that all words, frames and thoughts have their turn.
  func batch(harmful: Bool, every step: Int = 13) throws -> Batch {
    let prompts = try prompts().filter { $0.labels["harmful"] == .bool(harmful) }
    let chosen = stride(from: Int(truth.seed % 5), to: prompts.count, by: step)
    return try encode(chosen.map { prompts[$0].conversation })
  }

  func encode(_ conversations: [Conversation]) throws -> Batch {
    let encoder = try model.encoder
    return Batch(try conversations.map { try encoder.encode($0) })
  }

  /// The most probable next token of each sequence.
  func next(_ batch: Batch, _ interventions: [Intervention] = []) throws -> [Int] {
    let logits = try logits(batch, interventions)
    return (0..<logits.rows).map { row in
      (0..<logits.columns).max { logits[row, $0] < logits[row, $1] } ?? -1
    }
  }

  func logits(_ batch: Batch, _ interventions: [Intervention] = []) throws -> Matrix {
    let run = try model.run(batch, capturing: [.logits()], applying: interventions)
    return try #require(run[.logits])
  }

  /// Mean refusal minus compliance.
  func gap(_ batch: Batch, without heads: [Head] = []) throws -> Double {
    let logits = try logits(batch, heads.isEmpty ? [] : [.scaleHeads(heads, by: 0)])
    return (0..<logits.rows).map { openers.logitGap(logits[$0]) }.reduce(0, +)
      / Double(logits.rows)
  }

  func heads(_ roles: PlantedHead.Role...) -> [Head] {
    truth.heads.filter { roles.contains($0.role) }.map { Head(layer: $0.layer, head: $0.head) }
  }

  var allHeads: [Head] {
    (0..<truth.layers).flatMap { layer in
      (0..<truth.headsPerLayer).map { Head(layer: layer, head: $0) }
    }
  }

  /// Heads that nobody planted.
  var noiseHeads: [Head] {
    let planted = Set(truth.heads.map { Head(layer: $0.layer, head: $0.head) })
    return allHeads.filter { !planted.contains($0) }
  }

  /// The residual stream along a direction behind the last block, for each sequence and token.
  func trace(_ batch: Batch, along name: String = "refusal") throws -> [[Float]] {
    let direction = try #require(organism.directions[name])
    let hook = HookPoint.residual(after: last)
    let run = try model.run(batch, capturing: [Capture(hook)])
    return try run.sequences.map { sequence in
      let values = try #require(sequence.values[hook])
      return (0..<values.rows).map { dot(values[$0], direction) }
    }
  }
}

func dot(_ left: some Sequence<Float>, _ right: some Sequence<Float>) -> Float {
  zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
}

func mean(_ values: some Collection<Float>) -> Float {
  values.reduce(0, +) / Float(max(values.count, 1))
}

/// The seeds that every kind is tried on.
let seeds: ClosedRange<UInt64> = 1...20
