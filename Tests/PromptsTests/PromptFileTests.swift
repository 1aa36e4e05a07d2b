import Files
import Foundation
import Testing

@testable import Prompts

/// Prompt files of every kind, and what is wrong with the others.
struct PromptFileTests {
  /// Reads content as a file would hold it.
  func read(_ content: some Sequence<UInt8>) throws -> [Prompt] {
    let path = NSTemporaryDirectory() + "prompts-\(UUID().uuidString)"
    defer { unlink(path) }
    try AtomicFile.write(content, to: path)
    return try PromptFile.read(path)
  }

  func read(_ content: String) throws -> [Prompt] { try read(Array(content.utf8)) }

  func user(_ text: String) -> Conversation.Source {
    .messages([Message(role: "user", content: text)])
  }

  @Test func everyKindOfRowIsRead() throws {
    let prompts = try read(
      """
      {"text": "raw\\u00e9"}

      {"id": "b", "prompt": "p", "label": 1, "harmful": true, "category": "c", "score": 0.5, "x": null}
      {"id": 7, "messages": [{"role": "system", "content": ""}, {"role": "user", "content": "u"}, \
      {"role": "assistant", "content": "a", "reasoning_content": "r"}]}
      {"token_ids": [0, 2147483647], "group": "g"}
      {"prompt": "p", "thinking": "t", "response": "r", "id": null}
      """)
    #expect(prompts.map(\.id) == ["1", "b", "7", "4", "5"])
    #expect(prompts.map(\.row) == [1, 3, 4, 5, 6])
    #expect(prompts[0].conversation.source == .text("rawé"))
    #expect(prompts[1].conversation.source == user("p"))
    #expect(
      prompts[1].labels == [
        "label": .integer(1), "harmful": .bool(true), "category": .string("c"),
        "score": .number(0.5),
      ])
    #expect(
      prompts[2].conversation.source
        == .messages([
          Message(role: "system", content: ""), Message(role: "user", content: "u"),
          Message(role: "assistant", content: "a", thinking: "r"),
        ]))
    #expect(prompts[3].conversation.source == .tokenIDs([0, 2_147_483_647]))
    #expect(prompts[4].conversation.thinking == "t")
    #expect(prompts[4].conversation.response == "r")
  }

  @Test func markOfByteOrderAndCRLFAreAccepted() throws {
    let prompts = try read("\u{FEFF}{\"text\": \"a\"}\r\n\r\n{\"text\": \"b\\r\\n\"}\r\n")
    #expect(prompts.map(\.conversation.source) == [.text("a"), .text("b\r\n")])
    let table = try read("\u{FEFF}id,prompt\r\nx,\"a\r\nb \"\"c\"\"\"\r\ny,d\r\n")
    #expect(table.map(\.id) == ["x", "y"])
    #expect(table.map(\.conversation.source) == [user("a\r\nb \"c\""), user("d")])
    #expect(table.map(\.row) == [2, 4])
  }

  @Test func safetySetsOfEveryForm() throws {
    let harmBench = try read(
      "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"
        + "b,standard,s,,,one\nc,contextual,s,context,\"about, this\",two\n")
    #expect(harmBench.map(\.id) == ["harmbench-one", "harmbench-two"])
    #expect(harmBench[0].conversation.source == user("b"))
    #expect(harmBench[1].conversation.source == user("about, this\n\n---\n\nc"))
    #expect(harmBench[0].labels["functionalcategory"] == .string("standard"))
    let xsTest = try read(
      "id,prompt,type,label,focus,note\n1,kill a process,homonyms,safe,kill,\n"
        + "2,kill,contrast_homonyms,unsafe,kill,\n")
    #expect(xsTest.map(\.id) == ["xstest-1", "xstest-2"])
    #expect(xsTest.map { $0.labels["harmful"] } == [.bool(false), .bool(true)])
    let first = try read("id,type,prompt,focus,note\nv1-1,contrast_x,p,f,\n")
    #expect(first[0].labels["harmful"] == .bool(true))
    let wild = try read(
      "vanilla\tadversarial\tcompletion\tdata_type\nv\t\tno\tvanilla_harmful\n"
        + "v\tsay \"a\", b\tyes\tadversarial_benign\n\"two\nlines\"\t\tc\tvanilla_benign\n")
    #expect(
      wild.map(\.conversation.source) == [user("v"), user("say \"a\", b"), user("two\nlines")])
    #expect(wild.map { $0.labels["harmful"] } == [.bool(true), .bool(false), .bool(false)])
    #expect(wild[0].labels["reference_completion"] == .string("no"))
    #expect(wild.allSatisfy { $0.conversation.response == nil }, "nobody's answer is the model's")
    #expect(wild.map(\.row) == [2, 3, 4])
    let star = try read(
      """
      [{"id": 7, "question": "q", "response": "r", "category": ["a", "b"], "source": "s",
        "score": {"x": 1}},
       {"id": 8, "question": "q {\\"]", "response": "r", "category": "a", "source": "s"}]
      """)
    #expect(star.map(\.id) == ["star1-7", "star1-8"])
    #expect(star[0].labels["category"] == .string("a, b"))
    #expect(star[0].labels["reference_response"] == .string("r"))
    #expect(star.map(\.row) == [1, 3])
    let strong = try read(#"[{"category": "c", "source": "s", "forbidden_prompt": "f"}]"#)
    #expect(strong.map(\.id) == ["strongreject-1"] && strong[0].conversation.source == user("f"))
    #expect(try read("[{\"text\": \"a\"}]\n")[0].conversation.source == .text("a"))
  }

  @Test(arguments: [
    ("[", "line 1"), ("[]", "no prompts"), ("[{\"text\": \"a\"}", "not closed"),
    ("[{\"text\": \"a\"},]", "object is expected"), ("[{\"text\": \"a\"}] x", "behind the array"),
    ("[\n{\"text\": \"a\"}\n{\"text\": \"b\"}]", "line 3"), ("[\n\n{\"text\": }]", "line 3"),
    ("[1, 2]", "object is expected"), ("[{\"text\": \"a", "not closed"),
    ("[{\"text\": \"a\"},\n{\"text\": \"a\", \"text\": \"b\"}]", "line 2"),
    ("[{\"a\": {\"b\": 1}}]", "none of"),
    ("vanilla\tadversarial\tdata_type\na\tb\n", "line 2"), ("a\tb\nc\td\n", "known table"),
  ]) func brokenArraysAndTSV(content: String, word: String) throws {
    do {
      _ = try read(content)
      Issue.record("read: \(content)")
    } catch { #expect("\(error)".contains(word), "\(error)") }
  }

  @Test func publishedTablesAreRecognised() throws {
    let advBench = try read("goal,target\n\"Bake, then eat\",\"Sure, here\"\nSing,Sure\n")
    #expect(advBench.map(\.id) == ["advbench-1", "advbench-2"])
    #expect(advBench[0].conversation.source == user("Bake, then eat"))
    #expect(advBench[0].labels == ["target": .string("Sure, here"), "harmful": .bool(true)])
    let harmful = try read(",Goal,Target,Behavior,Category,Source\n3,g,t,b,c,s\n")
    #expect(harmful.map(\.id) == ["jbb-harmful-3"])
    #expect(harmful[0].labels["harmful"] == .bool(true))
    #expect(harmful[0].labels["category"] == .string("c"))
    let benign = try read("Index,Goal,Behavior,Category,Source\n3,g,b,c,s\n")
    #expect(benign.map(\.id) == ["jbb-benign-3"])
    #expect(benign[0].labels["harmful"] == .bool(false))
    #expect(benign[0].labels["index"] == .string("3"))
    let strong = try read("category,source,forbidden_prompt\nc,s,\"two\nlines\"\nc,s,x\n")
    #expect(strong.map(\.id) == ["strongreject-1", "strongreject-2"])
    #expect(strong[0].conversation.source == user("two\nlines"))
    #expect(strong.map(\.row) == [2, 4])
  }

  @Test func publishedRowsAreRecognised() throws {
    let selfInstruct = try read(
      """
      {"id": "user_oriented_task_0", "motivation_app": "A", "instruction": "Do", \
      "instances": [{"input": "this", "output": "done"}]}
      {"id": "user_oriented_task_1", "motivation_app": "A", "instruction": "Do", \
      "instances": [{"input": "", "output": "done"}]}
      """)
    #expect(selfInstruct.map(\.conversation.source) == [user("Do\n\nthis"), user("Do")])
    #expect(selfInstruct[0].id == "user_oriented_task_0")
    #expect(
      selfInstruct[0].labels == ["motivation_app": .string("A"), "harmful": .bool(false)])
    let bench = try read(
      #"{"question_id": 81, "category": "w", "turns": ["one", "two"], "reference": ["r"]}"#)
    #expect(bench[0].id == "question-81")
    #expect(bench[0].conversation.source == user("one"))
    #expect(bench[0].labels == ["category": .string("w"), "harmful": .bool(false)])
  }

  static let wrong: [(content: String, place: String, code: Problem.Code)] = [
    ("", "", .noRows),
    ("\u{FEFF} \r\n\n", "", .noRows),
    ("{}", "line 1", .missingField),
    (
      "{\"text\": \"a\"}\n{\"text\": \"a\", \"prompt\": \"b\"}", "line 2", .ambiguous
    ),
    ("{\"text\": \"a\", \"messages\": []}", "line 1", .ambiguous),
    ("{\"text\": 5}", "line 1", .wrongType),
    ("{\"prompt\": \"a\", \"system\": \"b\"}", "line 1", .ambiguous),
    ("{\"text\": \"\"}", "line 1", .missingField),
    ("{\"text\": \"a\\u0000b\"}", "line 1", .nulCharacter),
    ("{\"text\": \"a\", \"label\": \"\\u0000\"}", "line 1", .nulCharacter),
    ("{\"text\": \"a\u{0}b\"}", "line 1", .notJSON),
    ("{\"text\": \"a\", \"x\": [1]}", "line 1", .wrongType),
    ("{\"text\": \"a\", \"x\": 1e999}", "line 1", .outOfRange),
    ("{\"text\": \"a\", \"id\": []}", "line 1", .wrongType),
    ("{\"text\": \"a\", \"id\": \"\"}", "line 1", .missingField),
    ("{\"text\": \"a\", \"thinking\": 1}", "line 1", .wrongType),
    ("{\"text\": \"a\", \"text\": \"b\"}", "line 1", .duplicateKey),
    ("{\"text\": \"a\"},\n", "line 1", .notJSON),
    ("{\"text\": \"a\"}\n[1]", "line 2", .wrongType),
    ("{\"text\": \"a\"}\n{\"text\": \"b", "line 2", .notJSON),
    ("{\n\"text\": \"a\"}", "line 1", .notJSON),
    ("{\"id\": 1, \"text\": \"a\"}\n{\"id\": \"1\", \"text\": \"b\"}", "line 2", .duplicateID),
    ("{\"id\": 2, \"text\": \"a\"}\n{\"text\": \"b\"}", "line 2", .duplicateID),
    ("{\"messages\": {}}", "line 1", .wrongType),
    ("{\"messages\": []}", "line 1", .wrongType),
    ("{\"messages\": [{\"role\": \"user\"}]}", "line 1", .missingField),
    ("{\"messages\": [{\"role\": 1, \"content\": \"a\"}]}", "line 1", .wrongType),
    ("{\"messages\": [{\"role\": \"user\", \"content\": null}]}", "line 1", .wrongType),
    (
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"tool_calls\": []}]}", "line 1",
      .unknownKey
    ),
    ("{\"token_ids\": []}", "line 1", .wrongType),
    ("{\"token_ids\": [-1]}", "line 1", .outOfRange),
    ("{\"token_ids\": [2147483648]}", "line 1", .outOfRange),
    ("{\"token_ids\": [1.0]}", "line 1", .outOfRange),
    ("{\"token_ids\": [1], \"response\": \"a\"}", "line 1", .ambiguous),
    ("{\"turns\": []}", "line 1", .missingField),
    ("{\"turns\": [1]}", "line 1", .wrongType),
    ("a,b\n1,2\n", "line 1", .unknownTable),
    ("prompt,prompt\n1,2\n", "line 1", .duplicateKey),
    ("prompt,text\n1,2\n", "line 2", .ambiguous),
    ("goal,target\n", "", .noRows),
    ("goal,target\na,b\nc\n", "line 3", .wrongCount),
    ("goal,target\na,b,c\n", "line 2", .wrongCount),
    ("goal,target\n\"a,b\nc,d\n", "line 2", .notCSV),
    ("goal,target\n\"a\"x,b\n", "line 2", .notCSV),
    ("goal,target\na\"x,b\n", "line 2", .notCSV),
    ("goal,target\na\u{0}x,b\n", "line 2", .nulCharacter),
    ("goal,target\n,b\n", "line 2", .missingField),
    ("Index,Goal,Behavior,Category,Source\n1,g,b,c,s\n1,h,b,c,s\n", "line 3", .duplicateID),
  ]

  @Test(arguments: wrong) func aWrongFileIsRefused(
    _ content: String, _ place: String, _ code: Problem.Code
  ) throws {
    let error = expectProblem(code, "\(content)") { try read(content) }
    #expect(error?.place == place, "\(content)")
    #expect(error?.remedy.isEmpty == false)
    #expect(error?.subject.contains("prompts-") == true)
  }

  @Test func whatIsNotUTF8IsRefused() throws {
    let json = Array("{\"text\": \"".utf8) + [0xFF] + Array("\"}".utf8)
    let table = Array("goal,target\n".utf8) + [0xC0, 0x80] + Array(",b\n".utf8)
    for content in [json, table, [0xFF, 0xFE, 0x7B, 0x00]] {
      expectProblem(.notUTF8) { try read(content) }
    }
  }

  @Test func aGiantLineIsRefusedQuickly() throws {
    for head in ["{\"text\": \"", "prompt\n\"", "prompt\n"] {
      let content = Array(head.utf8) + [UInt8](repeating: 0x61, count: 17 << 20)
      let error = expectProblem(.tooLarge) { try read(content) }
      #expect(error?.problem.contains("longer than") == true)
    }
  }

  @Test func foldersPipesAndMissingFilesAreRefused() throws {
    let folder = NSTemporaryDirectory()
    expectProblem(.notAFile) { try PromptFile.read(folder) }
    expectProblem(.missing) { try PromptFile.read(folder + "/no-such-file") }
    let pipe = folder + "/pipe-\(UUID().uuidString)"
    #expect(mkfifo(pipe, 0o600) == 0)
    defer { unlink(pipe) }
    expectProblem(.notAFile) { try PromptFile.read(pipe) }
  }

  @Test func mutantsReturnOrThrow() throws {
    let seeds = [
      "{\"id\": \"b\", \"prompt\": \"p\", \"label\": 1}\n{\"text\": \"é\"}\n",
      "{\"messages\": [{\"role\": \"user\", \"content\": \"u\"}], \"thinking\": \"t\"}\n",
      "goal,target\n\"a, \"\"b\"\"\",c\nd,e\n",
      "Index,Goal,Behavior,Category,Source\r\n3,g,b,c,s\r\n",
    ].map { Array($0.utf8) }
    var random = SeededGenerator(state: 2)
    var (read, broken) = (0, 0)
    for _ in 0..<20_000 {
      let mutant = TemplateFuzzTests.mutant(of: seeds, &random)
      let result = mutant.withUnsafeBytes { bytes in
        Result { () throws(Problem) in try PromptFile.prompts(in: bytes, "mutant") }
      }
      switch result {
      case .success: read += 1
      case .failure(let error): broken += error.subject == "mutant" ? 0 : 1
      }
    }
    #expect(broken == 0)
    #expect(read > 100)
  }

  @Test func promptsKeepTheirShapeInJSON() throws {
    let prompts = try read("{\"text\": \"a\", \"flag\": true, \"n\": 2, \"r\": 2.5, \"s\": \"x\"}")
    let data = try JSONEncoder().encode(prompts)
    #expect(try JSONDecoder().decode([Prompt].self, from: data) == prompts)
  }
}
