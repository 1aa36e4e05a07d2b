import Foundation
import Statistics

@testable import Figures

/// A report with made-up numbers of realistic shape.
///
/// To look at it: `SAMPLE_REPORT=folder swift test --filter ReportTests`.
enum SampleReport {
  static let words = [
    "<|im_start|>", "user", "\n", "Explain", " how", " vaccines", " are", " tested", ",", " and",
    " why", " it", " takes", " so", " many", " years", ".", "<|im_end|>", "\n", "<|im_start|>",
    "assistant", "\n", "<think>", "\n", "The", " user", " wants", " an", " overview", " of",
    " clinical", " trials", ".", " This", " is", " public", " knowledge", ",", " so", " I",
    " can", " answer", " in", " three", " steps", ":", " phases", ",", " safety", " and",
    " efficacy", ".", "\n", "</think>", "\n\n", "Vaccines", " pass", " through", " three",
    " phases",
  ]

  static func segment(_ index: Int, of count: Int) -> String {
    let share = Double(index) / Double(count) * 60
    return switch share {
    case ..<3: "template"
    case ..<17: "prompt"
    case ..<24: "template"
    case ..<53: "thinking"
    case ..<55: "template"
    default: "answer"
    }
  }

  static func trace(_ name: String, count: Int, seed: UInt64) -> TokenTraceFigure.Trace {
    var generator = SeededGenerator(seed: seed)
    let tokens = (0..<count).map { index -> TokenTraceFigure.Token in
      let segment = segment(index, of: count)
      let centre =
        switch segment {
        case "prompt": 0.3 + 0.5 * Double(index) / Double(count)
        case "thinking": 0.86
        case "answer": 0.2
        default: Double(index) > 0.8 * Double(count) ? 0.35 : 0.12
        }
      let score = centre + 0.05 * generator.normal()
      return .init(
        text: words[index % words.count], segment: segment, score: min(max(score, 0), 1))
    }
    let random = (0..<count).map { _ in 0.4 + 0.03 * generator.normal() }
    return .init(
      name: name, tokens: tokens, plateau: 0.862, final: 0.314, fallStart: count * 52 / 60,
      control: .init(
        name: "20 random directions, 95 %", low: random.map { $0 - 0.12 },
        high: random.map { $0 + 0.12 }))
  }

  static var heatMap: HeatMapFigure {
    var generator = SeededGenerator(seed: 4)
    let values: [[Double?]] = (0...30).map { layer in
      words.indices.map { token in
        if layer < 3, token < 4 { return nil }
        let strength = min(max(Double(layer - 6) / 14, 0), 1)
        let isThought = (24..<53).contains(token)
        let score = 0.5 + strength * (isThought ? 0.4 : -0.3) + 0.06 * generator.normal()
        return min(max(score, 0), 1)
      }
    }
    return HeatMapFigure(
      title: "Score by layer and token",
      caption:
        "One probe for each layer, applied to every token of transcript t-01. The frame marks "
        + "layer 20, chosen on the validation split. Hatched cells were not captured.",
      valueLabel: "P(refusal)", colors: .diverging(centre: 0.5), layers: Array(0...30),
      tokens: words, segments: words.indices.map { segment($0, of: 60) }, values: values,
      chosenLayer: 20)
  }

  static var layerStudy: LineFigure {
    var generator = SeededGenerator(seed: 6)
    func series(_ name: String, _ height: Double, _ width: Double, isControl: Bool)
      -> LineFigure.Series
    {
      let points = (0...30).map { layer -> LineFigure.Point in
        let rise = 1 / (1 + exp(-(Double(layer) - 8) / 2.5))
        let y = 0.5 + (height - 0.5) * rise + 0.012 * generator.normal()
        return .init(x: Double(layer), y: y, low: y - width, high: min(y + width, 1))
      }
      return .init(name: name, points: points, isControl: isControl)
    }
    return LineFigure(
      title: "AUROC by layer",
      caption:
        "Held-out prompts (n = 240, grouped by behaviour), DeLong 95 % intervals on the logit "
        + "scale. Shuffled labels and random directions of equal norm are the controls.",
      xLabel: "layer", yLabel: "AUROC",
      series: [
        series("refusal probe", 0.96, 0.025, isControl: false),
        series("difference in means", 0.91, 0.035, isControl: false),
        series("shuffled labels", 0.5, 0.06, isControl: true),
        series("random directions", 0.55, 0.07, isControl: true),
      ], levels: [.init(name: "chance", value: 0.5)],
      marks: [.init(name: "chosen: layer 20", value: 20)])
  }

  static var averageCurve: LineFigure {
    var generator = SeededGenerator(seed: 9)
    let curves: [[Double?]] = (0..<24).map { _ in
      (0..<100).map { position in
        let fall = 1 / (1 + exp(Double(position - 88) / 2))
        return 0.2 + 0.6 * fall + 0.1 * generator.normal()
      }
    }
    let band = (try? Bootstrap(seed: 42, resamples: 1000).band(curves: curves)) ?? []
    return LineFigure(
      title: "Average curve over transcripts",
      caption:
        "Mean of 24 transcripts, aligned at the end of thinking and resampled to 100 points; "
        + "band: pointwise percentile bootstrap over transcripts.",
      xLabel: "share of the transcript (%)", yLabel: "P(refusal)",
      series: [
        .init(
          name: "harmful prompts, thinking",
          points: band.enumerated().map {
            .init(
              x: Double($0.offset), y: $0.element.mean, low: $0.element.interval?.low,
              high: $0.element.interval?.high)
          })
      ])
  }

  static var report: Report {
    let auroc = Interval(
      estimate: 0.9614, low: 0.9321, high: 0.9783, method: "DeLong on the logit scale", n: 240)
    let chance = Interval(estimate: 0.512, low: 0.438, high: 0.586, method: "DeLong", n: 240)
    return Report(
      title: "Where refusal falls: SmolLM2-135M-Instruct",
      summary: [
        "A linear probe for refusal was trained at each of the 31 residual points and applied to "
          + "every token of 24 held-out transcripts. Its score is high while the model thinks and "
          + "falls at the end-of-thinking template.",
        "All numbers are made up: this is a sample to look at.",
      ],
      verdicts: [
        .init(.found, "A refusal cliff: 0.55 [0.47, 0.62] over 24 transcripts (n = 24)."),
        .init(.caution, "cos(w, unembedding of openers) = 0.61: the probe may read the opener."),
      ],
      sections: [
        .init(
          title: "The trace",
          blocks: [
            .prose("Plateau is the maximum over thinking, final the last template token's score."),
            .figure(
              TokenTraceFigure(
                title: "Refusal score per token",
                caption: "Layer 20. Dashed: plateau and final score; their distance is the cliff.",
                yLabel: "P(refusal)",
                traces: [trace("t-01 · vaccines", count: 60, seed: 1)])),
            .figure(
              TokenTraceFigure(
                title: "A long transcript",
                caption: "Above all 420 tokens, below the 64 around the cliff.",
                yLabel: "P(refusal)", traces: [trace("t-02 · long", count: 420, seed: 2)])),
            .figure(averageCurve),
          ]),
        .init(title: "Layers and tokens", blocks: [.figure(heatMap)]),
        .init(
          title: "The probe and its controls",
          blocks: [
            .figure(layerStudy),
            .table(
              title: "Layer 20 on the test split.",
              DataTable(
                columns: ["probe", "AUROC", "Brier", "items"],
                rows: [
                  [
                    .text("L2 logistic regression"), .interval(auroc), .number(0.07341),
                    .integer(240),
                  ],
                  [.text("shuffled labels"), .interval(chance), .number(0.2531), .integer(240)],
                  [.text("random directions (20)"), .interval(chance), .missing, .integer(240)],
                ])),
            .verdict(.init(.notFound, "No cliff on benign prompts: 0.01 [-0.02, 0.04] (n = 24).")),
            .preformatted("bathyscope trace --model smollm2-135m --probe refusal --out out"),
          ]),
      ],
      facts: [
        .init("model", "smollm2-135m · sha256 3f6c0b3f5d2f1a…"), .init("seed", "42"),
        .init("arguments", "trace --model smollm2-135m --prompts p.jsonl --layers all --out out"),
        .init("kernel", "OpenBLAS · AVX-512"), .init("version", "0.1.0"),
      ])
  }
}
