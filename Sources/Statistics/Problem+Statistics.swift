import Files

extension Problem.Code {
  /// Series that belong together have different numbers of items.
  public static let differentCounts = Self("different-counts")
  /// There are fewer items, groups or prompts than the computation needs.
  public static let tooFew = Self("too-few")
}
