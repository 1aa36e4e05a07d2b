import Files

extension GGUFVocabulary {
  /// SentencePiece's byte pair encoding: the union of two neighbours with the best score merges first, and
  /// a character without a token becomes the tokens of its bytes.
  func sentencePiece(_ checks: DefinitionChecks) throws(Problem) -> TokenizerDefinition {
    guard removesExtraSpaces != true else {
      throw checks.error(
        .unknownTokenizer, "tokenizer.ggml.remove_extra_whitespaces",
        "to leave out spaces is not supported",
        "use the model's Hugging Face folder, or give prompts as token ids")
    }
    guard tokenTypes.count == tokens.count else {
      throw checks.error(
        .wrongCount, "tokenizer.ggml.token_type",
        "has \(tokenTypes.count) entries for \(tokens.count) tokens")
    }
    let vocabulary = try vocabulary(checks)
    let added = try addedTokens(checks)
    var model = BytePairModel(order: .scores(try ranks(checks)), isByteLevel: false)
    model.fallsBackToBytes = true
    let special = tokenTypes.indices.filter { ![1, 4].contains(tokenTypes[$0]) }
    model.resolve(vocabulary, reserved: special.map(Int32.init))
    for (byte, id) in model.byteIDs.enumerated() where id < 0 || tokenTypes[Int(id)] != 6 {
      let name = checks.readable(TokenDecoder.name(ofByte: UInt8(byte)))
      throw checks.error(
        .missingToken, "tokenizer.ggml.token_type", "there is no byte token '\(name)'")
    }
    let addsPrefix = addsSpacePrefix ?? true
    return TokenizerDefinition(
      vocabulary: vocabulary, normalizer: .sentencePiece(addsPrefix: addsPrefix),
      preTokenizer: PreTokenizer(steps: []), model: model,
      decoder: .sentencePiece(stripsPrefix: addsPrefix), added: AddedVocabulary(added))
  }

  /// The rank of each token that text merges into: the higher the score, the lower the rank, and tokens of
  /// one score share one, so that the leftmost pair merges first.
  private func ranks(_ checks: DefinitionChecks) throws(Problem) -> [Int32] {
    guard scores.count == tokens.count else {
      throw checks.error(
        .wrongCount, "tokenizer.ggml.scores",
        "has \(scores.count) entries for \(tokens.count) tokens")
    }
    if let id = scores.firstIndex(where: \.isNaN) {
      throw checks.error(.notFinite, "tokenizer.ggml.scores[\(id)]", "is not a number")
    }
    var ranks = [Int32](repeating: -1, count: tokens.count)
    var (rank, last): (Int32, Float?) = (-1, nil)
    let pieces = tokens.indices.filter { tokenTypes[$0] == 1 || tokenTypes[$0] == 4 }
    for id in pieces.sorted(by: { scores[$0] > scores[$1] }) {
      if scores[id] != last { rank += 1 }
      (ranks[id], last) = (rank, scores[id])
    }
    return ranks
  }
}
