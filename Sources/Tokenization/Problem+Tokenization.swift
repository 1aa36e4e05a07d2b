import Files

extension Problem.Code {
  /// Two tokens have one id or one text.
  public static let duplicateToken = Self("duplicate-token")
  /// A merge of a tokenizer is not one of two known tokens into a third.
  public static let invalidMerge = Self("invalid-merge")
  /// A token that a tokenizer needs is not in its vocabulary.
  public static let missingToken = Self("missing-token")
  /// A token is not in the vocabulary.
  public static let unknownToken = Self("unknown-token")
  /// A tokenizer has a part that is not built; to ignore it would give other ids.
  public static let unknownTokenizer = Self("unknown-tokenizer")
}
