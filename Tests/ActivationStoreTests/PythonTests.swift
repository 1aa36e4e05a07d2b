import Foundation
import Testing

@testable import ActivationStore
@testable import Transformer

private let pythonInterpreter = ProcessInfo.processInfo.environment["BATHYSCOPE_PYTHON"]

/// What users of Python see. BATHYSCOPE_PYTHON names an interpreter with numpy, h5py, xarray and
/// h5netcdf; without it these tests are skipped.
@Suite(.enabled(if: pythonInterpreter != nil, "BATHYSCOPE_PYTHON is not set"))
struct PythonTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private struct Expected: Encodable {
    var dims: [String: [String]]
    var attributes: [String: String]
    var values: [String: Value]
  }

  private enum Value: Encodable {
    case numbers([Int])
    case texts([String])
    case matrix([[Float]])
    case cube([[[Float]]])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .numbers(let value): try container.encode(value)
      case .texts(let value): try container.encode(value)
      case .matrix(let value): try container.encode(value)
      case .cube(let value): try container.encode(value)
      }
    }
  }

  private func expected(_ description: StoreDescription) -> Expected {
    func row(_ hook: HookPoint, _ sequence: Int, _ position: Int) -> [Float] {
      let index = description.hooks.firstIndex(of: hook) ?? 0
      return (0..<(description.widths[hook.site] ?? 0)).map {
        StoreFixture.value(hook: index, sequence: sequence, position: position, column: $0)
      }
    }
    func rows<T>(_ body: (Int, Int) -> T) -> [T] {
      description.prompts.enumerated().flatMap { sequence, prompt in
        prompt.positions.map { body(sequence, $0) }
      }
    }
    return Expected(
      dims: [
        "resid_post": ["row", "layer", "d_model"], "z": ["row", "layer_z", "head_output"],
        "ln_final": ["row", "d_model"],
      ].filter { $0.key != "z" || description.hooks.contains(.headOutput(layer: 1)) },
      attributes: [
        "model_id": "tiny", "created": "2026-01-02T03:04:05Z", "template_sha256": "",
        "arguments": description.arguments,
      ],
      values: [
        "index/prompt_id": .texts(description.prompts.map(\.sequence.id)),
        "index/layer": .numbers([0, 2]),
        "acts/layer_z": .numbers([1]),
        "index/position": .numbers(rows { $1 }),
        "index/segment": .numbers(
          rows { Int(description.prompts[$0].sequence.segments[$1].rawValue) }),
        "tokens/id": .numbers(
          description.prompts.flatMap { $0.sequence.tokens.map { Int($0) } }),
        "labels/class": .texts(["harmful", "", "ünsure", "b", "c"]),
        "acts/resid_post": .cube(
          rows { [row(.residual(after: 0), $0, $1), row(.residual(after: 2), $0, $1)] }),
        "acts/z": .cube(rows { [row(.headOutput(layer: 1), $0, $1)] }),
        "acts/ln_final": .matrix(rows { row(.finalNorm, $0, $1) }),
      ])
  }

  @Test(arguments: StoreDescription.ElementType.allCases, [false, true])
  func h5pyAndXarrayReadIt(_ type: StoreDescription.ElementType, compresses: Bool) throws {
    let description = StoreFixture.description(elementType: type, compresses: compresses)
    let (path, json) = (folder.file("acts.h5"), folder.file("expected.json"))
    try StoreFixture.write(path, description)
    try JSONEncoder().encode(expected(description)).write(to: URL(fileURLWithPath: json))
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Oracles/check_store.py").path
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: try #require(pythonInterpreter))
    process.arguments = [script, path, json]
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    #expect(text.hasPrefix("ok"), "\(text)")
  }
}
