import Figures
import Files
import Refusal

extension SelectionResult {
  /// Reads what `bathyscope select` wrote.
  /// - Throws: when the file is damaged, or is not what the command writes.
  public static func read(_ file: String) throws(Problem) -> SelectionResult {
    let result = try StoredDocument.read(SelectionResult.self, file)
    let names = result.methods.map(\.name)
    guard !names.isEmpty, Set(names).count == names.count,
      result.overlaps.allSatisfy({ names.contains($0.first) && names.contains($0.second) })
    else {
      throw Problem(
        .contradictory, file, place: "methods", problem: "are missing, or do not fit the overlaps",
        remedy: "name the selection.json that 'bathyscope select' wrote, or write it again")
    }
    return result
  }

  var blocks: [Report.Block] {
    let unusable = unusable.sorted { $0.key < $1.key }.map { "\($0.value) with \($0.key)" }
    return trace + [
      .prose(
        "Each method chooses up to \(wanted) of \(pool) transcripts to train on"
          + (unusable.isEmpty
            ? "" : "; others could not be chosen: \(unusable.joined(separator: ", "))")
          + ". Near-duplicates: \(duplicateRule ?? "kept"). Quotas: \(quotaRule ?? "none"). The method "
          + "'all' takes the whole pool."),
      .table(title: "How each method chooses", rules), .figure(overlapMap),
      .table(title: "Rows that two methods share", shared),
    ]
  }

  /// What the trace says that the cliff ranks by.
  private var trace: [Report.Block] {
    (caution.map { [.verdict(Report.Verdict(.caution, $0))] } ?? [])
      + (verdicts ?? []).map { .prose("The trace, \($0)") }
  }

  var facts: [Report.Fact] {
    provenance.sorted { $0.key < $1.key }.map { .init("selection: \($0.key)", $0.value) }
  }

  private var rules: DataTable {
    DataTable(
      columns: ["method", "rule", "candidates", "chosen", "duplicates passed over"],
      rows: methods.map { method in
        [
          .text(method.name), .text(method.rule), .integer(method.candidates),
          .integer(method.chosen.count), .integer(method.duplicates.count),
        ]
      })
  }

  private func overlap(_ one: String, _ other: String) -> Overlap? {
    overlaps.first {
      ($0.first, $0.second) == (one, other) || ($0.first, $0.second) == (other, one)
    }
  }

  /// What two methods share, and what they would share by chance.
  private var shared: DataTable {
    func count(_ name: String) -> Int { methods.first { $0.name == name }?.chosen.count ?? 0 }
    return DataTable(
      columns: ["methods", "shared rows", "by chance", "Jaccard index"],
      rows: overlaps.map { overlap in
        // Two sets drawn at random from the pool share the product of their shares.
        let chance =
          pool > 0
          ? Double(count(overlap.first)) * Double(count(overlap.second)) / Double(pool) : nil
        return [
          .text("\(overlap.first), \(overlap.second)"), .integer(overlap.both), .init(chance),
          .init(overlap.jaccard),
        ]
      })
  }

  var overlapMap: MatrixFigure {
    MatrixFigure(
      title: "Overlap of the selections",
      caption: "Of the rows that either of two methods chose, the share that both did (Jaccard "
        + "index); below it the number of shared rows. Pool: \(pool) rows, seed \(seed).",
      valueLabel: "Jaccard index", names: methods.map(\.name),
      cells: methods.map { one in
        methods.map { other in
          if one.name == other.name {
            return .init(value: one.chosen.isEmpty ? nil : 1, note: "\(one.chosen.count)")
          }
          let overlap = overlap(one.name, other.name)
          return .init(value: overlap?.jaccard, note: overlap.map { "\($0.both)" } ?? "")
        }
      })
  }
}
