import Files

/// The checks that both file formats need, each with an error that names the place.
struct DefinitionChecks {
  let file: String

  func error(_ code: Problem.Code, _ place: String, _ problem: String, _ remedy: String? = nil)
    -> Problem
  {
    Problem(
      code, file, place: place, problem: problem,
      remedy: remedy ?? "the tokenizer is damaged: fetch it again")
  }

  func insert(
    _ text: [UInt8], id: Int, into vocabulary: inout Vocabulary, place: @autoclosure () -> String
  ) throws(Problem) {
    guard id >= 0, id < Vocabulary.largestCount else {
      throw error(
        .outOfRange, place(), "the id \(id) is not between 0 and \(Vocabulary.largestCount - 1)")
    }
    do {
      try vocabulary.insert(text, id: Int32(id))
    } catch {
      switch error {
      case .idTaken:
        throw self.error(.duplicateToken, place(), "the id \(id) belongs to another token already")
      case .textTaken(let other):
        throw self.error(.duplicateToken, place(), "the same token has the id \(other) already")
      }
    }
  }

  /// A merge of two tokens, both of which and their union must be in the vocabulary.
  func append(
    left: ArraySlice<UInt8>, right: ArraySlice<UInt8>, to merges: inout MergeTable,
    of vocabulary: Vocabulary, place: @autoclosure () -> String
  ) throws(Problem) {
    guard !left.isEmpty, !right.isEmpty else {
      throw error(.invalidMerge, place(), "a merge needs two tokens that are not empty")
    }
    func id(_ part: ArraySlice<UInt8>) throws(Problem) -> Int32 {
      if let id = part.withUnsafeBufferPointer({ vocabulary.id(of: $0) }) { return id }
      throw error(
        .invalidMerge, place(), "merges '\(readable(part))', which is not in the vocabulary")
    }
    let (first, second) = (try id(left), try id(right))
    guard merges.append(first, second, into: try id(left + right)) else {
      throw error(
        .invalidMerge, place(), "'\(readable(left)) \(readable(right))' is here twice")
    }
  }

  /// The two parts of a merge written with a space between them.
  func parts(
    of merge: [UInt8], place: @autoclosure () -> String
  ) throws(Problem) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
    guard let space = merge.firstIndex(of: UInt8(ascii: " ")),
      !merge[(space + 1)...].contains(UInt8(ascii: " "))
    else {
      throw error(.invalidMerge, place(), "a merge is two tokens with one space between them")
    }
    return (merge[..<space], merge[(space + 1)...])
  }

  /// The id of a named role, such as the end of the text.
  func id(
    _ id: Int?, in vocabulary: Vocabulary, place: @autoclosure () -> String
  ) throws(Problem) -> Int32? {
    guard let id else { return nil }
    guard let exact = Int32(exactly: id), vocabulary.text(of: exact) != nil else {
      throw error(
        .unknownToken, place(),
        "the id \(id) is not in the vocabulary of \(vocabulary.count) tokens")
    }
    return exact
  }

  /// Text from the file for a message: short and without control characters.
  func readable(_ text: some Collection<UInt8>) -> String {
    let scalars = String(decoding: text.prefix(200), as: UTF8.self).unicodeScalars
    let visible = scalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
    return String(String.UnicodeScalarView(visible)) + (text.count > 200 ? "…" : "")
  }
}
