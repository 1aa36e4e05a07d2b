import Files

/// The special tokens that the files beside `tokenizer.json` name, in the order in which they join.
///
/// As in transformers 5: `added_tokens_decoder` makes the two older files void; without it
/// `special_tokens_map.json` replaces what `tokenizer_config.json` says.
struct SpecialTokenNames {
  /// Tokens with a role, such as `bos_token`, which a chat template can name.
  private(set) var roles: [(role: String, token: AddedToken)] = []
  private(set) var others: [AddedToken] = []
  /// Tokens with the id that a file gives them, in the order of these.
  private(set) var numbered: [(id: Int, token: AddedToken)] = []
  let configuration: TokenizerConfiguration
  /// The roles that neither file mentions, and those of the model's own that are keys of a file.
  private(set) var unnamed: Set<String> = []
  private(set) var furtherRoles: Set<String> = []
  /// Tokens that are named as texts, without flags.
  private(set) var plain: Set<[UInt8]> = []

  init(
    _ configuration: TokenizerConfiguration, _ kind: TokenizerClass
  ) throws(Problem) {
    self.configuration = configuration
    if let decoder = configuration.settings?.root["added_tokens_decoder"] {
      try readDecoder(decoder)
    }
    try readRoles(kind)
    try readOthers()
    if isLegacy { try readAddedTokens() }
    numbered.sort { $0.id < $1.id }
  }

  var isLegacy: Bool {
    configuration.settings?.root["added_tokens_decoder"] == nil
  }

  /// The files that can name a role, the one that counts first.
  private var sources: [Document] {
    [isLegacy ? configuration.map : nil, configuration.settings].compactMap(\.self)
  }

  private mutating func readDecoder(_ decoder: JSON) throws(Problem) {
    guard let checks = configuration.settings?.checks else { return }
    guard let members = decoder.object?.members else {
      throw checks.error(.wrongType, "added_tokens_decoder", "is no object")
    }
    for (key, value) in members {
      let place = "added_tokens_decoder['\(checks.readable(key))']"
      guard let id = Int(String(decoding: key, as: UTF8.self)),
        (0..<Vocabulary.largestCount).contains(id)
      else {
        throw checks.error(.outOfRange, place, "is no id from 0 to \(Vocabulary.largestCount - 1)")
      }
      guard value.object != nil else { throw checks.error(.wrongType, place, "is no object") }
      numbered.append(
        (id, try AddedToken(value, isSpecial: nil, checks, place: place)))
    }
  }

  private mutating func readRoles(_ kind: TokenizerClass) throws(Problem) {
    for role in TokenizerConfiguration.standardRoles {
      guard let source = sources.first(where: { $0.root[role] != nil }),
        let value = source.root[role]
      else {
        unnamed.insert(role)
        continue
      }
      if value.isNull { continue }
      roles.append((role, try token(value, source.checks, role)))
    }
    for (role, token) in kind.defaults where sources.allSatisfy({ $0.root[role] == nil }) {
      roles.append((role, AddedToken(id: -1, content: Array(token.utf8), isSpecial: true)))
      plain.insert(Array(token.utf8))
    }
    let order = TokenizerConfiguration.standardRoles
    roles.sort { (order.firstIndex(of: $0.role) ?? 7) < (order.firstIndex(of: $1.role) ?? 7) }
    // Any other key of this form names a role of the model's own.
    for source in sources {
      for (key, value) in source.root.object?.members ?? [] {
        let role = String(decoding: key, as: UTF8.self)
        guard role.hasSuffix("_token"), !order.contains(role),
          value.bytes != nil || value["content"] != nil
        else { continue }
        try setRole(role, try token(value, source.checks, role), source.checks)
        furtherRoles.insert(role)
      }
    }
  }

  private mutating func setRole(
    _ role: String, _ token: AddedToken, _ checks: DefinitionChecks
  ) throws(Problem) {
    if let index = roles.firstIndex(where: { $0.role == role }) {
      roles[index].token = token
      return
    }
    guard roles.count < 256 else {
      throw checks.error(.tooLarge, role, "is one of more than 256 roles")
    }
    roles.append((role, token))
  }

  /// `extra_special_tokens`, a list or an object of roles, and `additional_special_tokens`, its name
  /// before version 5, which counts only without it.
  private mutating func readOthers() throws(Problem) {
    var isSaid = false
    for source in sources.reversed() {
      let (checks, root) = (source.checks, source.root)
      let wasSaid = isSaid
      if let members = root["extra_special_tokens"]?.object?.members {
        for (key, value) in members {
          let place = "extra_special_tokens['\(checks.readable(key))']"
          let token = try token(value, checks, place)
          try setRole(String(decoding: key, as: UTF8.self), token, checks)
        }
      } else if let value = root["extra_special_tokens"], !value.isNull {
        others += try tokens(value, "extra_special_tokens", checks)
        isSaid = true
      }
      if let value = root["additional_special_tokens"], !value.isNull, !wasSaid, others.isEmpty {
        others = try tokens(value, "additional_special_tokens", checks)
        isSaid = true
      }
    }
  }

  private mutating func readAddedTokens() throws(Problem) {
    guard let added = configuration.added else { return }
    let special = Set((roles.map(\.token) + others).map(\.content))
    for (content, value) in added.root.object?.members ?? [] {
      let place = "'\(added.checks.readable(content))'"
      guard let id = value.int, (0..<Vocabulary.largestCount).contains(id) else {
        throw added.checks.error(
          .outOfRange, place, "is no id from 0 to \(Vocabulary.largestCount - 1)")
      }
      let token = try AddedToken(
        .string(content), isSpecial: special.contains(content), added.checks, place: place)
      numbered.append((id, token))
    }
  }

  private mutating func tokens(
    _ value: JSON, _ name: String, _ checks: DefinitionChecks
  ) throws(Problem) -> [AddedToken] {
    guard let values = value.array else { throw checks.error(.wrongType, name, "is no list") }
    var tokens: [AddedToken] = []
    for (index, value) in values.enumerated() {
      tokens.append(try token(value, checks, "\(name)[\(index)]"))
    }
    return tokens
  }

  /// A named token: special as a text and in `special_tokens_map.json`, otherwise as it says itself.
  private mutating func token(
    _ value: JSON, _ checks: DefinitionChecks, _ place: String
  ) throws(Problem) -> AddedToken {
    if let text = value.bytes { plain.insert(text) }
    let isSpecial = value.bytes != nil || checks.file == configuration.map?.checks.file
    return try AddedToken(value, isSpecial: isSpecial ? true : nil, checks, place: place)
  }

  /// Adds the tokens to a tokenizer in the order of transformers, which gives new ones their ids.
  func join(
    _ definition: inout TokenizerDefinition, _ classes: TokenizerClasses
  ) throws(Problem) {
    let checks = configuration.settings?.checks ?? configuration.map?.checks ?? .init(file: "")
    let named = Set(roles.map(\.token.content))
    let stored = Dictionary(
      uniqueKeysWithValues: definition.added.tokens.values.map { ($0.content, $0) })
    definition.warnings += warnings(classes, stored)
    // In the older way the added tokens of tokenizer.json take the place of what has the same id.
    let numbered = numbered.filter { entry in
      stored[entry.token.content]?.isAlike(entry.token) != true
        && !(isLegacy && definition.added.tokens[Int32(entry.id)] != nil)
    }
    let additions =
      numbered.map { (id: Optional($0.id), token: $0.token) }
      + (roles.map(\.token) + others).map { (nil, $0) }
    let known = Set(stored.keys).union(numbered.map(\.token.content))
    for (id, token) in additions where !token.content.isEmpty {
      if id == nil, known.contains(token.content) { continue }
      var token = token
      if named.contains(token.content) { token.isSpecial = true }
      let text = checks.readable(token.content)
      let given = try definition.added.add(
        token, to: &definition.vocabulary, checks, place: "special token '\(text)'")
      guard let id, id != given else { continue }
      definition.warnings.append(
        """
        \(checks.file): '\(text)' is said to have the id \(id), and gets \(given), as in transformers
        """)
    }
  }
}
