import Statistics

/// One self-contained HTML file with figures, tables and verdicts, and where all of it came from.
///
/// It opens without a network and holds no script. The same content gives the same bytes: no date
/// enters unless it is given as a fact.
///
///     var report = Report(title: "Refusal in SmolLM2-135M-Instruct")
///     report.facts = [.init("model", hash), .init("seed", "42")]
///     report.sections = [.init(title: "Trace", blocks: [.prose("..."), .figure(trace)])]
///     print(try report.write(to: "out"))          // out/report.html
public struct Report: Sendable {
  /// An answer in words; "nothing found" is one and is shown like any other.
  public struct Verdict: Sendable, Equatable {
    /// What the box around a verdict says.
    public enum Kind: String, Sendable, CaseIterable {
      case found
      case notFound
      case caution
    }
    /// Whether something was found, nothing was, or the reader is warned.
    public var kind: Kind
    /// Plain text, with the numbers it rests on; markup is escaped.
    public var text: String

    /// The page puts "Found", "Nothing found" or "Caution" before the text.
    public init(_ kind: Kind, _ text: String) {
      self.kind = kind
      self.text = text
    }
  }

  /// One line of provenance.
  public struct Fact: Sendable, Equatable {
    /// What was recorded, such as `model` or `seed`.
    public var name: String
    /// As it is to be read, such as a digest.
    public var value: String

    /// Both are shown as plain text; markup is escaped.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What a section is made of, from top to bottom.
  public enum Block: Sendable {
    case prose(String)
    case verdict(Verdict)
    case table(title: String, DataTable)
    case figure(any SVGFigure)
    /// A command or a transcript, as it stands.
    case preformatted(String)
  }

  /// A part of the page, with a heading and a line in the contents.
  public struct Section: Sendable {
    /// The heading, and the line in the contents.
    public var title: String
    /// Shown in this order; figures and tables are numbered through the whole page.
    public var blocks: [Block]

    /// A page of two or more sections gets a list of contents.
    public init(title: String, blocks: [Block]) {
      self.title = title
      self.blocks = blocks
    }
  }

  /// The heading of the page, and its name in the browser.
  public var title: String
  /// Paragraphs for a reader who stops here.
  public var summary: [String]
  /// Shown below the summary, before all sections.
  public var verdicts: [Verdict]
  /// Shown below the verdicts, in this order.
  public var sections: [Section]
  /// Provenance: model and input hashes, arguments, seed, version, kernel.
  public var facts: [Fact]

  /// A page without content; its parts can be given here or added later.
  public init(
    title: String, summary: [String] = [], verdicts: [Verdict] = [], sections: [Section] = [],
    facts: [Fact] = []
  ) {
    self.title = title
    self.summary = summary
    self.verdicts = verdicts
    self.sections = sections
    self.facts = facts
  }

  /// How many figures it has.
  public var figureCount: Int { figures.count }

  /// Every figure in the order of the page, with the name of its files, without the extension.
  var figures: [(slug: String, figure: any SVGFigure)] {
    let figures = sections.flatMap(\.blocks).compactMap { block -> (any SVGFigure)? in
      if case .figure(let figure) = block { figure } else { nil }
    }
    return figures.enumerated().map { index, figure in
      ("\(index < 9 ? "0" : "")\(index + 1)-\(Markup.slug(figure.title))", figure)
    }
  }
}
