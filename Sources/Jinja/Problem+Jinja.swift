import Files

extension Problem.Code {
  /// A chat template fails on this conversation.
  public static let templateError = Self("template-error")
  /// A chat template is larger, deeper or slower than one can need to be.
  public static let templateLimit = Self("template-limit")
  /// A chat template refuses the conversation in its own words.
  public static let templateRefuses = Self("template-refuses")
  /// A chat template is not valid Jinja.
  public static let templateSyntax = Self("template-syntax")
  /// A chat template uses a part of Jinja that is not built.
  public static let templateUnsupported = Self("template-unsupported")
}
