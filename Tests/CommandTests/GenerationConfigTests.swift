import Foundation
import Testing

/// Rules of `generation_config.json` in the commands that let a model write.
@Suite struct GenerationConfigTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write(
      "p.jsonl",
      #"{"id": "0", "token_ids": [5, 9, 33, 1, 30, 22, 14]}"# + "\n"
        + #"{"id": "1", "token_ids": [3, 3, 27]}"# + "\n")
    try FileManager.default.createDirectory(
      atPath: folder.file("model"), withIntermediateDirectories: true)
    for file in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        atPath: "\(TinyModel.llama)/\(file)", toPath: folder.file("model/\(file)"))
    }
    try folder.write(
      "model/generation_config.json", #"{"eos_token_id": 2, "repetition_penalty": 1.3}"#)
  }

  private func generate(_ words: [String], out: String = "a.jsonl") throws -> Tool.Outcome {
    try Tool.run(
      ["generate", "--model", "model", "--prompts", "p.jsonl", "--max-new-tokens", "16"]
        + ["--out", out] + words, in: folder)
  }

  private func tokens(_ name: String) throws -> [[Int]] {
    try folder.text(name).split(separator: "\n").map {
      let row = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      return try #require(row?["tokens"] as? [Int])
    }
  }

  /// What transformers 5.24.0 writes with `generate(do_sample=False)`, with the penalty and without it.
  private static let penalized = [
    [95, 92, 43, 58, 86, 25, 27, 66, 54, 25, 58, 0, 61, 68, 0, 70],
    [54, 53, 54, 86, 66, 72, 54, 41, 41, 71, 23, 91, 8, 50, 58, 31],
  ]
  private static let free = [
    [95, 92, 43, 58, 86, 25, 25, 25, 25, 58, 68, 0, 30, 10, 10, 66],
    [54, 53, 54, 54, 86, 79, 56, 54, 56, 22, 79, 56, 53, 70, 58, 56],
  ]

  @Test func aPenaltyIsFollowedAloudAndRecorded() throws {
    let outcome = try generate([])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("note: answers follow repetition_penalty 1.3"))
    #expect(try tokens("a.jsonl") == Self.penalized)
    let sidecar = try folder.text("a.jsonl.json")
    #expect(sidecar.contains(#""repetition_penalty""#) && sidecar.contains("1.3"))
  }

  @Test func optionsOverrideIt() throws {
    for (out, words) in [
      ("b.jsonl", ["--generation-config", "ignore"]), ("c.jsonl", ["--repetition-penalty", "1"]),
    ] {
      let outcome = try generate(words, out: out)
      #expect(outcome.status == 0 && !outcome.errors.contains("answers follow"))
      #expect(try tokens(out) == Self.free)
    }
    let ignored = ["--generation-config", "ignore", "--repetition-penalty", "1.3"]
    #expect(try generate(ignored, out: "d.jsonl").status == 0)
    #expect(try tokens("d.jsonl") == Self.penalized)
    let all = [
      "--no-repeat-ngram-size", "1", "--suppress-tokens", "95,54", "--bad-words-ids", "92;43,58",
      "--begin-suppress-tokens", "25", "--forced-eos-token-id", "2", "--min-new-tokens", "16",
    ]
    #expect(try generate(all, out: "e.jsonl").status == 0)
    for tokens in try tokens("e.jsonl") {
      #expect(tokens.count == 16 && tokens.last == 2 && Set(tokens).count == 16)
      #expect(Set(tokens).isDisjoint(with: [95, 54, 92]))
    }
  }

  /// Rules decide the bytes, so that a run with others does not resume this one.
  @Test func otherRulesAreAnotherRun() throws {
    #expect(try generate([]).status == 0)
    let other = try generate(["--generation-config", "ignore"])
    #expect(other.status == 3 && other.errors.contains("repetition_penalty"), "\(other.errors)")
    let same = try generate(["--repetition-penalty", "1.3"])
    #expect(same.status == 0, "\(same.errors)")
    #expect(try tokens("a.jsonl") == Self.penalized)
  }

  @Test func whatIsNotFollowedIsSaid() throws {
    try folder.write(
      "model/generation_config.json",
      #"{"do_sample": true, "temperature": 0.6, "top_p": 0.9, "max_new_tokens": 99, "new": 1}"#)
    let greedy = try generate([])
    #expect(greedy.status == 0)
    #expect(greedy.errors.contains("do_sample true, temperature 0.6, top_p 0.9"))
    #expect(
      greedy.errors.contains(
        "not followed of generation_config.json: max_new_tokens 99, new 1"))
    let drawn = try generate(["--temperature", "0.6"], out: "b.jsonl")
    #expect(drawn.errors.contains("not followed of generation_config.json: top_p 0.9"))
    #expect(!drawn.errors.contains("temperature 0.6"))
    try folder.write("model/generation_config.json", #"{"num_beams": 4}"#)
    let refused = try generate([], out: "c.jsonl")
    #expect(refused.status != 0 && refused.errors.contains("num_beams: is 4"))
    #expect(!folder.contents.contains("c.jsonl"))
    #expect(try generate(["--generation-config", "ignore"], out: "c.jsonl").status == 0)
  }

  @Test func valuesThatMeanNothingAreUsageErrors() throws {
    for words in [
      ["--repetition-penalty", "0"], ["--no-repeat-ngram-size", "-1"], ["--suppress-tokens", "a"],
      ["--suppress-tokens", "1,,2"], ["--bad-words-ids", "1;"], ["--forced-eos-token-id", "-4"],
      ["--generation-config", "maybe"],
    ] {
      #expect(try generate(words).status == 2, "\(words)")
    }
    let unknown = try generate(["--suppress-tokens", "97"])
    #expect(unknown.status != 0 && unknown.errors.contains("97 is not in the vocabulary of 97"))
  }
}
