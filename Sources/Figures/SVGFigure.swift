/// A drawing that carries its data: what is shown can be read off again, plotted anew, or heard.
public protocol SVGFigure: Sendable {
  var title: String { get }
  /// What is shown, with n, the control and the interval's method.
  var caption: String { get }
  /// Every number drawn, at full precision.
  var data: DataTable { get }
  /// An `<svg>` element for a page that holds `Stylesheet`; `id` is unique on the page.
  func svg(id: String) -> String
}

extension SVGFigure {
  /// The figure as a file of its own, with its colours for light and dark.
  public var svg: String {
    let body = svg(id: Markup.slug(title))
    guard let end = body.firstIndex(of: ">") else { return body }
    let style = "\n<style>\n\(Stylesheet.figure)svg{background:var(--paper)}\n</style>"
    return body[...end] + style + body[body.index(after: end)...]
  }

  /// The data as CSV.
  public var csv: String { data.csv }

  /// Title, caption and data as one JSON object.
  public var json: String {
    "{\n  \"title\": \(JSONText.string(title)),\n  \"caption\": \(JSONText.string(caption)),\n"
      + data.json(indent: "  ") + "\n}\n"
  }
}
