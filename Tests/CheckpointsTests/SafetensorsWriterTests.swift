import Files
import Foundation
import Testing

@testable import Checkpoints

@Suite struct SafetensorsWriterTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private var path: String { folder.appendingPathComponent("w.safetensors").path }
  private var contents: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  }

  private let table: [SafetensorsWriter.Tensor] = [
    .init("a", shape: [2, 3]), .init("none", shape: [0, 4]),
    .init("b", shape: [4], elementType: .bfloat16), .init("c", shape: [], elementType: .float16),
  ]

  @Test func tensorsComeBackAsTheyWereGiven() throws {
    var writer = try SafetensorsWriter(table, metadata: ["format": "pt"], to: path)
    try writer.append([1, 2, 3, 4])
    try writer.append([5, -0.1])
    // Ties go to the even neighbour: 1 + 2^-8 down, 1 + 3 * 2^-8 up.
    try writer.append([1.003_906_25, 1.011_718_75, -.infinity, .nan])
    try writer.append(bytes: Data([0x00, 0x3C]))
    #expect(!FileManager.default.fileExists(atPath: path))
    try writer.finish()
    #expect(contents == ["w.safetensors"])
    let checkpoint = try Checkpoint.open(path)
    #expect(try checkpoint.tensor("a").floats() == [1, 2, 3, 4, 5, -0.1])
    let rounded = try checkpoint.tensor("b").floats()
    #expect(rounded.prefix(3) == [1, 1.015_625, -.infinity] && rounded[3].isNaN)
    #expect(try checkpoint.tensor("c").floats() == [1])
    #expect(try checkpoint.tensor("none").shape == [0, 4])
  }

  @Test func tooMuchOrTooLittleIsRefusedAndLeavesNothing() throws {
    func attempt(
      _ code: Problem.Code = .wrongCount, _ body: (inout SafetensorsWriter) throws -> Void
    ) throws {
      var writer = try SafetensorsWriter(table, to: path)
      expectProblem(code) { try body(&writer) }
    }
    try attempt { try $0.finish() }
    try attempt { try $0.append([1, 2, 3, 4, 5, 6, 7]) }
    try attempt { try $0.append(bytes: Data(count: 35)) }
    // A tensor of halves, which are given as bytes.
    try attempt(.unsupported) {
      try $0.append(bytes: Data(count: 32))
      try $0.append([1])
    }
    #expect(contents.isEmpty)
  }

  @Test func aTableThatCannotBeIsRefused() {
    for table: [SafetensorsWriter.Tensor] in [
      [.init("", shape: [1])], [.init("a", shape: [1]), .init("a", shape: [1])],
      [.init("a", shape: [.max, 2])], [.init("a", shape: [-1])],
      [.init("a", shape: [32], elementType: .q4_0)], [.init("__metadata__", shape: [1])],
    ] {
      expectProblem(.invalidName) { _ = try SafetensorsWriter(table, to: path) }
    }
    #expect(contents.isEmpty)
  }
}
