import Foundation
import Prompts
import Testing

@testable import Transformer

@Suite("Hooks and positions")
struct VocabularyTests {
  @Test func hooksReadAndPrintTransformerLensNames() throws {
    for name in [
      "hook_embed", "blocks.0.hook_resid_pre", "blocks.20.hook_resid_post", "blocks.7.attn.hook_z",
      "blocks.3.attn.hook_pattern", "blocks.1.mlp.hook_post", "blocks.1.hook_mlp_out",
      "ln_final.hook_out", "unembed.hook_out", "blocks.1.hook_attn_in", "blocks.1.hook_mlp_in",
      "blocks.1.ln1.hook_scale", "blocks.1.ln2.hook_normalized", "blocks.1.ln1_post.hook_scale",
      "ln_final.hook_scale", "ln_final.hook_normalized", "blocks.1.attn.hook_q",
      "blocks.1.attn.hook_k", "blocks.1.attn.hook_v", "blocks.1.attn.hook_rot_q",
      "blocks.1.attn.hook_rot_k", "blocks.1.attn.hook_attn_scores", "blocks.1.attn.hook_result",
      "blocks.1.mlp.hook_pre", "blocks.1.mlp.hook_pre_linear",
    ] {
      let hook = try #require(HookPoint(name))
      #expect(hook.description == name)
      let coded = try JSONDecoder().decode(HookPoint.self, from: JSONEncoder().encode(hook))
      #expect(coded == hook)
    }
    for name in [
      "", "blocks.hook_z", "blocks.-1.hook_resid_pre", "blocks.01.hook_resid_pre",
      "blocks.1.hook_embed", "hook_resid_pre", "ln1.hook_normalized", "blocks.1.hook_q",
    ] {
      #expect(HookPoint(name) == nil)
    }
  }

  @Test func hooksStandInTheOrderOfTheForwardPass() {
    let order: [HookPoint] = [
      .embedding, .residual(before: 0), .residual(mid: 0), .residual(after: 0),
      .residual(before: 1), .attentionInput(layer: 1), .query(layer: 1), .rotatedKey(layer: 1),
      .attentionScores(layer: 1), .attentionPattern(layer: 1), .headOutput(layer: 1),
      .headResult(layer: 1), .attentionOutput(layer: 1), .residual(mid: 1), .mlpInput(layer: 1),
      .mlpPreActivation(layer: 1), .mlpHidden(layer: 1), .mlpOutput(layer: 1),
      .residual(after: 1), .finalNormScale, .finalNormalized, .finalNorm, .logits,
    ]
    #expect(order.shuffled().sorted() == order)
  }

  @Test func positionsCountFromEitherEnd() throws {
    let segments: [Segment] = [.template, .prompt, .prompt, .thinking, .template, .answer]
    for (text, expected) in [
      ("all", [0, 1, 2, 3, 4, 5]), ("last", [5]), ("0", [0]), ("-1", [5]), ("-6", [0]), ("-7", []),
      ("6", []), ("1..2", [1, 2]), ("-2..-1", [4, 5]), ("-9..1", [0, 1]), ("4..99", [4, 5]),
      ("3..2", []), ("prompt", [1, 2]), ("template", [0, 4]), ("answer", [5]),
      ("0..-1", [0, 1, 2, 3, 4, 5]), ("4..", [4, 5]), ("-2..", [4, 5]), ("-1..", [5]), ("9..", []),
      ("end-of-thinking", [4, 5]), ("thinking,end-of-thinking", [3, 4, 5]),
      ("end-of-thinking,thinking", [3, 4, 5]), ("answer,0,template,-6..1", [0, 1, 4, 5]),
      ("final,last,9", [4, 5]), ("3..2,9..", []), ("all,prompt", [0, 1, 2, 3, 4, 5]),
    ] {
      let positions = try #require(Positions(text))
      let sequence = TokenSequence(id: "", tokens: [0, 0, 0, 0, 0, 0], segments: segments)
      #expect(positions.indices(in: sequence) == expected, "\(text)")
      #expect(positions.description == text)
      let coded = try JSONDecoder().decode(Positions.self, from: JSONEncoder().encode(positions))
      #expect(coded == positions)
    }
    for text in [
      "", "a", "..2", "1...2", "first", "1..x", ",", "all,", ",1", "1,,2", "1,x", "1, 2",
    ] {
      #expect(Positions(text) == nil)
    }
  }

  /// A capture of the end of thinking has its template, an intervention goes on through the answer.
  @Test func capturesReadTheTemplateAtTheEndOfThinking() throws {
    let letters: [(String, [(String, [Int])])] = [
      (
        "tppkkkttaat",
        [
          ("end-of-thinking", [6, 7]), ("thinking,end-of-thinking", [3, 4, 5, 6, 7]),
          ("thinking,final", [3, 4, 5, 7]), ("answer,end-of-thinking", [6, 7, 8, 9]),
        ]
      ),
      // The answer is to come, the thinking does not end, there is none.
      ("tppkkktt", [("end-of-thinking", [6, 7]), ("thinking,end-of-thinking", [3, 4, 5, 6, 7])]),
      ("tppkkk", [("end-of-thinking", []), ("thinking,end-of-thinking", [3, 4, 5])]),
      ("tppttaa", [("end-of-thinking", []), ("thinking,end-of-thinking", [])]),
      // The last turn counts.
      ("tpkttatpkkta", [("end-of-thinking", [10]), ("thinking,end-of-thinking", [2, 8, 9, 10])]),
    ]
    for (letters, cases) in letters {
      let segments = letters.map { letter -> Segment in
        letter == "t" ? .template : letter == "p" ? .prompt : letter == "k" ? .thinking : .answer
      }
      let sequence = TokenSequence(
        id: "", tokens: letters.map { _ in 0 }, segments: segments)
      for (text, expected) in cases {
        let positions = try #require(Positions(text))
        #expect(positions.captured(in: sequence) == expected, "\(letters) \(text)")
        #expect(
          positions.captured(in: sequence, from: 4) == expected.filter { $0 >= 4 },
          "\(letters) \(text)")
      }
      #expect(
        Positions.union([.all, .segment(.answer)]).captured(in: sequence)
          == Array(letters.indices.enumerated().map(\.offset)))
    }
    #expect(
      TokenSequence(
        id: "", tokens: [0, 0, 0, 0, 0, 0, 0],
        segments: [.template, .prompt, .template, .thinking, .template, .template, .answer]
      ).places == [.template, .prompt, .template, .thinking, .endOfThinking, .final, .answer])
    #expect(
      TokenSequence(id: "", tokens: [0, 0, 0], segments: [.prompt, .template, .answer]).places
        == [.prompt, .template, .answer])
  }

  @Test func plansSurviveJSON() throws {
    let plan = Plan(
      capturing: [.residual(after: 3, at: .segment(.thinking)), .logits()],
      applying: [
        .add([1, 2], scale: 4, after: 1, at: .from(token: 3)),
        .scaleHeads([Head(layer: 0, head: 1)], by: 0),
      ])
    let coded = try JSONDecoder().decode(Plan.self, from: JSONEncoder().encode(plan))
    #expect(coded == plan)
  }
}
