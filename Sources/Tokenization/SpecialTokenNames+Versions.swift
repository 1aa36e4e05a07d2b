// Where versions of transformers read the files differently.
extension SpecialTokenNames {
  func warnings(
    _ classes: TokenizerClasses, _ stored: [[UInt8]: AddedToken]
  ) -> [String] {
    guard let checks = configuration.settings?.checks ?? configuration.map?.checks else {
      return []
    }
    func text(_ role: String, _ defaults: [(role: String, token: String)]) -> String {
      defaults.first { $0.role == role }.map { "'\($0.token)'" } ?? "none"
    }
    var warnings: [String] = []
    for role in unnamed.sorted() {
      let old = text(role, classes.old.oldDefaults)
      let new = text(role, classes.new.defaults)
      guard old != new else { continue }
      warnings.append(
        """
        \(checks.file) \(role): is not named; transformers 4 and 5 disagree: \(old) in 4, \(new) in \
        5, which is followed
        """)
    }
    if let role = furtherRoles.min() {
      warnings.append(
        """
        \(checks.file) \(role): names a special token in transformers 5, which is followed, and not in 4
        """)
    }
    if let token = contradicted(by: stored).first {
      let other = isLegacy ? "tokenizer.json" : "added_tokens_decoder or tokenizer.json"
      warnings.append(
        """
        \(checks.file): '\(checks.readable(token.content))' has other flags than in \(other), which \
        count, as in transformers 5; in 4 they do not
        """)
    }
    let kept = Set(numbered.map(\.token.content))
    if !isLegacy, classes.new != .generic,
      let lost = stored.values.filter({ !kept.contains($0.content) }).min(by: { $0.id < $1.id })
    {
      warnings.append(
        """
        \(checks.file) added_tokens_decoder: lacks '\(checks.readable(lost.content))' of \
        tokenizer.json, which transformers 5 forgets; it is kept, as in transformers 4
        """)
    }
    return warnings
  }

  /// Tokens that version 4 gives the flags that stand with their role or in the list of further ones.
  private func contradicted(by stored: [[UInt8]: AddedToken]) -> [AddedToken] {
    var known = stored
    for entry in numbered { known[entry.token.content] = entry.token }
    let numberedContents = Set(numbered.map(\.token.content))
    let own = roles.filter { role in
      !TokenizerConfiguration.standardRoles.contains(role.role)
        || !isLegacy && !numberedContents.contains(role.token.content)
    }
    return (own.map(\.token) + others).filter { token in
      !plain.contains(token.content) && known[token.content]?.isAlike(token) == false
    }
  }
}
