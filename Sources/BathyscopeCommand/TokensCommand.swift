import ArgumentParser
import Bathyscope

struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens", abstract: "Show how prompts are cut into tokens and segments.",
    discussion: """
      Example:

        bathyscope tokens --model smollm2-135m --text 'The capital of France is'
        bathyscope tokens --model smollm2-135m --prompts prompts.jsonl --json
      """)

  @Option(
    help: ArgumentHelp(
      "A named model, a Hugging Face folder or a .gguf file.", valueName: "name-or-path"))
  var model: String

  @Option(
    help: ArgumentHelp("JSONL rows or a published CSV; may be repeated.", valueName: "file"),
    completion: .file())
  var prompts: [String] = []

  @Option(help: "A plain text instead of a file; special tokens in it are text.")
  var text: [String] = []

  @OptionGroup var template: TemplateOptions

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  struct Row: Encodable {
    var id: String
    var ids: [Int32]
    var tokens: [String]
    var segments: [String]
  }

  func validate() throws {
    guard prompts.isEmpty != text.isEmpty else {
      throw ValidationError("Give either --prompts or --text.")
    }
  }

  func run() throws {
    // The weights are not needed, and not read.
    let encoder = try PromptEncoder(
      Checkpoint.open(ModelCatalogue.resolve(model)), template.settings)
    var conversations = try prompts.flatMap { try PromptFile.read($0).map(\.conversation) }
    conversations += text.enumerated().map {
      Conversation(id: "text-\($0.offset + 1)", source: .text($0.element))
    }
    let rows = try conversations.map { conversation in
      let sequence = try encoder.encode(conversation)
      return Row(
        id: conversation.id, ids: sequence.tokens,
        tokens: sequence.tokens.map(encoder.tokenizer.label),
        segments: sequence.segments.map(\.name))
    }
    if json {
      try printJSON("tokens", ["prompts": rows])
      return
    }
    for (index, row) in rows.enumerated() {
      if index > 0 { print("") }
      print("\(printable(row.id.utf8)): \(row.ids.count) tokens")
      printTable(
        ["position", "id", "segment", "token"],
        row.ids.indices.map { ["\($0)", "\(row.ids[$0])", row.segments[$0], row.tokens[$0]] })
    }
  }
}
