import Foundation
import Prompts

/// Chosen rows in the forms in which fine-tuning tools read them.
///
/// The model keeps its own thinking between its own markers, and is given a safe answer after it.
public enum TrainingFormat: String, Sendable, Codable, CaseIterable {
  /// A list of {instruction, input, output}, with `system` and `history` where there are any.
  case alpaca
  /// A list of {conversations: [{from, value}]}.
  case shareGPT = "sharegpt"
  /// A list of {messages: [{role, content}]}.
  case chatML = "chatml"

  /// Where no safe answer is given.
  public static let safeAnswer = "I'm sorry, but I can't help with that."

  struct Turn: Encodable {
    var from: String
    var value: String
  }
  struct Message: Encodable {
    var role: String
    var content: String
  }
  struct Row: Encodable {
    var instruction: String?
    var input: String?
    var output: String?
    var system: String?
    var history: [[String]]?
    var conversations: [Turn]?
    var messages: [Message]?
  }

  /// The rows as one JSON list.
  /// - Parameters:
  ///   - safeAnswer: for rows without one of their own.
  ///   - markers: what the model writes around its thinking.
  public func json(
    _ rows: [PoolRow], safeAnswer: String = safeAnswer, markers: ThinkingMarkers = .deepSeek
  ) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return Array(try encoder.encode(rows.map { row($0, safeAnswer, markers) })) + [0x0A]
  }

  private func row(_ row: PoolRow, _ safeAnswer: String, _ markers: ThinkingMarkers) -> Row {
    let output = markers.open + row.thinking + markers.close + (row.safeAnswer ?? safeAnswer)
    let turns =
      row.history.flatMap { [("user", $0[0]), ("assistant", $0[1])] }
      + [("user", row.request), ("assistant", output)]
    switch self {
    case .alpaca:
      return Row(
        instruction: row.request, input: "", output: output, system: row.system,
        history: row.history.isEmpty ? nil : row.history)
    case .shareGPT:
      let system = row.system.map { [Turn(from: "system", value: $0)] } ?? []
      return Row(
        conversations: system
          + turns.map { Turn(from: $0.0 == "user" ? "human" : "gpt", value: $0.1) })
    case .chatML:
      let system = row.system.map { [Message(role: "system", content: $0)] } ?? []
      return Row(messages: system + turns.map { Message(role: $0.0, content: $0.1) })
    }
  }

  /// The entry of LLaMA-Factory's `dataset_info.json` for a file of this form.
  func entry(_ fileName: String) -> [String: Any] {
    switch self {
    case .alpaca:
      [
        "file_name": fileName,
        "columns": [
          "prompt": "instruction", "query": "input", "response": "output", "system": "system",
          "history": "history",
        ],
      ]
    case .shareGPT:
      [
        "file_name": fileName, "formatting": "sharegpt", "columns": ["messages": "conversations"],
        "tags": [
          "role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt",
          "system_tag": "system",
        ],
      ]
    case .chatML:
      [
        "file_name": fileName, "formatting": "sharegpt", "columns": ["messages": "messages"],
        "tags": [
          "role_tag": "role", "content_tag": "content", "user_tag": "user",
          "assistant_tag": "assistant", "system_tag": "system",
        ],
      ]
    }
  }

  /// LLaMA-Factory's `dataset_info.json` for files by the name of their data set.
  public static func datasetInfo(
    _ files: [(name: String, format: TrainingFormat, file: String)]
  ) throws -> [UInt8] {
    let entries = Dictionary(
      files.map { ($0.name, $0.format.entry($0.file)) }, uniquingKeysWith: { first, _ in first })
    return Array(
      try JSONSerialization.data(
        withJSONObject: entries, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]))
      + [0x0A]
  }
}
