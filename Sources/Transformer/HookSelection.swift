import Files
import Prompts

/// Hooks chosen by name or glob, and by layer.
///
///     try HookSelection("hook_embed,blocks.*.hook_resid_post", layers: "0..5,-1").hooks(in: shape)
public struct HookSelection: Sendable, Equatable {
  /// TransformerLens names, in which `*` stands for any characters.
  public var patterns: [String]
  /// Ranges of layers, both ends included, negative ones counted from the end; nil for all.
  var layers: [ClosedLayers]?

  struct ClosedLayers: Sendable, Equatable {
    var first: Int
    var last: Int
  }

  /// - Parameters:
  ///   - patterns: names and globs, separated by commas.
  ///   - layers: for example `15`, `0..9`, `0,5,-1`; nil for all layers.
  /// - Throws: when the layers cannot be read.
  public init(_ patterns: String, layers: String? = nil) throws(Problem) {
    self.patterns = patterns.split(separator: ",").map { String($0) }
    guard let layers else { return }
    var ranges: [ClosedLayers] = []
    for part in layers.split(separator: ",", omittingEmptySubsequences: false) {
      guard case .range(let first, let last) = Positions(String(part)) else {
        throw Problem(
          .invalidLayers, "layers", place: "'\(part)'",
          problem: "is not a layer or a range of layers",
          remedy: "write 15, 0..9 or 0,5,-1")
      }
      ranges.append(ClosedLayers(first: first, last: last))
    }
    self.layers = ranges
  }

  /// The hooks meant in a model of this shape, in the order of the forward pass.
  /// - Throws: when a pattern or the layers match nothing.
  public func hooks(in shape: ModelShape) throws(Problem) -> [HookPoint] {
    let all = HookPoint.all(in: shape)
    var chosen: Set<HookPoint> = []
    for pattern in patterns {
      let matches = all.filter { Self.matches(Array($0.description.utf8), Array(pattern.utf8)) }
      guard !matches.isEmpty else { throw Self.unknown(pattern) }
      chosen.formUnion(matches)
    }
    if let layers {
      let count = shape.layers
      var numbers: Set<Int> = []
      for range in layers {
        let first = range.first < 0 ? range.first + count : range.first
        let last = range.last < 0 ? range.last + count : range.last
        guard first >= 0, last < count, first <= last else {
          throw Problem(
            .invalidLayers, "layers", place: "\(Positions.range(range.first, range.last))",
            problem: "is not within the model's \(count) layers",
            remedy: "name layers 0 to \(count - 1), or -\(count) to -1")
        }
        numbers.formUnion(first...last)
      }
      chosen = chosen.filter { $0.layer.map(numbers.contains) ?? true }
    }
    guard !chosen.isEmpty else {
      throw Problem(
        .noMatchingHook, "hooks",
        problem: "no hook is left of \(patterns.joined(separator: ", ")) at these layers",
        remedy: "name layers 0 to \(shape.layers - 1)")
    }
    return chosen.sorted()
  }

  private static func unknown(_ pattern: String) -> Problem {
    let names = HookPoint.Site.allCases.map {
      $0.isPerLayer ? "blocks.*.\($0.rawValue)" : $0.rawValue
    }
    return Problem(
      .noMatchingHook, "hooks", place: "'\(pattern)'",
      problem: "matches no hook of this model",
      remedy: "use one of \(names.joined(separator: ", "))")
  }

  /// Whether the text fits the glob, in which `*` stands for any bytes, also none.
  static func matches(_ text: [UInt8], _ glob: [UInt8]) -> Bool {
    var (at, position) = (0, 0)
    var retry: (glob: Int, text: Int)?
    while position < text.count {
      if at < glob.count, glob[at] == UInt8(ascii: "*") {
        retry = (at + 1, position)
        at += 1
      } else if at < glob.count, glob[at] == text[position] {
        (at, position) = (at + 1, position + 1)
      } else if let last = retry {
        retry = (last.glob, last.text + 1)
        (at, position) = (last.glob, last.text + 1)
      } else {
        return false
      }
    }
    return glob[at...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

extension HookPoint {
  /// Every hook of a model, in the order of the forward pass.
  static func all(in shape: ModelShape) -> [HookPoint] {
    Site.allCases.flatMap { site in
      site.isPerLayer
        ? (0..<shape.layers).map { HookPoint(site, layer: $0) } : [HookPoint(site)]
    }.filter(shape.has).sorted()
  }
}
