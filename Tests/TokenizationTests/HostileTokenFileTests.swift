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

  @Test(
    arguments: [
      (#"[]"#, "", .wrongType), ("{", "", .notJSON),
      (#"{"tokenizer_class":1}"#, "tokenizer_class", .wrongType),
      (#"{"bos_token":1}"#, "bos_token", .wrongType),
      (#"{"bos_token":{"id":1}}"#, "bos_token", .wrongType),
      (#"{"mask_token":["<m>"]}"#, "mask_token", .wrongType),
      (#"{"pad_token":{"content":"<p>","lstrip":1}}"#, "pad_token.lstrip", .wrongType),
      (#"{"add_bos_token":"yes"}"#, "add_bos_token", .wrongType),
      (#"{"add_eos_token":1}"#, "add_eos_token", .wrongType),
      (#"{"add_prefix_space":1}"#, "add_prefix_space", .wrongType),
      (#"{"added_tokens_decoder":[]}"#, "added_tokens_decoder", .wrongType),
      (
        #"{"added_tokens_decoder":{"x":{"content":"<x>"}}}"#, "added_tokens_decoder['x']",
        .outOfRange
      ),
      (
        #"{"added_tokens_decoder":{"-1":{"content":"<x>"}}}"#, "added_tokens_decoder['-1']",
        .outOfRange
      ),
      (
        #"{"added_tokens_decoder":{"1048576":{"content":"<x>"}}}"#,
        "added_tokens_decoder['1048576']", .outOfRange
      ),
      (
        #"{"added_tokens_decoder":{"9999999999999999999":{}}}"#, "added_tokens_decoder['99999",
        .outOfRange
      ),
      (#"{"added_tokens_decoder":{"12":"<x>"}}"#, "added_tokens_decoder['12']", .wrongType),
      (
        #"{"added_tokens_decoder":{"12":{"content":"<x>","special":0}}}"#,
        "added_tokens_decoder['12']", .wrongType
      ),
      (#"{"additional_special_tokens":"<x>"}"#, "additional_special_tokens", .wrongType),
      (#"{"additional_special_tokens":[7]}"#, "additional_special_tokens[0]", .wrongType),
      (#"{"extra_special_tokens":7}"#, "extra_special_tokens", .wrongType),
      (#"{"extra_special_tokens":{"x_token":7}}"#, "extra_special_tokens['x_token']", .wrongType),
      (
        #"{"extra_special_tokens":["\#(String(repeating: "x", count: 1025))"]}"#,
        "extra_special_tokens[0]", .tooLarge
      ),
    ] as [(String, String, Problem.Code)])
  func aFieldOfTheWrongKindIsNamed(
    configuration: String, place: String, code: Problem.Code
  ) throws {
    let error = try requireProblem(code) {
      try tokenizer(configuration, nil, nil)
    }
    #expect(error.subject == "config" && error.place.hasPrefix(place), "\(error)")
  }

  @Test func theOlderFilesAreCheckedWhereTheyCount() throws {
    for (map, added, file, place, code) in [
      (#"{"sep_token":3}"#, nil, "map", "sep_token", .wrongType),
      ("[]", nil, "map", "", .wrongType),
      (nil, #"{"<x>":"12"}"#, "added", "'<x>'", .outOfRange),
      (nil, #"{"<x>":-1}"#, "added", "'<x>'", .outOfRange),
      (nil, #"{"<x>":1048576}"#, "added", "'<x>'", .outOfRange),
      (nil, "7", "added", "", .wrongType),
    ] as [(String?, String?, String, String, Problem.Code)] {
      let error = try requireProblem(code) { try tokenizer("{}", map, added) }
      #expect(error.subject == file && error.place.hasPrefix(place), "\(error)")
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
    expectProblem(.tooLarge) { try tokenizer("{\(roles)}", nil, nil) }
  }
}
