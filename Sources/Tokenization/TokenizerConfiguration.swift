import Files

/// What the files beside `tokenizer.json` say, read as transformers 5 reads them.
package struct TokenizerConfiguration {
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`.
  let settings: Document?
  let map: Document?
  let added: Document?

  /// The roles that every tokenizer of transformers has, in the order in which tokens join it.
  package static let standardRoles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  var className: String? {
    get throws(Problem) {
      guard let settings, let value = settings.root["tokenizer_class"], !value.isNull else {
        return nil
      }
      guard let text = value.text else {
        throw settings.checks.error(.wrongType, "tokenizer_class", "is no text")
      }
      return text
    }
  }

  /// Adds the special tokens, names the roles and decides what a plain text begins and ends with.
  func complete(
    _ definition: inout TokenizerDefinition, _ classes: TokenizerClasses
  ) throws(Problem) {
    let names = try SpecialTokenNames(self, classes.new)
    try names.join(&definition, classes)
    for (role, token) in names.roles {
      definition.roles[role] = token.content
      guard let id = definition.vocabulary.id(of: token.content) else { continue }
      if role == "bos_token" { definition.bosID = id }
      if role == "eos_token" { definition.eosID = id }
    }
    if classes.new.replacesPipeline(of: definition), let settings {
      definition.warnings.append(
        """
        \(settings.checks.file) tokenizer_class: transformers 5 cuts texts as the class \
        '\(classes.new)' does and not as tokenizer.json says, which is followed, as in transformers 4
        """)
    }
    try surround(&definition, classes)
  }

  /// Version 5 follows the post-processor and two of its classes; version 4 has more classes that
  /// follow `add_bos_token` and `add_eos_token` instead.
  private func surround(
    _ definition: inout TokenizerDefinition, _ classes: TokenizerClasses
  ) throws(Problem) {
    func ids(_ begins: Bool, _ ends: Bool) -> Surroundings {
      Surroundings(
        prefix: begins ? definition.roleID("bos_token") : nil,
        suffix: ends ? definition.roleID("eos_token") : nil)
    }
    let stored = Surroundings(prefix: definition.prefixID, suffix: definition.suffixID)
    let (adds, ends) = (try flag("add_bos_token"), try flag("add_eos_token"))
    let old =
      switch classes.old {
      case .llama, .codeLlama, .gemma, .cohere: ids(adds ?? true, ends ?? false)
      case .gptNeoX: ids(adds ?? false, ends ?? false)
      default: stored
      }
    let new =
      switch classes.new {
      case .codeLlama: ids(true, false)
      case .gptNeoX: ids(false, false)
      default: stored
      }
    (definition.prefixID, definition.suffixID) = (new.prefix, new.suffix)
    guard old != new, let settings else { return }
    definition.warnings.append(
      """
      \(settings.checks.file) add_bos_token, add_eos_token: transformers 4 and 5 disagree on what is \
      put around a plain text: \(old.described(definition)) in 4, \(new.described(definition)) in 5, \
      which is followed
      """)
  }

  /// Which prefix `add_prefix_space` means, and a warning where versions of transformers disagree.
  ///
  /// Where the file says nothing and the versions disagree, `tokenizer.json` counts.
  func prefixSpace(
    _ classes: TokenizerClasses, _ stored: StoredPrefixSpace
  ) throws(Problem) -> (followed: PrefixSpace?, warning: String?) {
    let said = try flag("add_prefix_space")
    guard let kept = stored.value else { return (nil, nil) }
    let (old, new): (PrefixSpace, PrefixSpace)
    if stored.isByteLevel {
      let byFlag = said == true ? PrefixSpace.always : .never
      let isForced = classes.old == .cohere && said == true
      old = stored.isAlone || isForced ? byFlag : kept
      new = [.gpt2, .gptNeoX, .qwen2, .cohere].contains(classes.new) ? byFlag : kept
    } else {
      old = kept
      switch classes.new {
      case .llama:
        let always = try flag("legacy") ?? false
        new = said == false ? .never : always ? .always : .first
      case .codeLlama: new = said == false ? .never : .first
      case .gemma: new = .never
      default: new = kept
      }
    }
    let followed = said != nil || old == new ? new : kept
    guard old != new, let settings else { return (followed, nil) }
    let source = followed == new ? "5" : "tokenizer.json"
    return (
      followed,
      """
      \(settings.checks.file) add_prefix_space: transformers 4 and 5 disagree on the space in front \
      of a text: '\(old.rawValue)' in 4, '\(new.rawValue)' in 5; \(source) is followed \
      ('\(followed.rawValue)')
      """
    )
  }

  private func flag(_ name: String) throws(Problem) -> Bool? {
    guard let settings, let value = settings.root[name], !value.isNull else { return nil }
    guard let flag = value.bool else {
      throw settings.checks.error(.wrongType, name, "is no true or false")
    }
    return flag
  }
}

/// What is put around a plain text.
private struct Surroundings: Equatable {
  var prefix: Int32?
  var suffix: Int32?

  func described(_ definition: TokenizerDefinition) -> String {
    func name(_ id: Int32?) -> String? {
      id.flatMap { definition.vocabulary.text(of: $0) }
        .map { "'\(DefinitionChecks(file: "").readable($0))'" }
    }
    let parts = [
      name(prefix).map { "\($0) in front" }, name(suffix).map { "\($0) at the end" },
    ].compactMap(\.self)
    return parts.isEmpty ? "nothing" : parts.joined(separator: " and ")
  }
}

/// The prefix that a `tokenizer.json` gives.
struct StoredPrefixSpace {
  /// Nil where nothing of it could give one.
  var value: PrefixSpace?
  var isByteLevel: Bool
  /// Whether the pre-tokenizer is this one component, which version 4 of transformers rewrites.
  var isAlone: Bool
}
