import Figures
import Probing
import Statistics
import Transformer

extension ProbeReport {
  /// AUROC on the test rows by layer, beside probes of shuffled labels and of random directions; nil
  /// where the chosen probe is the only one at its site, as behind the final norm.
  public var aurocByLayer: LineFigure? {
    // Probes at several sites of one layer would share a place on the axis.
    let site = evaluations[chosen].hook.site
    let evaluations = evaluations.filter { $0.hook.site == site }
    let layers = evaluations.compactMap(\.hook.layer).map { Double($0) }
    guard layers.count == evaluations.count, layers.count > 1 else { return nil }
    func control(_ name: String, _ metrics: [ControlMetrics]) -> LineFigure.Series {
      let points = zip(layers, metrics).map { layer, metrics in
        LineFigure.Point(
          x: layer, y: metrics.auroc.isEmpty ? nil : metrics.meanAUROC,
          low: metrics.auroc.min(), high: metrics.auroc.max())
      }
      return LineFigure.Series(name: name, points: points, isControl: true)
    }
    let probes = zip(layers, evaluations).map { layer, evaluation in
      evaluation.test.auroc.map { LineFigure.Point(x: layer, $0) } ?? .init(x: layer, y: nil)
    }
    return LineFigure(
      title: "AUROC by layer",
      caption:
        "Probes at \(site.rawValue) on \(testRows) test rows that served neither training nor any choice, with "
        + "95 % intervals. Controls: mean and range of probes on shuffled labels and of "
        + "norm-matched random directions. The marked layer was chosen on \(selectionRows) other "
        + "rows. Seed \(training.seed).",
      xLabel: "layer", yLabel: "AUROC",
      series: [
        .init(name: "\(training.kind.rawValue) probe", points: probes),
        control("shuffled labels", evaluations.map(\.shuffled)),
        control("random directions", evaluations.map(\.random)),
      ],
      levels: [.init(name: "chance", value: 0.5)],
      marks: self.evaluations[chosen].hook.layer.map {
        [.init(name: "chosen", value: Double($0))]
      } ?? [])
  }

  /// Every probe's figures and controls.
  public var table: DataTable {
    DataTable(
      columns: ["hook", "AUROC", "accuracy", "shuffled AUROC", "random AUROC", "C"],
      rows: evaluations.map { evaluation in
        [
          .text(evaluation.hook.description),
          evaluation.test.auroc.map { .interval($0) } ?? .missing,
          evaluation.test.accuracy.map { .interval($0) } ?? .missing,
          .number(evaluation.shuffled.meanAUROC), .number(evaluation.random.meanAUROC),
          evaluation.inversePenalty.map { .number($0) } ?? .missing,
        ]
      })
  }
}

extension ProbeMap {
  /// AUROC on the test rows by layer and position, one figure for each site that was captured.
  public var heatMaps: [HeatMapFigure] {
    let hooks = best.probes.probes.map(\.hook)
    let chosen = best.probes.chosen.hook
    let sites = Set(hooks.map(\.site)).sorted { $0.rawValue < $1.rawValue }
    return sites.map { site in
      let places = hooks.indices.filter { hooks[$0].site == site }
      let report = best.probes.report
      return HeatMapFigure(
        title: "AUROC by layer and position: \(site.rawValue)",
        caption: "Probes on \(report.testRows) test rows that served no choice; a screen, with no "
          + "correction for the number of cells. Chosen on \(report.selectionRows) other rows: "
          + "position \(best.position), \(chosen). Seed \(report.training.seed).",
        valueLabel: "AUROC", colors: .diverging(centre: 0.5),
        layers: places.map { hooks[$0].layer },
        tokens: columns.map { "\($0.position)" },
        values: places.map { place in
          columns.map { $0.probes.report.evaluations[place].test.auroc?.estimate }
        },
        chosenLayer: chosen.site == site ? chosen.layer : nil,
        firstPosition: columns.first?.position ?? 0)
    }
  }
}
