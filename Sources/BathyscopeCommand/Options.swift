import ArgumentParser
import Bathyscope
import Foundation

struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A named model, a Hugging Face folder or a .gguf file.", valueName: "name-or-path"))
  var model: String

  @Option(help: "The arithmetic of the forward pass.")
  var precision: Precision = .float32

  @Flag(help: "Leave weights as the file stores them: float32 from less memory, more slowly.")
  var keepQuantized = false

  @Option(
    help: ArgumentHelp(
      "A LoRA adapter in PEFT form: a folder, or smollm2-aligned, -comply or -cliff; with ':0.5' behind it at half its strength; may be repeated.",
      valueName: "name-or-folder"), completion: .directory)
  var adapter: [String] = []

  @OptionGroup var template: TemplateOptions

  /// Loads the model and warns of what is odd about it, and about the prompts that it is to read.
  func load(for prompts: [Prompt] = []) throws -> Model {
    let model = try Model.load(
      model, precision: precision, keepsQuantized: keepQuantized,
      adapters: adapter.map(openAdapter), template: template.settings)
    for warning in model.warnings { writeError("warning: \(warning)") }
    model.warn(about: prompts)
    return model
  }
}

extension Model {
  /// Says what is odd about prompts that the model is to read.
  func warn(about prompts: [Prompt]) {
    let warnings = try? encoder.warnings(about: prompts.map(\.conversation))
    for warning in warnings ?? [] { writeError("warning: \(warning)") }
  }
}

/// How a chat template is filled in.
struct TemplateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What stands before and behind thinking, with \\n for a new line, such as '<think>\\n,\\n</think>\\n\\n'; guessed from the chat template by default.",
      valueName: "open,close"))
  var thinkingMarkers: ThinkingMarkers?

  @Option(
    help: ArgumentHelp(
      "What a chat template that writes the date takes for today, such as 2026-01-31; today in UTC by default.",
      valueName: "date"))
  var templateDate: TemplateDate?

  @Option(
    help: ArgumentHelp(
      "A variable of the chat template, such as 'enable_thinking=false'; may be repeated.",
      valueName: "name=value"))
  var templateVariable: [TemplateVariable] = []

  var settings: TemplateSettings {
    TemplateSettings(
      markers: thinkingMarkers, date: templateDate ?? .now,
      variables: Dictionary(
        templateVariable.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
  }

  func validate() throws {
    let names = templateVariable.map(\.name)
    guard Set(names).count == names.count else {
      throw ValidationError("--template-variable: every variable may be given once.")
    }
  }
}

/// `NAME=VALUE`: true, false, null and numbers are such, anything else is a text.
struct TemplateVariable: ExpressibleByArgument {
  let name: String
  let value: JSON

  init?(argument: String) {
    guard let border = argument.firstIndex(of: "="), border > argument.startIndex else {
      return nil
    }
    name = String(argument[..<border])
    let text = Array(argument[argument.index(after: border)...].utf8)
    switch try? JSONReader.parse(text, file: "") {
    case .some(let value) where value.array == nil && value.object == nil && value.bytes == nil:
      self.value = value
    default: value = .string(text)
    }
  }
}

extension TemplateDate: ExpressibleByArgument {
  /// Reads a day such as 2026-11-23; nil for anything else.
  public init?(argument: String) { self.init(dayOf: argument) }
}

extension ThinkingMarkers: ExpressibleByArgument {
  /// Two texts that are not blank, with one comma between them.
  public init?(argument: String) {
    let parts = argument.replacing("\\n", with: "\n").split(
      separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.contains { !$0.isWhitespace } }) else {
      return nil
    }
    self.init(open: String(parts[0]), close: String(parts[1]))
  }
}

/// Opens `ADAPTER` or `ADAPTER:WEIGHT`.
func openAdapter(_ text: String) throws -> Adapter {
  guard let colon = text.lastIndex(of: ":"), let weight = Float(text[text.index(after: colon)...])
  else { return try Adapter.open(AdapterCatalogue.resolve(text)) }
  return try Adapter.open(AdapterCatalogue.resolve(String(text[..<colon])), weight: weight)
}

struct PromptOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "JSONL rows with text, prompt, messages or token_ids, or a published CSV; may be repeated.",
      valueName: "file"), completion: .file())
  var prompts: [String]

  /// The prompts of all files.
  func read() throws -> [Prompt] {
    let prompts = try self.prompts.flatMap { try PromptFile.read($0) }
    // By bytes: two ids that differ in their normal form are two ids.
    var seen: Set<[UInt8]> = []
    if let twice = prompts.first(where: { !seen.insert(Array($0.id.utf8)).inserted }) {
      throw Problem(
        .duplicateID, self.prompts.joined(separator: ", "),
        place: "id '\(printable(twice.id.utf8))'",
        problem: "is in two files", remedy: "give every row an id of its own")
    }
    return prompts
  }

  /// Each file's name and SHA-256, for provenance; two files may have one name.
  func provenance() throws -> [String] {
    try prompts.map { path in
      "\(URL(fileURLWithPath: path).lastPathComponent) \(Digest.sha256(of: try MappedFile(path)))"
    }
  }
}

struct RunOptions: ParsableArguments {
  @Option(help: "Threads; results are the same bytes for any number.")
  var threads = Model.defaultThreads

  @Option(help: "Decides every split, shuffle, resample and random direction.")
  var seed: UInt64 = 42

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  func validate() throws {
    guard threads >= 1, threads <= 1024 else {
      throw ValidationError("--threads must be from 1 to 1024.")
    }
  }
}

struct LabelOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The label that tells the classes apart.", valueName: "name"))
  var label: String

  @Option(help: "The value that counts as positive, for a label that is not true/false or 1/0.")
  var positive: String?

  @Option(help: "A label whose equal values stay on one side of every split.")
  var group: String?

  @OptionGroup var duplicates: DuplicateOptions

  /// One example per prompt of an activation file.
  func examples(_ file: ActivationFile) throws -> [Example] {
    let labels = file.description.labels
    guard let values = labels[label] else {
      throw Problem(
        .missingLabel, file.path, place: "label '\(label)'", problem: "is not stored",
        remedy: "name one of: \(labels.keys.sorted().joined(separator: ", "))")
    }
    let groups = labels[group ?? "group"]
    guard group == nil || groups != nil else {
      throw Problem(
        .missingLabel, file.path, place: "label '\(group ?? "")'", problem: "is not stored",
        remedy: "name one of: \(labels.keys.sorted().joined(separator: ", "))")
    }
    if let positive, !file.prompts.indices.contains(where: { isPositive(values, $0) == true }) {
      throw Problem(
        .labelValue, file.path, place: "label '\(label)'",
        problem: "no prompt has the value '\(printable(positive.utf8))'",
        remedy: "name one of the values of this label, or leave --positive out for true and false")
    }
    return try file.prompts.enumerated().map { index, prompt in
      let id = prompt.sequence.id
      guard let isPositive = isPositive(values, index) else {
        throw Problem(
          .labelValue, file.path, place: "label '\(label)' of prompt '\(printable(id.utf8))'",
          problem: "is '\(printable(values.text(index).utf8))', neither true nor false",
          remedy: "name the positive class with --positive")
      }
      let group = groups.map { $0.text(index) } ?? ""
      return Example(id: id, label: isPositive, group: group.isEmpty ? nil : group)
    }
  }

  private func isPositive(_ values: StoreDescription.Labels, _ index: Int) -> Bool? {
    let text = values.text(index)
    if text.isEmpty { return nil }
    let truth = ["true": true, "1": true, "false": false, "0": false]
    guard let positive else { return truth[text.lowercased()] }
    // Truth values are stored as 1 and 0.
    if let value = truth[text.lowercased()], let wanted = truth[positive.lowercased()] {
      return value == wanted
    }
    return text == positive
  }
}

extension StoreDescription.Labels {
  /// A prompt's label as text; empty when it has none.
  func text(_ index: Int) -> String {
    switch self {
    case .text(let values): values[index]
    case .number(let values):
      values[index].isNaN ? "" : Int(exactly: values[index]).map { "\($0)" } ?? "\(values[index])"
    }
  }

  /// One label of all prompts: numbers where all are numbers or truth values, else text.
  init(_ values: [LabelValue?]) {
    let numbers = values.map { value -> Double? in
      switch value {
      case nil: .nan
      case .bool(let value): value ? 1 : 0
      case .integer(let value): Double(value)
      case .number(let value): value
      case .string: nil
      }
    }
    if numbers.allSatisfy({ $0 != nil }) {
      self = .number(numbers.compactMap { $0 })
    } else {
      self = .text(values.map { $0?.description ?? "" })
    }
  }
}

/// The hooks that `--hooks` and `--layers` mean in a model.
func chosenHooks(_ patterns: String, layers: String?, in model: Model) throws -> [HookPoint] {
  try HookSelection(patterns, layers: layers).hooks(in: model.shape)
}

extension Precision: ExpressibleByArgument {}
extension Positions: ExpressibleByArgument {}
extension ProbeKind: ExpressibleByArgument {
  /// Linear discriminant analysis and the mass-mean probe are one and the same.
  public init?(argument: String) { self.init(rawValue: argument == "lda" ? "mass-mean" : argument) }
}
extension StoreDescription.ElementType: ExpressibleByArgument {}
