import Files
import Runs
import Statistics
import Transformer

/// Heads that are changed together.
public struct HeadSet: Sendable, Equatable, Codable {
  /// In the order in which they were named.
  public var heads: [Head]

  /// - Parameter heads: each once.
  public init(_ heads: [Head]) { self.heads = heads }

  /// Reads `7.3,8.1`; nil for anything else, or a head that stands twice.
  public init?(_ text: String) {
    var heads: [Head] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let numbers = part.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 2, let layer = numbers[0], let head = numbers[1], layer >= 0,
        head >= 0
      else { return nil }
      heads.append(Head(layer: layer, head: head))
    }
    guard Set(heads).count == heads.count else { return nil }
    self.heads = heads
  }

  /// The studies that find heads.
  package static let studies = ["heads-attribute", "heads-sweep", "heads-search"]

  /// Reads a JSON file with a list `heads` of `{"layer": 7, "head": 3}`, at the top or under a name.
  ///
  /// Or the set of a study of heads: `heads sweep` calls what it found by its share in percent, such as `3`.
  ///
  /// Further members of a head, such as its score, are passed over; the order is the file's.
  /// - Parameters:
  ///   - name: under which the list stands; nil for the list at the top, or the only one.
  ///   - count: only so many, from the first; nil for all.
  public static func read(
    _ path: String, named name: String? = nil, first count: Int? = nil
  ) throws(Problem) -> HeadSet {
    func error(_ code: Problem.Code, _ place: String, _ problem: String, _ remedy: String)
      -> Problem
    {
      Problem(code, path, place: place, problem: problem, remedy: remedy)
    }
    var json = try JSONReader.parse(try readFile(path, limit: 64 << 20), file: path)
    if json["schema"]?.text?.hasPrefix("bathyscope-heads-") == true {
      // Of a study, as it was written: one that was edited is refused.
      _ = try StoredRun.open(document: path, studies: studies)
      json = json["result"] ?? json
    }
    guard let object = json.object else {
      throw error(
        .wrongType, "", "is no object", "write {\"heads\": [{\"layer\": 7, \"head\": 3}]}")
    }
    let named = object.members.filter { $0.value["heads"]?.array != nil }
    let list: JSON?
    if let name {
      list =
        object[name]?["heads"] ?? object["sets"]?[name]?["heads"] ?? found(name, in: object)
    } else {
      list = object["heads"] ?? (named.count == 1 ? named[0].value["heads"] : nil)
    }
    guard let items = list?.array, !items.isEmpty else {
      let names = named.map { printable($0.key) }.joined(separator: ", ")
      throw error(
        .missingField, name ?? "heads", "is no list of heads",
        names.isEmpty
          ? "write {\"heads\": [{\"layer\": 7, \"head\": 3}]}" : "name one of: \(names)")
    }
    var heads: [Head] = []
    for (index, item) in items.prefix(count ?? .max).enumerated() {
      guard let layer = item["layer"]?.int, let head = item["head"]?.int, layer >= 0, head >= 0
      else {
        throw error(
          .missingField, "heads[\(index)]", "has no layer and head",
          "write {\"layer\": 7, \"head\": 3}")
      }
      heads.append(Head(layer: layer, head: head))
    }
    guard heads.count == count ?? heads.count else {
      throw error(
        .tooFew, "heads", "has \(heads.count) heads, and \(count ?? 0) are wanted", "ask for fewer")
    }
    guard Set(heads).count == heads.count else {
      throw error(.duplicateHead, "heads", "has a head twice", "keep one of both")
    }
    return HeadSet(heads)
  }

  /// As many heads in each layer, every choice of them equally likely.
  ///
  /// So a random set differs from this one in which heads it has and not in where they stand.
  func random(heads count: Int, using generator: inout SeededGenerator) -> HeadSet {
    let byLayer = Dictionary(grouping: heads, by: \.layer).sorted { $0.key < $1.key }
    return HeadSet(
      byLayer.flatMap { layer, heads in
        generator.shuffled(Array(0..<count)).prefix(heads.count).sorted().map {
          Head(layer: layer, head: $0)
        }
      })
  }

  /// The set of a share of all heads that a study has chosen.
  private static func found(_ percent: String, in study: JSON.Object) -> JSON? {
    guard let percent = Double(percent) else { return nil }
    return study["sets"]?["sets"]?.array?.first {
      $0["share"]?.double.map { abs($0 * 100 - percent) < 1e-9 } ?? false
    }?["heads"]
  }
}
