import Files

extension Problem.Code {
  /// Two things in a report have one name.
  public static let duplicateName = Self("duplicate-name")
}
