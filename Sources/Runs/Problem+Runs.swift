import Files

extension Problem.Code {
  /// What is there was made with other arguments, or by another version.
  public static let otherConfiguration = Self("other-configuration", .conflict)
  /// A folder holds a run that has not ended.
  public static let runUnfinished = Self("run-unfinished")
  /// A result does not begin with its own digest, as all results do.
  public static let notSealed = Self("not-sealed")
}
