import Files
import Foundation
import Tensors
import Transformer

extension StoreDescription {
  /// Refuses what cannot be written or could not be read back as it was meant.
  func check(for path: String) throws(Problem) {
    func refuse(_ code: Problem.Code, _ place: String, _ problem: String, _ remedy: String)
      -> Problem
    {
      Problem(code, path, place: place, problem: problem, remedy: remedy)
    }
    guard !hooks.isEmpty, rowCount > 0 else {
      throw refuse(
        .readsNothing, "", "there is nothing to capture",
        "name hooks and positions that prompts have")
    }
    guard Set(hooks).count == hooks.count else {
      throw refuse(.duplicateHook, "", "a hook is named twice", "name every hook once")
    }
    if let pattern = hooks.first(where: \.site.isRagged) {
      throw refuse(
        .hookNotOffered, "\(pattern)",
        "attention's scores and patterns differ in width from prompt to prompt",
        "read them with the library, sequence by sequence")
    }
    var widthByDimension: [String: Int] = [:]
    for site in Set(hooks.map(\.site)) {
      guard let width = widths[site], width > 0,
        widthByDimension[site.widthDimension, default: width] == width
      else {
        throw refuse(
          .wrongShape, site.rawValue, "its width is missing or differs", "give the model's widths")
      }
      widthByDimension[site.widthDimension] = width
    }
    var ids = Set<[UInt8]>()
    for prompt in prompts {
      let count = prompt.sequence.tokens.count
      guard ids.insert(Array(prompt.sequence.id.utf8)).inserted else {
        throw refuse(
          .duplicateID, prompt.sequence.id, "two prompts have this id", "give every prompt its own")
      }
      let ascend = zip(prompt.positions, prompt.positions.dropFirst()).allSatisfy { $0 < $1 }
      guard ascend, prompt.positions.allSatisfy({ (0..<count).contains($0) }) else {
        throw refuse(
          .outOfRange, prompt.sequence.id, "its positions do not ascend within \(count) tokens",
          "name tokens that the prompt has")
      }
    }
    for (name, values) in labels {
      guard !name.isEmpty, name != ".", name != "..", !name.contains("/"),
        !name.utf8.contains(0), values.count == prompts.count
      else {
        throw refuse(
          .wrongCount, "labels/\(name)",
          "\(values.count) labels for \(prompts.count) prompts, or a bad name",
          "give one label a prompt under a name without '/'")
      }
    }
  }

  /// The layers at which a site is read, ascending; empty where sites have none.
  func layers(of site: HookPoint.Site) -> [Int] {
    hooks.filter { $0.site == site }.compactMap(\.layer).sorted()
  }

  /// The longest list of layers that a site has, which takes the plain name; nil without blocks.
  var sharedLayers: [Int]? {
    sites.filter(\.isPerLayer).map(layers).max { $0.count < $1.count }
  }

  /// The sites that are read, in the order of the forward pass within a block.
  var sites: [HookPoint.Site] {
    HookPoint.Site.allCases.filter { site in hooks.contains { $0.site == site } }
  }

  /// The place of every prompt's first row, and behind them the number of rows.
  var rowOffsets: [Int64] { Self.offsets(prompts.map(\.positions.count)) }

  /// The place of every prompt's first token, and behind them the number of tokens.
  var tokenOffsets: [Int64] { Self.offsets(prompts.map(\.sequence.tokens.count)) }

  private static func offsets(_ counts: [Int]) -> [Int64] {
    var result: [Int64] = [0]
    var sum: Int64 = 0
    for count in counts {
      sum += Int64(count)
      result.append(sum)
    }
    return result
  }

  /// The time that is written: as given, or SOURCE_DATE_EPOCH, or now.
  func creationTime() throws(Problem) -> Date {
    if let created { return created }
    return try WrittenDate.now()
  }

  /// Everything that decides the numbers, as JSON with sorted keys: two runs with the same text capture
  /// the same, up to the rounding of their kernels.
  func runConfiguration() -> String {
    var tokens = Digest()
    for prompt in prompts {
      Array("\(prompt.sequence.id.utf8.count):\(prompt.sequence.id)".utf8)
        .withUnsafeBytes { tokens.update($0) }
      let numbers =
        [Int64(prompt.sequence.tokens.count), Int64(prompt.positions.count)]
        + prompt.sequence.tokens.map { Int64($0) } + prompt.positions.map { Int64($0) }
      numbers.map(\.littleEndian).withUnsafeBytes { tokens.update($0) }
    }
    let configuration = RunConfiguration(
      elementType: elementType, hooks: hooks.map(\.description), model: model.weightsSHA256,
      modelConfiguration: model.configurationSHA256, precision: precision,
      prompts: tokens.hexadecimal(), seed: seed, template: model.templateSHA256 ?? "",
      tokenizer: model.tokenizerSHA256 ?? "")
    return jsonText(configuration)
  }

  private struct RunConfiguration: Encodable {
    var elementType: ElementType
    var hooks: [String]
    var model: String
    var modelConfiguration: String
    var precision: Precision
    /// SHA-256 over ids, tokens and positions of all prompts in order.
    var prompts: String
    var seed: UInt64
    var template: String
    var tokenizer: String
  }
}

/// The value as one line of JSON with sorted keys.
func jsonText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  guard let data = try? encoder.encode(value) else {
    preconditionFailure("texts and whole numbers can always be encoded")
  }
  return String(decoding: data, as: UTF8.self)
}

/// The time as `2026-01-31T12:00:00Z`.
func timeText(_ time: Date) -> String { time.formatted(.iso8601) }
