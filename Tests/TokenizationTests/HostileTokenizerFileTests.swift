import Files
import Testing

@testable import Tokenization

/// Files that a mutator does not come upon: large numbers, many entries, deep nesting.
struct HostileTokenizerFileTests {
  private func failure(_ json: String, _ code: Problem.Code) throws -> Problem {
    try requireProblem(code) {
      try Tokenizer(tokenizerJSON: Array(json.utf8), file: "bad.json")
    }
  }

  @Test(
    arguments: [
      (tinyTokenizer(vocabulary: #""a":1048576"#), "model.vocab['a']", .outOfRange),
      (tinyTokenizer(vocabulary: #""a":1e9"#), "model.vocab['a']", .wrongType),
      (tinyTokenizer(vocabulary: #""a":-9223372036854775808"#), "model.vocab['a']", .outOfRange),
      (tinyTokenizer(added: #"{"id":1048576,"content":"<e>"}"#), "added_tokens[0].id", .outOfRange),
      (tinyTokenizer(merges: #""b b""#), "model.merges[0]", .invalidMerge),
      (tinyTokenizer(merges: #"["","a"]"#), "model.merges[0]", .invalidMerge),
      (tinyTokenizer(merges: #"" a""#), "model.merges[0]", .invalidMerge),
      (
        tinyTokenizer(added: #"{"id":1,"content":"b"},{"id":1,"content":"b"}"#), "added_tokens[1]",
        .duplicateToken
      ),
    ] as [(String, String, Problem.Code)])
  func isRefused(json: String, place: String, code: Problem.Code) throws {
    let error = try failure(json, code)
    #expect(error.subject == "bad.json")
    #expect(error.place.hasPrefix(place), "\(error)")
  }

  /// Forty steps that double a letter make a terabyte of it.
  @Test func normalizersAndPreTokenizersThatMultiplyAreRefused() throws {
    func sequence(_ part: String, _ list: String, _ count: Int) -> String {
      let parts = [String](repeating: part, count: count).joined(separator: ",")
      return #"{"type":"Sequence","\#(list)":[\#(parts)]}"#
    }
    let double = #"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#
    let same = #"{"type":"Replace","pattern":{"String":"a"},"content":"b"}"#
    let long = String(repeating: "x", count: 1025)
    let prefix = #"{"type":"Prepend","prepend":"\#(long)"}"#
    let replacement = #"{"type":"Replace","pattern":{"String":"a"},"content":"\#(long)"}"#
    for (normalizer, place, code) in [
      (sequence(double, "normalizers", 40), "normalizer", .tooLarge),
      (sequence(same, "normalizers", 40), "normalizer", .tooLarge),
      (prefix, "normalizer", .tooLarge),
      (replacement, "normalizer Replace.content", .wrongType),
    ] as [(String, String, Problem.Code)] {
      let error = try failure(tinyTokenizer(normalizer: normalizer), code)
      #expect(error.place == place, "\(error)")
    }
    let steps = sequence(#"{"type":"Digits","individual_digits":true}"#, "pretokenizers", 40)
      .replacing("]}", with: #",{"type":"ByteLevel","add_prefix_space":false}]}"#)
    let many = try failure(tinyTokenizer(preTokenizer: steps), .tooLarge)
    #expect(many.problem == "has 41 steps")
    let fine = tinyTokenizer(normalizer: sequence(double, "normalizers", 4))
    let tokenizer = try Tokenizer(tokenizerJSON: Array(fine.utf8), file: "fine.json")
    #expect(tokenizer.decode(tokenizer.encode("a")) == String(repeating: "a", count: 16))
  }

  @Test func deepAndLongFilesAreRefused() throws {
    _ = try failure(#"{"model":"# + String(repeating: "[", count: 1_000_000), .tooDeep)
    _ = try failure(#"{"model":["# + String(repeating: "0,", count: 3_000_000), .tooLarge)
  }

  @Test(arguments: ["(a|a)*b", "(x+x+)+y", #"(\\w+\\s?)*$"#, "(?R)", "[", ""])
  func noUnknownPatternIsEverRun(pattern: String) throws {
    let json = tinyTokenizer(
      preTokenizer: #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":""#
        + pattern + #""},"behavior":"Isolated"}]}"#)
    #expect(try failure(json, .unknownTokenizer).place == "pre_tokenizer Split.pattern")
  }

  /// Ten times the text takes ten times as long, not a hundred times.
  @Test(arguments: ["a", " ", "1", "é"]) func oneCharacterTakesLinearTime(character: String) throws
  {
    let tokenizer = try smallTokenizer("qwen2")
    func time(_ count: Int) -> Double {
      let text = String(repeating: character, count: count)
      let start = threadSeconds()
      _ = tokenizer.encode(text)
      return threadSeconds() - start
    }
    let short = min(time(4000), time(4000), time(4000))
    #expect(min(time(40_000), time(40_000)) < short * 40)
  }
}
