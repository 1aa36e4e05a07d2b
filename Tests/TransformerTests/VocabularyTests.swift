import Foundation
import Testing
import Tokenization

@testable import Transformer

@Suite("Hooks and positions")
struct VocabularyTests {
  @Test func hooksReadAndPrintTransformerLensNames() throws {
    for name in [
      "hook_embed", "blocks.0.hook_resid_pre", "blocks.20.hook_resid_post", "blocks.7.attn.hook_z",
      "blocks.3.attn.hook_pattern", "blocks.1.mlp.hook_post", "blocks.1.hook_mlp_out",
      "ln_final.hook_out", "unembed.hook_out",
    ] {
      let hook = try #require(HookPoint(name))
      #expect(hook.description == name)
      let coded = try JSONDecoder().decode(HookPoint.self, from: JSONEncoder().encode(hook))
      #expect(coded == hook)
    }
    for name in [
      "", "blocks.hook_z", "blocks.-1.hook_resid_pre", "blocks.01.hook_resid_pre",
      "blocks.1.hook_embed", "hook_resid_pre", "ln_final.hook_normalized", "blocks.1.attn.hook_q",
    ] {
      #expect(HookPoint(name) == nil)
    }
  }

  @Test func hooksStandInTheOrderOfTheForwardPass() {
    let order: [HookPoint] = [
      .embedding, .residual(before: 0), .residual(mid: 0), .residual(after: 0),
      .residual(before: 1), .attentionPattern(layer: 1), .headOutput(layer: 1),
      .attentionOutput(layer: 1), .residual(mid: 1), .mlpHidden(layer: 1), .mlpOutput(layer: 1),
      .residual(after: 1), .finalNorm, .logits,
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
      ("end-of-thinking", [4, 5]),
    ] {
      let positions = try #require(Positions(text))
      let sequence = TokenSequence(id: "", tokens: [0, 0, 0, 0, 0, 0], segments: segments)
      #expect(positions.indices(in: sequence) == expected, "\(text)")
      #expect(positions.description == text)
      let coded = try JSONDecoder().decode(Positions.self, from: JSONEncoder().encode(positions))
      #expect(coded == positions)
    }
    for text in ["", "a", "..2", "1...2", "first", "1..x"] {
      #expect(Positions(text) == nil)
    }
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
