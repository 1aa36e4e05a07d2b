import Files
import Testing

@testable import Tokenization

/// What the files beside `tokenizer.json` may hold that nobody should write.
struct HostileTokenFileTests {
  private func tokenizer(
    _ configuration: String?, _ map: String?, _ added: String?
  ) throws -> Tokenizer {
    var files = TokenizerFiles(.init(Array(tinyTokenizer().utf8), path: "tokenizer.json"))
    files.configuration = configuration.map { .init(Array($0.utf8), path: "config") }
    files.specialTokensMap = map.map { .init(Array($0.utf8), path: "map") }
    files.addedTokens = added.map { .init(Array($0.utf8), path: "added") }
    return try Tokenizer(files)
  }

  @Test(arguments: [
    (#"[]"#, ""), ("{", ""), (#"{"tokenizer_class":1}"#, "tokenizer_class"),
    (#"{"bos_token":1}"#, "bos_token"), (#"{"bos_token":{"id":1}}"#, "bos_token"),
    (#"{"mask_token":["<m>"]}"#, "mask_token"),
    (#"{"pad_token":{"content":"<p>","lstrip":1}}"#, "pad_token.lstrip"),
    (#"{"add_bos_token":"yes"}"#, "add_bos_token"), (#"{"add_eos_token":1}"#, "add_eos_token"),
    (#"{"add_prefix_space":1}"#, "add_prefix_space"),
    (#"{"added_tokens_decoder":[]}"#, "added_tokens_decoder"),
    (#"{"added_tokens_decoder":{"x":{"content":"<x>"}}}"#, "added_tokens_decoder['x']"),
    (#"{"added_tokens_decoder":{"-1":{"content":"<x>"}}}"#, "added_tokens_decoder['-1']"),
    (#"{"added_tokens_decoder":{"1048576":{"content":"<x>"}}}"#, "added_tokens_decoder['1048576']"),
    (#"{"added_tokens_decoder":{"9999999999999999999":{}}}"#, "added_tokens_decoder['99999"),
    (#"{"added_tokens_decoder":{"12":"<x>"}}"#, "added_tokens_decoder['12']"),
    (
      #"{"added_tokens_decoder":{"12":{"content":"<x>","special":0}}}"#,
      "added_tokens_decoder['12']"
    ),
    (#"{"additional_special_tokens":"<x>"}"#, "additional_special_tokens"),
    (#"{"additional_special_tokens":[7]}"#, "additional_special_tokens[0]"),
    (#"{"extra_special_tokens":7}"#, "extra_special_tokens"),
    (#"{"extra_special_tokens":{"x_token":7}}"#, "extra_special_tokens['x_token']"),
    (
      #"{"extra_special_tokens":["\#(String(repeating: "x", count: 1025))"]}"#,
      "extra_special_tokens[0]"
    ),
  ])
  func aFieldOfTheWrongKindIsNamed(configuration: String, place: String) throws {
    let error = try #require(throws: TokenizationError.self) {
      try tokenizer(configuration, nil, nil)
    }
    #expect(error.file == "config" && error.place.hasPrefix(place), "\(error)")
  }

  @Test func theOlderFilesAreCheckedWhereTheyCount() throws {
    for (map, added, file, place) in [
      (#"{"sep_token":3}"#, nil, "map", "sep_token"), ("[]", nil, "map", ""),
      (nil, #"{"<x>":"12"}"#, "added", "'<x>'"), (nil, #"{"<x>":-1}"#, "added", "'<x>'"),
      (nil, #"{"<x>":1048576}"#, "added", "'<x>'"), (nil, "7", "added", ""),
    ] as [(String?, String?, String, String)] {
      let error = try #require(throws: TokenizationError.self) { try tokenizer("{}", map, added) }
      #expect(error.file == file && error.place.hasPrefix(place), "\(error)")
    }
    // Where added_tokens_decoder stands they are not read at all.
    let decoder = #"{"added_tokens_decoder":{}}"#
    let read = try tokenizer(decoder, #"{"sep_token":3}"#, #"{"<x>":-1}"#)
    #expect(read.roles.isEmpty && read.vocabularyCount == 12)
  }

  /// 100,000 tokens join in less than a second, and none gets the id of another.
  @Test func manyTokensTakeLittleTime() throws {
    let names = (0..<100_000).map { "\"<\($0)>\"" }.joined(separator: ",")
    let start = threadSeconds()
    let many = try tokenizer("{\"extra_special_tokens\":[\(names)]}", nil, nil)
    #expect(many.vocabularyCount == 100_012)
    #expect(many.encode("<99999>", parsesSpecials: true) == [100_011])
    #expect(threadSeconds() - start < 5)
  }

  @Test func aThousandRolesAreRefused() throws {
    let roles = (0..<1000).map { "\"r\($0)_token\":\"<\($0)>\"" }.joined(separator: ",")
    #expect(throws: TokenizationError.self) { try tokenizer("{\(roles)}", nil, nil) }
  }
}
