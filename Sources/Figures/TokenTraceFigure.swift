/// The probe's score at every token of transcripts, one panel for each: segments shaded, plateau, final
/// score and the cliff between them marked.
///
/// Up to 64 tokens all carry their text. A longer transcript gets two panels: the whole of it over
/// token positions, and the 64 tokens around the cliff with their texts.
public struct TokenTraceFigure: SVGFigure {
  /// One token of a transcript, with what the probe says at it.
  public struct Token: Sendable, Equatable {
    /// As the tokenizer decodes it.
    public var text: String
    /// `template`, `prompt`, `thinking` or `answer`; any other name gets a colour as well.
    public var segment: String
    /// Nil where the token was not scored.
    public var score: Double?

    /// The segment says which part of the transcript the token belongs to.
    public init(text: String, segment: String, score: Double?) {
      self.text = text
      self.segment = segment
      self.score = score
    }
  }

  /// The range of a control at every token, for example of norm-matched random directions.
  public struct Control: Sendable {
    /// Named in the legend once for all traces.
    public var name: String
    /// One for each token.
    public var low: [Double?]
    /// One for each token; nil where no band is drawn.
    public var high: [Double?]

    /// Both bounds have as many values as the trace has tokens.
    public init(name: String, low: [Double?], high: [Double?]) {
      self.name = name
      self.low = low
      self.high = high
    }
  }

  /// One transcript, with what is marked on its curve.
  public struct Trace: Sendable {
    /// Written above the panel, and in the data's first column.
    public var name: String
    /// The whole transcript, from its first token to its last.
    public var tokens: [Token]
    /// The level before the fall, drawn as a dashed line; nil where there is none.
    public var plateau: Double?
    /// The score at the end, drawn as a dashed line; nil where there is none.
    public var final: Double?
    /// The index of the token where the largest fall begins.
    public var fallStart: Int?
    /// Drawn as a band below the scores; nil where there is none.
    public var control: Control?

    /// Nothing is marked unless it is given.
    public init(
      name: String, tokens: [Token], plateau: Double? = nil, final: Double? = nil,
      fallStart: Int? = nil, control: Control? = nil
    ) {
      self.name = name
      self.tokens = tokens
      self.plateau = plateau
      self.final = final
      self.fallStart = fallStart
      self.control = control
    }
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with the probe and the control; it is also the drawing's description.
  public var caption: String
  /// Names the vertical axis, which all panels share.
  public var yLabel: String
  /// One below the other, on the same scale.
  public var traces: [Trace]

  /// - Precondition: a trace's control has one value for each token, its `fallStart` is one of them.
  public init(title: String, caption: String, yLabel: String = "score", traces: [Trace]) {
    for trace in traces {
      let count = trace.tokens.count
      precondition(trace.fallStart.map { (0..<count).contains($0) } ?? true, "a token's index")
      precondition(
        trace.control.map { $0.low.count == count && $0.high.count == count } ?? true,
        "one control value for each token")
    }
    self.title = title
    self.caption = caption
    self.yLabel = yLabel
    self.traces = traces
  }

  /// Token texts are JSON strings: one line each, exact, and no spreadsheet takes one for a formula.
  public var data: DataTable {
    DataTable(
      columns: [
        "transcript", "position", "segment", "token_json", "score", "control_low", "control_high",
        "plateau", "final", "fall_start",
      ],
      rows: traces.flatMap { trace in
        trace.tokens.indices.map { index in
          let token = trace.tokens[index]
          return [
            .text(trace.name), .integer(index), .text(token.segment),
            .text(JSONText.string(token.text)), .init(token.score),
            .init(trace.control?.low[index]), .init(trace.control?.high[index]),
            .init(trace.plateau), .init(trace.final),
            trace.fallStart.map { .integer($0) } ?? .missing,
          ]
        }
      })
  }

  /// One panel for each trace of up to 64 tokens, two for a longer one.
  public func svg(id: String) -> String {
    var canvas = Canvas()
    let names = distinct(traces.flatMap { $0.tokens.map(\.segment) })
    var y = 4.0
    y += canvas.legend(TokenAxis.legend(names) + lineLegend, x: 52, y: y)
    let values = traces.flatMap { trace in
      trace.tokens.compactMap(\.score) + [trace.plateau, trace.final].compactMap { $0 }
        + (trace.control.map { ($0.low + $0.high).compactMap { $0 } } ?? [])
    }
    let (low, high) = Scale.range(of: values)
    for trace in traces where !trace.tokens.isEmpty {
      canvas.text(Markup.escape(trace.name), 52, y + 12, style: "strong")
      y += 32
      let all = trace.tokens.indices
      let close = closeUp(of: trace)
      var panel = TracePanel(
        trace: trace, names: names, range: all, window: close == all ? nil : close,
        scale: Scale(low: low, high: high, start: 0, end: 0), yLabel: yLabel)
      y = panel.draw(on: &canvas, top: y, height: close == all ? 190 : 120)
      guard close != all else { continue }
      canvas.text(
        "tokens \(close.lowerBound) to \(close.upperBound - 1)", 52, y + 8, style: "soft")
      panel.range = close
      panel.window = nil
      y = panel.draw(on: &canvas, top: y + 28, height: 190)
    }
    return canvas.svg(id: id, height: y, title: title, description: caption)
  }

  private var lineLegend: [LegendEntry] {
    var entries: [LegendEntry] = []
    if traces.contains(where: { $0.fallStart != nil }) {
      entries.append(
        LegendEntry(
          name: "largest fall begins", sample: .line(color: "var(--series1)", dash: "2 3")))
    }
    for name in distinct(traces.compactMap { $0.control?.name }) {
      entries.append(LegendEntry(name: name, sample: .area(color: "var(--series3)", opacity: 0.35)))
    }
    return entries
  }

  /// The tokens around the cliff, or all when all have room for their texts.
  private func closeUp(of trace: Trace) -> Range<Int> {
    let (count, room) = (trace.tokens.count, TokenAxis.labelled)
    guard count > room else { return 0..<count }
    let lastThought = trace.tokens.lastIndex { $0.segment == "thinking" }
    let centre = trace.fallStart ?? lastThought ?? count
    let start = min(max(centre - room / 2, 0), count - room)
    return start..<(start + room)
  }
}
