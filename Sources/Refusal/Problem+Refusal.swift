import Files

extension Problem.Code {
  /// A judge's endpoint answers with an error.
  public static let endpointFailed = Self("endpoint-failed")
  /// The address or the model of a judge's endpoint is none.
  public static let invalidEndpoint = Self("invalid-endpoint")
  /// It is not known what an answer answers, and the judge has to know.
  public static let noRequest = Self("no-request")
  /// A judge's endpoint leads to another address, where the key must not go.
  public static let redirected = Self("redirected")
  /// Openers of refusals and of compliant answers begin with the same tokens.
  public static let sameOpeners = Self("same-openers")
  /// A password or a key would be written down or sent in the clear.
  public static let secretExposed = Self("secret-exposed")
  /// A judge's endpoint does not accept the key.
  public static let unauthorized = Self("unauthorized")
  /// A guard model's verdicts cannot be told apart by their first token.
  public static let unfitGuard = Self("unfit-guard")
  /// A judge's endpoint cannot be reached.
  public static let unreachable = Self("unreachable")
}
