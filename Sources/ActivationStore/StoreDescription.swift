import Foundation
import Prompts
import Tensors
import Transformer

/// All that an activation file says apart from the activations: known before the first is computed.
///
///     let description = StoreDescription(
///       model: model.identity, hooks: [.residual(after: 20)], widths: [.residualAfter: 576],
///       prompts: sequences.map { .init($0, positions: [$0.tokens.count - 1]) }, toolVersion: "0.1")
///     print(description.estimatedBytes)
public struct StoreDescription: Sendable, Equatable {
  /// One prompt with the tokens at which it is captured.
  public struct Prompt: Sendable, Equatable {
    /// Its tokens and segments are stored beside the activations.
    public var sequence: TokenSequence
    /// Ascending; every hook is read at the same tokens. Empty when none is meant in this prompt.
    public var positions: [Int]

    /// - Parameter positions: ascending; every hook is read at them.
    public init(_ sequence: TokenSequence, positions: [Int]) {
      (self.sequence, self.positions) = (sequence, positions)
    }
  }

  /// What is known of every prompt: its class, its category, a score. NaN is a missing number.
  public enum Labels: Sendable, Equatable {
    case text([String])
    case number([Double])

    var count: Int {
      switch self {
      case .text(let values): values.count
      case .number(let values): values.count
      }
    }
  }

  /// How one number is stored.
  public enum ElementType: String, Sendable, Codable, CaseIterable {
    case float32
    /// The upper half of a float32: half the size, its range, 8 bits of precision.
    case bfloat16
    /// 11 bits of precision up to 65,504. Residual streams of some models exceed that, so one value
    /// beyond it fails the run.
    case float16

    /// Bytes a number.
    public var size: Int { self == .float32 ? 4 : 2 }
  }

  /// Whose activations these are.
  public var model: ModelIdentity
  /// In the order of the forward pass; those of one site become one data set.
  public var hooks: [HookPoint]
  /// Numbers a row, by site.
  public var widths: [HookPoint.Site: Int]
  /// In the order of the file's rows.
  public var prompts: [Prompt]
  /// One value a prompt, by name.
  public var labels: [String: Labels]
  /// In which the activations were computed.
  public var precision: Precision
  /// The matrix kernel that computed, as the engine names it.
  public var kernel: String
  /// The whole command line.
  public var arguments: String
  /// As the command was given it, for provenance; 0 by default.
  public var seed: UInt64
  /// The rule that gave every prompt's positions; nil where they were listed.
  public var rule: Positions?
  /// Of the Bathyscope that captured.
  public var toolVersion: String
  /// In whole seconds; nil is SOURCE_DATE_EPOCH, or now where that is not set.
  public var created: Date?
  /// Of the activations alone; all else is stored exactly.
  public var elementType: ElementType
  /// Byte shuffle and gzip at level 1, which every reader of HDF5 has: 15 % smaller, 20 times slower.
  public var compresses: Bool

  /// Nothing is checked before a file is written; hooks are sorted.
  public init(
    model: ModelIdentity, hooks: [HookPoint], widths: [HookPoint.Site: Int], prompts: [Prompt],
    labels: [String: Labels] = [:], precision: Precision = .float32, kernel: String = "",
    arguments: String = "", seed: UInt64 = 0, rule: Positions? = nil, toolVersion: String,
    created: Date? = nil,
    elementType: ElementType = .float32, compresses: Bool = false
  ) {
    self.model = model
    self.hooks = hooks.sorted()
    self.widths = widths
    self.prompts = prompts
    self.labels = labels
    self.precision = precision
    self.kernel = kernel
    self.arguments = arguments
    self.seed = seed
    self.rule = rule
    self.toolVersion = toolVersion
    self.created = created
    self.elementType = elementType
    self.compresses = compresses
  }

  /// The number of rows: captured tokens of all prompts.
  public var rowCount: Int { prompts.reduce(0) { $0 + $1.positions.count } }

  /// The size of the file, without compression and to within some kilobytes.
  ///
  /// Print it before a long run: a million prompts can be a terabyte.
  public var estimatedBytes: Int {
    let tokens = prompts.reduce(0) { $0 + $1.sequence.tokens.count }
    let names = prompts.reduce(0) { $0 + $1.sequence.id.utf8.count + 48 }
    return rowCount * (bytesPerRow + 5) + tokens * 5 + names
      + labels.count * prompts.count * 24 + model.configurationJSON.utf8.count + 32 << 10
  }

  /// Bytes of all hooks together at one token.
  var bytesPerRow: Int {
    hooks.reduce(0) { $0 + (widths[$1.site] ?? 0) * elementType.size }
  }
}
