import Files
import Foundation

extension Report {
  /// The page, beside which a folder has figures.
  package static let page = "report.html"

  /// Writes `report.html`, and beside it `figures/` with the drawing (SVG) and the data (CSV, JSON) of
  /// every figure; returns the path of the page.
  ///
  /// Figures of an earlier report in the same folder are removed. The page is written last, so that where it stands all that it links to stands as well.
  /// - Throws: when the folder cannot be made or written to.
  @discardableResult
  public func write(to folder: String) throws(Problem) -> String {
    let figureFolder = "\(folder)/figures"
    try MadeFolders.make(figureFolder)
    for name in (try? FileManager.default.contentsOfDirectory(atPath: figureFolder)) ?? []
    where Self.isFigureFile(name) {
      try? FileManager.default.removeItem(atPath: "\(figureFolder)/\(name)")
    }
    let page = "\(folder)/\(Self.page)"
    for (slug, figure) in figures {
      try AtomicFile.write(figure.csv.utf8, to: "\(figureFolder)/\(slug).csv")
      try AtomicFile.write(figure.json.utf8, to: "\(figureFolder)/\(slug).json")
      try AtomicFile.write(figure.svg.utf8, to: "\(figureFolder)/\(slug).svg")
    }
    try AtomicFile.write(html.utf8, to: page)
    return page
  }

  /// Whether a file is named as `figures` names them: two digits, a hyphen, and one of three endings.
  private static func isFigureFile(_ name: String) -> Bool {
    let start = Array(name.utf8.prefix(3))
    return start.count == 3 && start[2] == UInt8(ascii: "-")
      && start.prefix(2).allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      && [".csv", ".json", ".svg"].contains { name.hasSuffix($0) }
  }
}
