import ArgumentParser
import Bathyscope

/// Whether prompts that repeat each other are one group.
struct DuplicateOptions: ParsableArguments {
  @Flag(
    help: """
      Keep prompts apart that repeat another one, or nearly; they are one group by default, whatever \
      their ids and --group.
      """)
  var keepDuplicates = false

  /// The groups with those of repeated prompts in one, which is said.
  /// - Parameter given: one group per sequence.
  func groups(
    _ given: [String], of sequences: [TokenSequence], tokenizer: Tokenizer?
  ) throws -> (groups: [String], duplicates: Duplicates) {
    let merged = try Duplicates.merging(
      given, of: .prompts(of: sequences, tokenizer: tokenizer), keeping: keepDuplicates)
    if let note = merged.duplicates.note { writeError("note: \(note)") }
    return merged
  }
}

extension LabelOptions {
  /// One example per prompt of each file; prompts that repeat each other in any of them are one group.
  /// - Parameter model: whose tokenizer reads the prompts; the one that the files name by default.
  func examples(
    _ files: [ActivationFile], model: String? = nil
  ) throws -> (examples: [[Example]], duplicates: Duplicates) {
    var examples = try files.map { try self.examples($0) }
    let (groups, found) = try duplicates.groups(
      examples.joined().map(\.group), of: files.flatMap { $0.prompts.map(\.sequence) },
      tokenizer: tokenizer(of: files, model: model))
    var next = groups.makeIterator()
    for file in examples.indices {
      for place in examples[file].indices {
        examples[file][place].group = next.next() ?? examples[file][place].group
      }
    }
    return (examples, found)
  }

  /// The tokenizer that wrote the files' tokens; nil where it is not at hand.
  private func tokenizer(of files: [ActivationFile], model: String?) -> Tokenizer? {
    let identities = files.map(\.description.model)
    guard let digest = identities[0].tokenizerSHA256,
      identities.allSatisfy({ $0.tokenizerSHA256 == digest })
    else { return nil }
    // Adapters and interventions follow the model's own name.
    let name = model ?? String(identities[0].id.prefix { $0 != "+" && $0 != "~" })
    let encoder = try? PromptEncoder(Checkpoint.open(ModelCatalogue.resolve(name)))
    return encoder?.tokenizer.sha256 == digest ? encoder?.tokenizer : nil
  }
}
