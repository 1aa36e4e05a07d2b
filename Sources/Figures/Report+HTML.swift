extension Report {
  /// The page.
  public var html: String {
    var body = "<header>\n<h1>\(Markup.escape(title))</h1>\n"
    body += summary.map { "<p>\(Markup.escape($0))</p>\n" }.joined() + "</header>\n"
    body += verdicts.map(Self.html).joined()
    body += contents
    var numbers = Numbering(slugs: figures.map(\.slug))
    for (index, section) in sections.enumerated() {
      body += "<section id=\"section-\(index + 1)\">\n<h2>\(Markup.escape(section.title))</h2>\n"
      body += section.blocks.map { numbers.html($0) }.joined() + "</section>\n"
    }
    body += provenance
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(Markup.escape(title))</title>
      <style>
      \(Stylesheet.page)
      </style>
      </head>
      <body>
      <main>
      \(body)</main>
      </body>
      </html>

      """
  }

  private var contents: String {
    guard sections.count > 1 else { return "" }
    var entries = sections.enumerated().map { index, section in
      "<li><a href=\"#section-\(index + 1)\">\(Markup.escape(section.title))</a></li>"
    }
    if !facts.isEmpty { entries.append("<li><a href=\"#provenance\">Provenance</a></li>") }
    return "<nav aria-label=\"Contents\"><ol>\(entries.joined())</ol></nav>\n"
  }

  private var provenance: String {
    guard !facts.isEmpty else { return "" }
    let rows = facts.map { fact in
      "<tr><th scope=\"row\">\(Markup.escape(fact.name))</th>"
        + "<td><bdi>\(Markup.escape(fact.value))</bdi></td></tr>\n"
    }
    return "<section id=\"provenance\">\n<h2>Provenance</h2>\n"
      + "<div class=\"scroll\"><table class=\"facts\"><tbody>\n" + rows.joined()
      + "</tbody></table></div>\n</section>\n"
  }

  static func html(_ verdict: Verdict) -> String {
    let (style, name) =
      switch verdict.kind {
      case .found: ("found", "Found")
      case .notFound: ("not-found", "Nothing found")
      case .caution: ("caution", "Caution")
      }
    return "<div class=\"verdict \(style)\"><strong>\(name)</strong>"
      + "<p>\(Markup.escape(verdict.text))</p></div>\n"
  }

  /// Counts figures and tables down the page.
  private struct Numbering {
    var slugs: [String]
    var figures = 0
    var tables = 0

    init(slugs: [String]) { self.slugs = slugs }

    mutating func html(_ block: Block) -> String {
      switch block {
      case .prose(let text): return "<p>\(Markup.escape(text))</p>\n"
      case .verdict(let verdict): return Report.html(verdict)
      case .preformatted(let text): return "<pre><bdi>\(Markup.escape(text))</bdi></pre>\n"
      case .table(let title, let table):
        tables += 1
        let caption = "<figcaption><b>Table \(tables).</b> \(Markup.escape(title))</figcaption>\n"
        return "<figure>\n\(caption)\(table.html)</figure>\n"
      case .figure(let figure):
        let slug = slugs[figures]
        figures += 1
        let links = ["csv", "json", "svg"].map {
          "<a href=\"figures/\(slug).\($0)\">\($0.uppercased())</a>"
        }
        return "<figure id=\"figure-\(figures)\">\n<div class=\"scroll\">\n"
          + figure.svg(id: "f\(figures)") + "</div>\n<figcaption><b>Figure \(figures). "
          + "\(Markup.escape(figure.title)).</b> \(Markup.escape(figure.caption)) "
          + "<span class=\"links\">Data: \(links.joined(separator: " · "))</span></figcaption>\n"
          + "</figure>\n"
      }
    }
  }
}
