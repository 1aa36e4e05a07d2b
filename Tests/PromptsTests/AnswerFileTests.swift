import Files
import Foundation
import Testing

@testable import Prompts

/// Answers in every form in which they are handed around.
@Suite struct AnswerFileTests {
  let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "answers-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func write(_ name: String, _ text: String) throws -> String {
    try AtomicFile.write(text.utf8, to: "\(folder)/\(name)")
    return "\(folder)/\(name)"
  }

  func read(_ text: String) throws -> [Answer] {
    try AnswerFile.read(try write("answers", text))
  }

  @Test func linesOfJSON() throws {
    let answers = try read(
      """
      {"id": "a", "prompt": "p", "response": "<think>\\nhm\\n</think>\\n\\nr", "harmful": true}
      {"id": "a", "response": "s", "label": 1}

      {"response": "t", "thinking": "u", "group": "g"}
      {"id": 7, "sample": 3, "seed": 42, "tokens": [5, 6], "segments": ["thinking", "answer"], \
      "prompt_tokens": 4, "text": "x</think>y", "thinking": "x", "answer": "y", "effects": [{}]}
      """)
    #expect(answers.map(\.name) == ["a", "a#1", "3", "7#3"])
    #expect(answers.map(\.text) == ["r", "s", "t", "y"])
    #expect(answers.map(\.thinking) == ["hm", nil, "u", "x"])
    #expect(answers.map(\.request) == ["p", nil, nil, nil])
    #expect(answers.map(\.group) == ["a", "a", "g", "7"])
    #expect(answers.map(\.published) == [nil, true, nil, nil])
    #expect(answers.map(\.isBenign) == [false, nil, nil, nil])
    #expect(answers.map(\.wasSteered) == [false, false, false, true])
    #expect(answers[3].generated?.tokens == [5, 6] && answers[3].generated?.promptTokens == 4)
  }

  @Test func publishedForms() throws {
    let harmBench = try read(
      """
      {"b1": [{"test_case": "p", "generation": "g", "label": 1},
              {"test_case": "q", "generation": "h", "label": 0}],
       "b2": [{"test_case": "r", "generation": "i", "label": -1}]}
      """)
    #expect(harmBench.map(\.name) == ["b1", "b1#1", "b2"])
    #expect(harmBench.map(\.published) == [true, false, nil])
    #expect(harmBench.map(\.request) == ["p", "q", "r"])
    // One line is the same file.
    let line = try read(#"{"b1": [{"test_case": "p", "generation": "g", "label": 1}]}"#)
    #expect(line == [harmBench[0]])
    let artifact = try read(
      """
      {"parameters": {"method": "m"}, "jailbreaks": [
        {"index": 0, "goal": "g", "behavior": "b", "prompt": "p", "response": "r", "jailbroken": true},
        {"index": 1, "goal": "g", "prompt": null, "response": null, "jailbroken": false}]}
      """)
    #expect(artifact.map(\.id) == ["jbb-harmful-0", "jbb-harmful-1"])
    #expect(artifact.map(\.request) == ["g", "g"] && artifact.map(\.published) == [true, false])
    #expect(artifact.map(\.isMissing) == [false, true])
    for table in [
      "category,source,forbidden_prompt,response,score\nc,s,f,\"r, r\",0.75\nc,s,f,t,0\n",
      """
      [{"category": "c", "forbidden_prompt": "f", "response": "r, r", "score": 0.75},
       {"category": "c", "forbidden_prompt": "f", "response": "t", "score": 0}]
      """,
    ] {
      let answers = try read(table)
      #expect(answers.map(\.text) == ["r, r", "t"])
      #expect(answers.map(\.request) == ["f", "f"])
      #expect(Set(answers.map(\.group)).count == 1, "one behaviour")
      #expect(answers.map(\.published) == [true, false])
    }
  }

  @Test(arguments: [
    ("", "empty"), ("   \n", "empty"), ("{\"id\": \"a\"}\n", "line 1"), ("nonsense", "no rows"),
    ("{\"response\": 1}\n", "line 1: 'response'"),
    ("{\"response\": \"a\"}\n{\"response\": \"b\"\n", "line 2"),
    ("{\"response\": \"a\"}\n[]\n", "line 2"),
    ("{\"id\": \"a\", \"response\": \"b\", \"sample\": -1}\n", "'sample'"),
    ("{\"id\": \"a\", \"response\": \"b\", \"sample\": 99999999999999999999}\n", "'sample'"),
    (
      "{\"id\": \"a\", \"response\": \"b\", \"sample\": 1}\n"
        + "{\"id\": \"a\", \"response\": \"b\", \"sample\": 1}\n", "twice"
    ),
    ("{\"id\": \"a\", \"tokens\": [1], \"segments\": [\"answer\"]}\n", "no tokenizer"),
    ("{\"id\": \"a\", \"response\": \"b\", \"tokens\": [1], \"segments\": []}\n", "do not fit"),
    (
      "{\"id\": \"a\", \"response\": \"b\", \"tokens\": [1e9], \"segments\": [\"answer\"]}\n",
      "do not fit"
    ),
    ("{\"b\": [{\"generation\": 1}]}", "b[0]"), ("{\"b\": [{\"test_case\": \"p\"}]}", "b[0]"),
    ("{\"b\": [1]}", "line 1"), ("{\"jailbreaks\": [{\"response\": []}]}", "jailbreaks[0]"),
    ("{\"jailbreaks\": []}", "jailbreaks"),
    ("{\n\"b\": 1}", "is no list"), ("id,response\na,b,c\n", "line 2"),
    ("id,response\n", "no rows"),
    ("id,prompt\na,b\n", "line 2"), ("[{\"response\": \"a\"}", "not closed"),
    ("[{\"response\": \"a\"} {}]", "line 1"), ("[1]", "line 1"),
    ("[{\"response\": \"a\",}]", "line 1"),
  ]) func brokenFiles(text: String, word: String) throws {
    do {
      _ = try read(text)
      Issue.record("read: \(text)")
    } catch let error as Problem {
      #expect("\(error)".contains(word), "\(error)")
      #expect("\(error)".contains("\(folder)/answers"))
    }
  }

  /// Cut and changed at random, a file is read or refused; nothing traps.
  @Test func damagedFiles() throws {
    let whole = [
      #"{"b1": [{"test_case": "p", "generation": "g<think>", "label": 1}]}"#,
      #"{"parameters": {}, "jailbreaks": [{"index": 0, "response": "r", "jailbroken": true}]}"#,
      "{\"id\": 7, \"sample\": 3, \"tokens\": [5], \"segments\": [\"answer\"], \"text\": \"y\"}\n{}\n",
      "forbidden_prompt,response,score\nf,\"r, r\",0.75\n",
      #"[{"response": "a"}, {"response": "b"}]"#,
    ].map { Array($0.utf8) }
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let path = "\(folder)/damaged"
    var (read, refused) = (0, 0)
    for _ in 0..<800 {
      var bytes = whole[random(whole.count)]
      for _ in 0...random(3) {
        guard !bytes.isEmpty else { break }
        let place = random(bytes.count)
        switch random(4) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = UInt8(random(256))
        case 2: bytes.insert(bytes[random(bytes.count)], at: place)
        default: bytes = Array(bytes.prefix(place))
        }
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      do throws(Problem) {
        _ = try AnswerFile.read(path)
        read += 1
      } catch { refused += 1 }
    }
    #expect(read > 50 && refused > 50)
  }

  // MARK: Generated answers

  private let line =
    #"{"answer":"y/z\u007f","effects":[{"fired_in_prefill":3,"hooks":["blocks.0.hook_resid_post"],"#
    + #""largest_norm":0.1,"norm":1e-05,"summary":"s \"q\""}],"finish":"end_token","forced":[1],"#
    + #""id":"a","prompt_tokens":4,"sample":2,"seed":18446744073709551615,"#
    + #""segments":["thinking","answer"],"text":"x</think>y/z\u007f","thinking":"x","tokens":[5,6]}"#

  @Test func whatWasGeneratedIsReadAndWrittenAgain() throws {
    let answer = try #require(AnswerFile.generated(Array(line.utf8), "a"))
    #expect(answer.name == "a#2" && answer.wasSteered && answer.generated?.finish == .endToken)
    #expect(try answer.line == line)
    // Thinking without an end, and a model without a tokenizer.
    for part in [#""answer":"y/z\u007f","#, #""thinking":"x","#, #""text":"x</think>y/z\u007f","#] {
      let cut = line.replacing(part, with: "")
      let answer = try #require(AnswerFile.generated(Array(cut.utf8), "a"))
      if part.hasPrefix(#""text"#) {
        #expect(answer.generated?.text == nil)
      } else {
        #expect(try answer.line == cut, "\(part)")
      }
    }
    #expect(try Answer(id: "a", text: "b").line == nil)
  }

  @Test(arguments: [
    #""seed":18446744073709551615,"#, #""prompt_tokens":4,"#, #""finish":"end_token","#,
    #""forced":[1],"#, #""id":"a","#, #""sample":2,"#, #""tokens":[5,6]"#, #""effects":"#,
  ]) func aLineThatLacksSomethingWasNotGeneratedHere(part: String) {
    #expect(AnswerFile.generated(Array(line.replacing(part, with: "").utf8), "a") == nil)
  }

  @Test func answersOfSomethingElseAreRefusedByTheirCode() throws {
    let prompts = [TokenSequence(id: "a", tokens: [1, 2, 3, 4])]
    let path = try write("generated", line + "\n")
    _ = try write(
      "generated.json",
      """
      {"configuration": {"model": {"id": "m", "weights_sha256": "w", "template_sha256": "t"},
        "prompts": ["p.jsonl d"], "prompt_tokens_sha256": "\(prompts.sha256)",
        "settings": {"samples": 3}}}
      """)
    func read(
      _ weights: String, _ template: String?, _ prompts: [TokenSequence]?, _ files: [String]?,
      force: Bool = false
    ) throws -> AnswersRead {
      try AnswerFile.read(
        path, markers: .deepSeek,
        expected: .init(
          model: .init(id: "n", weightsSHA256: weights, templateSHA256: template),
          prompts: prompts, files: files, force: force))
    }
    let own = try read("w", "t", prompts, nil)
    #expect(own.answers.count == 1 && own.samples == 3 && own.forced.isEmpty)
    _ = try read("w", nil, nil, ["other-name d", "further e"])
    let other = [TokenSequence(id: "a", tokens: [1, 2, 3, 5])]
    for (code, weights, template, prompts, files) in [
      (.otherModel, "v", "t", prompts, nil), (.otherTemplate, "w", "u", prompts, nil),
      (.otherPrompts, "w", "t", other, nil), (.otherPrompts, "w", "t", nil, ["p.jsonl e"]),
    ] as [(Problem.Code, String, String, [TokenSequence]?, [String]?)] {
      let problem = expectProblem(code) { try read(weights, template, prompts, files) }
      #expect(problem?.subject == path)
      #expect(try read(weights, template, prompts, files, force: true).forced.count == 1)
    }
    // A record that was cut compares nothing; answers without one are another tool's.
    _ = try write("generated.json", "{\"configuration\": {\"model\": ")
    expectProblem(.notJSON) { try read("v", "u", other, nil) }
    try FileManager.default.removeItem(atPath: path + ".json")
    #expect(try read("v", "u", other, nil).forced.isEmpty)
  }

  @Test func generatedAnswersFollowTheirPrompts() throws {
    let path = try write("generated", line + "\n")
    let expected = AnswerOrigin.Expected(model: nil, force: false)
    let prompt = TokenSequence(id: "a", tokens: [1, 2, 3, 4])
    let (answers, _) = try AnswerFile.transcripts(path, behind: [prompt], expected: expected)
    let transcript = try #require(answers.first?.answer.transcript)
    #expect(answers.map(\.prompt) == [0] && transcript.id == "a#2")
    #expect(transcript.tokens == [1, 2, 3, 4, 5, 6] && transcript.generated == 2)
    let short = TokenSequence(id: "a", tokens: [1])
    for (prompts, code) in [([short], .answerMismatch), ([], .unknownID)]
      as [([TokenSequence], Problem.Code)]
    {
      let problem = expectProblem(code) {
        try AnswerFile.transcripts(path, behind: prompts, expected: expected)
      }
      #expect(problem?.place == "line 1")
    }
    let foreign = try write("foreign", #"{"id": "a", "response": "b"}"#)
    expectProblem(.wrongType) {
      try AnswerFile.transcripts(foreign, behind: [prompt], expected: expected)
    }
  }
}
