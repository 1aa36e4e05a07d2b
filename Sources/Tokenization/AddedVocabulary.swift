import Files

/// A tokenizer's added tokens as they join it one after another, with the ids of `tokenizers`.
struct AddedVocabulary: Sendable {
  /// By id; a token that is added again has the flags of the last time.
  private(set) var tokens: [Int32: AddedToken] = [:]
  /// The number of tokens of the model itself.
  private let modelCount: Int32
  private var last: Int32 = -1

  init(modelCount: Int) { self.modelCount = Int32(modelCount) }

  /// Tokens that all have their ids, as those of a GGUF file.
  init(_ tokens: [AddedToken]) {
    self.tokens = Dictionary(uniqueKeysWithValues: tokens.map { ($0.id, $0) })
    last = tokens.map(\.id).max() ?? -1
    modelCount = 0
  }

  /// The id of the next token that is new: the first one after all others, whatever a file says.
  var nextID: Int32 { max(last + 1, modelCount) }

  /// Adds a token, or gives one that is there already other flags.
  /// - Returns: its id.
  @discardableResult
  mutating func add(
    _ token: AddedToken, to vocabulary: inout Vocabulary, _ checks: DefinitionChecks,
    place: @autoclosure () -> String
  ) throws(Problem) -> Int32 {
    var token = token
    if let known = vocabulary.id(of: token.content) {
      token.isOutsideOfModel = tokens[known]?.isOutsideOfModel ?? false
      token.id = known
    } else {
      token.isOutsideOfModel = true
      token.id = nextID
      try checks.insert(token.content, id: Int(nextID), into: &vocabulary, place: place())
    }
    tokens[token.id] = token
    last = max(last, token.id)
    return token.id
  }
}

extension AddedToken {
  /// A token as the files beside `tokenizer.json` write it: a text, or an object with flags.
  ///
  /// - Parameter isSpecial: what the place says about it; nil where the object says so itself.
  init(
    _ value: JSON, isSpecial: Bool?, _ checks: DefinitionChecks, place: String
  ) throws(Problem) {
    guard let content = value.bytes ?? value["content"]?.bytes else {
      throw checks.error(.wrongType, place, "is neither a text nor an object with 'content'")
    }
    guard content.count <= Self.longestContent else {
      throw checks.error(.tooLarge, place, "is a text of \(content.count) bytes, more than 1024")
    }
    func flag(_ name: String) throws(Problem) -> Bool? {
      guard let flag = value[name], !flag.isNull else { return nil }
      guard let flag = flag.bool else {
        throw checks.error(.wrongType, "\(place).\(name)", "is no true or false")
      }
      return flag
    }
    self.init(id: -1, content: content, isSpecial: false)
    self.isSpecial = if let isSpecial { isSpecial } else { try flag("special") ?? false }
    isNormalized = try flag("normalized") ?? !self.isSpecial
    stripsLeft = try flag("lstrip") ?? false
    stripsRight = try flag("rstrip") ?? false
    isWholeWord = try flag("single_word") ?? false
  }

  /// Whether both are found in the same places, whatever their ids.
  func isAlike(_ other: AddedToken) -> Bool {
    content == other.content && isSpecial == other.isSpecial
      && isNormalized == other.isNormalized && stripsLeft == other.stripsLeft
      && stripsRight == other.stripsRight && isWholeWord == other.isWholeWord
  }
}
