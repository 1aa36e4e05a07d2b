import CHDF5
import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import ActivationStore
@testable import Transformer

/// A folder that is removed with the last reference to it.
final class ScratchFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "bathyscope-store-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }
  var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

enum StoreFixture {
  /// Opens a file for writing, without a lock: a process that another test starts just then could
  /// inherit it, and hold it for as long as it lives.
  static func openToChange(_ path: String) throws(Problem) -> HDF5Object {
    let access = try HDF5Object.fileAccess(path)
    return try HDF5Object(H5Fopen(path, 1, access.id), path, "/")
  }

  static let modelWidths: [HookPoint.Site: Int] = [
    .residualAfter: 8, .headOutput: 6, .finalNorm: 8,
  ]
  static let hooks: [HookPoint] = [
    .residual(after: 0), .residual(after: 2), .headOutput(layer: 1), .finalNorm,
  ]

  /// Five prompts, one without rows, with ids and labels that are no ASCII.
  static func description(
    elementType: StoreDescription.ElementType = .float32, compresses: Bool = false,
    tokensPerPrompt: Int = 5
  ) -> StoreDescription {
    let ids = ["first", "née", "ne\u{301}e", "空", "last \u{1F41F}"]
    let prompts = ids.enumerated().map { index, id in
      let count = tokensPerPrompt + index
      let segments = (0..<count).map { Segment.allCases[min($0 / 2, 3)] }
      let sequence = TokenSequence(
        id: id, tokens: (0..<count).map { Int32(index * 100 + $0) }, segments: segments)
      return StoreDescription.Prompt(
        sequence, positions: index == 1 ? [] : Array((index % 2)..<count))
    }
    return StoreDescription(
      model: ModelIdentity(
        id: "tiny", architecture: "llama", weightsSHA256: "w", configurationSHA256: "c",
        configurationJSON: #"{"layers":3}"#, tokenizerSHA256: "t", templateSHA256: nil),
      hooks: hooks, widths: modelWidths, prompts: prompts,
      labels: [
        "class": .text(["harmful", "", "ünsure", "b", "c"]),
        "score": .number([1, -0.5, .infinity, 0, 1e300]),
      ],
      kernel: "reference", arguments: "bathyscope capture --model tiny", seed: .max,
      rule: .range(0, -2),
      toolVersion: "0.0-test", created: Date(timeIntervalSince1970: 1_767_323_045),
      elementType: elementType, compresses: compresses)
  }

  /// A value that says where it stands and that all element types hold exactly.
  static func value(hook: Int, sequence: Int, position: Int, column: Int) -> Float {
    Float((hook * 31 + sequence * 17 + position * 5 + column) % 251) / 4
  }

  static func captures(_ description: StoreDescription) -> [SequenceCapture] {
    description.prompts.enumerated().map { sequence, prompt in
      var values: [HookPoint: Matrix] = [:]
      var positions: [HookPoint: [Int]] = [:]
      for (index, hook) in description.hooks.enumerated() {
        let width = description.widths[hook.site] ?? 0
        values[hook] = Matrix(
          rows: prompt.positions.count, columns: width,
          values: prompt.positions.flatMap { position in
            (0..<width).map {
              value(hook: index, sequence: sequence, position: position, column: $0)
            }
          })
        positions[hook] = prompt.positions
      }
      return SequenceCapture(sequence: sequence, positions: positions, values: values)
    }
  }

  @discardableResult
  static func write(
    _ path: String, _ description: StoreDescription, captures: [SequenceCapture]? = nil
  ) throws -> Journal {
    let writer = try ActivationWriter(path, description)
    for capture in captures ?? self.captures(description) { try writer.append(capture) }
    return try writer.finish()
  }

  /// What opening a file throws; nil when it opens.
  static func errorOpening(_ path: String) -> Problem? {
    do {
      _ = try ActivationFile(path)
      return nil
    } catch { return error }
  }
}
