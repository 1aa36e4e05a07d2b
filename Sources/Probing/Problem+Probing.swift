import Files

extension Problem.Code {
  /// Activations or traces of different hooks cannot be joined.
  public static let differentHooks = Self("different-hooks")
  /// Arms or positions have not the same rows.
  public static let differentRows = Self("different-rows")
  /// A cell of a 2 x 2 design has no rows.
  public static let emptyCell = Self("empty-cell")
  /// All rows have one label, where two classes are needed.
  public static let oneClass = Self("one-class")
  /// A probe does not fit the model's width or depth.
  public static let probeMismatch = Self("probe-mismatch")
}
