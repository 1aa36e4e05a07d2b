import Prompts
import Refusal
import Testing
import Transformer

@testable import Figures
@testable import Reporting

/// A trace as figures.
@Suite struct TraceFiguresTests {
  static func trace(tokens: Int, hooks: [HookPoint], chosen: Int) throws -> TokenTrace {
    // Template, prompt, template, thinking with a fall at its end, template, answer.
    let segments = (0..<tokens).map { index -> Segment in
      switch index {
      case 0..<5, 15..<20, (tokens - 12)..<(tokens - 6): .template
      case 5..<15: .prompt
      case 20..<(tokens - 12): .thinking
      default: .answer
      }
    }
    let logits = hooks.indices.map { hook in
      (0..<tokens).map { Float($0 < tokens - 14 ? 2 + hook : -2) }
    }
    return try TokenTrace(
      id: "t", label: "kind", tokens: (0..<tokens).map { "w\($0)" }, segments: segments,
      hooks: hooks, logits: logits, chosen: chosen)
  }

  @Test func aShortTraceHasOneMapWithTheTextOfEveryToken() throws {
    let hooks: [HookPoint] = [.residual(after: 3), .residual(after: 7)]
    let maps = try Self.trace(tokens: 40, hooks: hooks, chosen: 1).heatMaps
    #expect(maps.count == 1)
    #expect(maps[0].layers == [3, 7] && maps[0].chosenLayer == 7)
    for text in ["w0", "w25", "w39"] { #expect(maps[0].svg(id: "m").contains(">\(text)<")) }
  }

  @Test func aLongOneAlsoTheTokensAroundTheFallWithTheirPositions() throws {
    let maps = try Self.trace(tokens: 150, hooks: [.residual(after: 3)], chosen: 0).heatMaps
    #expect(maps.count == 2)
    let start = maps[1].firstPosition
    #expect(maps[1].tokens == (start..<(start + 64)).map { "w\($0)" })
    #expect(maps[1].tokens.contains("w135"))
    let rows = maps[1].csv.split(separator: "\r\n")
    #expect(rows[1].contains("\(start)") && rows[1].contains("w\(start)"))
    #expect(rows.count == 65)
  }

  /// What is behind the final norm stands at no block, however many there are.
  @Test func theFinalNormIsNoLayer() throws {
    let map = try Self.trace(
      tokens: 40, hooks: [.residual(after: 26), .finalNorm], chosen: 1
    ).heatMaps[0]
    #expect(map.layers == [nil] && map.chosenLayer == nil)
    #expect(map.csv.split(separator: "\r\n")[1].hasPrefix(",0,"))
  }

  /// Sites of one layer would stand on each other.
  @Test func onlyTheChosenSiteIsDrawn() throws {
    let hooks: [HookPoint] = [
      .residual(before: 3), .residual(after: 3), .residual(before: 4), .residual(after: 4),
    ]
    let map = try Self.trace(tokens: 40, hooks: hooks, chosen: 2).heatMaps[0]
    #expect(map.layers == [3, 4] && map.chosenLayer == 4 && map.values.count == 2)
    #expect(map.caption.contains("hook_resid_pre"))
  }
}
