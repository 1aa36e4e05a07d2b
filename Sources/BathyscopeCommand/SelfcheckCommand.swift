import ArgumentParser
import Bathyscope
import Foundation

struct SelfcheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selfcheck",
    abstract: "Check on your own checkpoint that the engine does what it promises.",
    discussion: """
      Identity, batch invariance, memory against none, causality: identical bits. Heads, residual
      stream and logits: sums, relative to their largest value. Whether the model is the one that you
      know is another question: see bathyscope parity.

      Example:

        bathyscope selfcheck --model smollm2-135m
      """)

  @OptionGroup var modelOptions: ModelOptions

  @Option(
    help: ArgumentHelp(
      "JSONL rows or a published CSV to check on instead of three short texts; may be repeated.",
      valueName: "file"), completion: .file())
  var prompts: [String] = []

  @Option(help: "The number of threads that is held against one.")
  var threads = Model.defaultThreads

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  struct Content: Encodable {
    var model: ModelIdentity
    var kernel: String
    var precision: String
    var tokens: Int
    var checks: [SelfCheck]
    var isGood: Bool
  }

  func validate() throws {
    guard threads >= 1, threads <= 1024 else {
      throw ValidationError("--threads must be from 1 to 1024.")
    }
  }

  func run() throws {
    let model = try modelOptions.load()
    let conversations = try prompts.flatMap { try PromptFile.read($0).map(\.conversation) }
    let batch = try conversations.isEmpty ? model.selfCheckBatch() : model.encode(conversations)
    let checks = try model.selfCheck(batch, threads: threads)
    let isGood = checks.allSatisfy(\.isGood)
    if json {
      try printJSON(
        "selfcheck",
        Content(
          model: model.identity, kernel: model.kernel, precision: model.precision.rawValue,
          tokens: batch.tokenCount, checks: checks, isGood: isGood))
    } else {
      print("\(printable(model.identity.id.utf8)), \(model.kernel), \(batch.tokenCount) tokens")
      printTable(
        ["check", "", "found", "allowed", "values", "claim"],
        checks.map {
          [
            $0.name, $0.isGood ? "ok" : "FAIL", found($0), $0.bound == 0 ? "0" : found($0.bound),
            "\($0.compared)", $0.claim,
          ]
        })
    }
    if !isGood { throw ExitCode(1) }
  }

  /// A number of differing bits as it is, a relative difference with its order.
  private func found(_ check: SelfCheck) -> String {
    check.bound == 0 ? fixed(check.measured, 0) : found(check.measured)
  }

  private func found(_ value: Double) -> String { String(format: "%.1e", value) }
}
