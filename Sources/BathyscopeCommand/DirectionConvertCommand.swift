import ArgumentParser
import Bathyscope
import Foundation

struct DirectionConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Turn steering vectors, chosen directions and probes into one another's files.",
    discussion: """
      Reads a control vector (.gguf, of repeng or llama.cpp), tensors direction.N
      (.safetensors), what 'direction select' chose, or a probe's folder; writes
      .gguf or .safetensors. direction.N is added behind block N, counted from 0;
      a control vector has no place for one behind block 0. A chosen direction is
      added to the input of block l, which is behind block l - 1. Probes are written
      with unit length, those of residual streams only.

      Example:

        bathyscope direction convert refusal/direction.safetensors \\
          --out refusal.gguf
      """)

  @Argument(help: ArgumentHelp("What to convert.", valueName: "file-or-folder"))
  var source: String

  @Option(
    help: ArgumentHelp("The .gguf or .safetensors file to write.", valueName: "file"),
    completion: .file())
  var out: String

  @Option(
    help: ArgumentHelp(
      "The architecture to name in a control vector, such as llama.", valueName: "name"))
  var modelHint: String?

  @OptionGroup var output: OutputOptions

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  struct Result: Encodable {
    var out: String
    var sha256: String
    var blocks: [Int]
    var width: Int
    var leftOut: [String]
  }

  func run() throws {
    try output.claim(files: [out], inputs: [source])
    var (directions, leftOut) = try read()
    if URL(fileURLWithPath: out).pathExtension == "gguf", directions[0] != nil {
      directions[0] = nil
      leftOut.append("the vector behind block 0, for which a control vector has no place")
    }
    for note in leftOut { writeError("note: left out: \(note)") }
    let hint = try modelHint ?? storedHint()
    let vectors = try SteeringVectors(directions, modelHint: hint)
    try vectors.write(to: out)
    let result = Result(
      out: out, sha256: Digest.sha256(of: try MappedFile(out)),
      blocks: directions.keys.sorted(), width: vectors.width, leftOut: leftOut)
    if json { return try printJSON("steering-vectors", result) }
    let blocks = result.blocks.map { "\($0)" }.joined(separator: ", ")
    print("\(out): vectors of \(result.width) values behind the blocks \(blocks)")
  }

  private func storedHint() throws -> String? {
    let ending = URL(fileURLWithPath: source).pathExtension
    return ending == "gguf" ? try SteeringVectors.read(source).modelHint : nil
  }

  private func read() throws -> (directions: [Int: [Float]], leftOut: [String]) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: source, isDirectory: &isFolder), isFolder.boolValue {
      return try read(ProbeSet.load(source))
    }
    try SteeringVectors.refusePickle(source)
    if source.hasSuffix(".safetensors"), let direction = try StoredDirection(source) {
      guard direction.layer > 0 else {
        throw Problem(
          .invalidOption, source,
          problem: "the direction is of the input of block 0, after no block",
          remedy: "use it as it is")
      }
      return ([direction.layer - 1: direction.vector], [])
    }
    return (try SteeringVectors.read(source).directions, [])
  }

  /// The probes' directions with unit length, behind the blocks that they read.
  private func read(_ set: ProbeSet) throws -> (directions: [Int: [Float]], leftOut: [String]) {
    var (directions, leftOut): ([Int: [Float]], [String]) = ([:], [])
    for probe in set.probes {
      let block: Int? =
        switch probe.hook.site {
        case .residualAfter: probe.hook.layer
        case .residualBefore: probe.hook.layer.flatMap { $0 > 0 ? $0 - 1 : nil }
        default: nil
        }
      let length = probe.direction.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      guard let block, directions[block] == nil, length > 0 else {
        leftOut.append("the probe at \(probe.hook)")
        continue
      }
      directions[block] = probe.direction.map { Float(Double($0) / length) }
    }
    return (directions, leftOut)
  }
}
