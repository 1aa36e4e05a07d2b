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
    public enum Kind: String, Sendable, CaseIterable {
      case found
      case notFound
      case caution
    }
    public var kind: Kind
    public var text: String

    public init(_ kind: Kind, _ text: String) {
      self.kind = kind
      self.text = text
    }
  }

  /// One line of provenance.
  public struct Fact: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public enum Block: Sendable {
    case prose(String)
    case verdict(Verdict)
    case table(title: String, DataTable)
    case figure(any SVGFigure)
    /// A command or a transcript, as it stands.
    case preformatted(String)
  }

  public struct Section: Sendable {
    public var title: String
    public var blocks: [Block]

    public init(title: String, blocks: [Block]) {
      self.title = title
      self.blocks = blocks
    }
  }

  public var title: String
  /// Paragraphs for a reader who stops here.
  public var summary: [String]
  public var verdicts: [Verdict]
  public var sections: [Section]
  /// Provenance: model and input hashes, arguments, seed, version, kernel.
  public var facts: [Fact]

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
