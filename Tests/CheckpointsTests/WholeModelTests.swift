import Files
import Testing

@testable import Checkpoints

/// A GGUF file that says itself that it is no whole model is not read as one.
@Suite struct WholeModelTests {
  private func open(_ keys: [(String, [UInt8])]) throws -> Checkpoint {
    var builder = GGUFBuilder()
    builder.add("w", [8])
    builder.data = [UInt8](repeating: 0, count: 32)
    builder.keys = keys
    let folder = try TemporaryFolder()
    return try Checkpoint.open(try folder.write("model.gguf", builder.bytes))
  }

  private func count(_ value: UInt16) -> (String, [UInt8]) {
    ("split.count", littleEndian(UInt32(2)) + littleEndian(value))
  }

  private func type(_ name: String) -> (String, [UInt8]) {
    ("general.type", littleEndian(UInt32(8)) + GGUFBuilder.string(name))
  }

  @Test func wholeModels() throws {
    for keys in [[], [count(0)], [count(1)], [type("model")], [type("model"), count(1)]] {
      try open(keys).requireModel()
    }
  }

  @Test func parts() throws {
    let checkpoint = try open([count(3)])
    let error = expectProblem(.unsupported) { try checkpoint.requireModel() }
    #expect(error?.place == "key 'split.count'")
    #expect(error?.remedy.contains("--merge") == true)
  }

  @Test(arguments: ["adapter", "mmproj", "imatrix", "vocab", "a\n"])
  func otherFiles(type name: String) throws {
    let checkpoint = try open([type(name)])
    let error = expectProblem(.notAModel) { try checkpoint.requireModel() }
    #expect(error?.place == "key 'general.type'")
    #expect(error?.remedy.contains("name the model") == true)
    #expect(error?.description.contains("\n") == false)
  }

  @Test func keysOfAnotherType() throws {
    let text = try open([("split.count", littleEndian(UInt32(8)) + GGUFBuilder.string("3"))])
    expectProblem(.wrongType) { try text.requireModel() }
    let number = try open([("general.type", GGUFBuilder.uint32(1))])
    expectProblem(.wrongType) { try number.requireModel() }
  }
}
