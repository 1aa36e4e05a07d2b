/// One row of a prompt file: a conversation and what is known about it.
public struct Prompt: Codable, Equatable, Sendable {
  /// What the model is to read, with the row's id.
  public var conversation: Conversation
  /// Every further column of the row, such as `label`, `harmful`, `category` or `group`.
  public var labels: [String: LabelValue]
  /// The line on which the row begins in its file, from 1.
  public var row: Int

  /// Unique within the file, and the same whenever the file is read.
  public var id: String { conversation.id }

  /// - Parameter row: the line on which it begins, from 1.
  public init(conversation: Conversation, labels: [String: LabelValue] = [:], row: Int) {
    self.conversation = conversation
    self.labels = labels
    self.row = row
  }
}

/// A label of a prompt, as it stood in the file.
public enum LabelValue: Equatable, Hashable, Sendable, CustomStringConvertible {
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)

  /// The label's text, as a file would have it without quotation marks.
  public var description: String {
    switch self {
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value
    }
  }
}

extension LabelValue: Codable {
  /// Takes the first type that fits: truth value, whole number, number, text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else {
      self = .string(try container.decode(String.self))
    }
  }

  /// Writes the label as the JSON value that it is.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    }
  }
}
