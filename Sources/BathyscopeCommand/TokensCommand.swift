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

  @Option(
    help: ArgumentHelp(
      "A LoRA adapter, of which its own tokenizer and chat template count; may be repeated.",
      valueName: "name-or-folder"), completion: .directory)
  var adapter: [String] = []

  @OptionGroup var template: TemplateOptions

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  func validate() throws {
    guard prompts.isEmpty != text.isEmpty else {
      throw ValidationError("Give either --prompts or --text.")
    }
  }

  func run() throws {
    // The weights are not needed, and not read.
    let encoder = try PromptEncoder(
      Checkpoint.open(ModelCatalogue.resolve(model)), template.settings,
      adapters: adapter.map(openAdapter))
    var conversations = try prompts.flatMap { try PromptFile.read($0).map(\.conversation) }
    conversations += text.enumerated().map {
      Conversation(id: "text-\($0.offset + 1)", source: .text($0.element))
    }
    for warning in encoder.warnings + encoder.warnings(about: conversations) {
      writeError("warning: \(warning)")
    }
    // All before the first word of output, which an error would cut short.
    let sequences = try conversations.map(encoder.encode)
    if json { return printDocument(sequences, encoder.tokenizer) }
    for (index, sequence) in sequences.enumerated() {
      if index > 0 { print("") }
      print("\(printable(sequence.id.utf8)): \(sequence.tokens.count) tokens")
      printTable(
        ["position", "id", "segment", "token"],
        sequence.tokens.indices.lazy.map { position in
          let token = sequence.tokens[position]
          return [
            "\(position)", "\(token)", sequence.segments[position].name,
            encoder.tokenizer.label(of: token),
          ]
        })
    }
  }

  /// The document as `printJSON` would write it, token by token: a text can have millions.
  private func printDocument(_ sequences: [TokenSequence], _ tokenizer: Tokenizer) {
    func quoted(_ text: String) -> String { escapingHarmful(JSON.quoted(text.utf8)) }
    func printList(_ name: String, _ values: some Collection<String>, isLast: Bool = false) {
      var separator = ""
      Swift.print("      \"\(name)\" : [", terminator: "")
      for value in values {
        Swift.print("\(separator)\n        \(value)", terminator: "")
        separator = ","
      }
      printLines((values.isEmpty ? "\n\n      ]" : "\n      ]") + (isLast ? "" : ","))
    }
    printLines("{\n  \"prompts\" : [")
    for (index, sequence) in sequences.enumerated() {
      printLines("    {\n      \"id\" : \(quoted(sequence.id)),")
      printList("ids", sequence.tokens.lazy.map { "\($0)" })
      printList("segments", sequence.segments.lazy.map { "\"\($0.name)\"" })
      let labels = sequence.tokens.lazy.map { quoted(tokenizer.label(of: $0)) }
      printList("tokens", labels, isLast: true)
      printLines(index + 1 < sequences.count ? "    }," : "    }")
    }
    printLines("  ],\n  \"schema\" : \"bathyscope-tokens-1\",")
    printLines("  \"tool_version\" : \(quoted(bathyscopeVersion))\n}")
  }
}
