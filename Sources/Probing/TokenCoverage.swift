import Prompts
import Transformer

/// At which places of transcripts the rows were that trained a probe.
///
/// A probe says something only about tokens such as it was trained on: read anywhere else its score moves for
/// reasons that have nothing to do with what it was trained to tell.
public struct TokenCoverage: Sendable, Equatable, Codable {
  /// The training rows of one place.
  public struct Place: Sendable, Equatable, Codable {
    /// Which part of the transcript.
    public var place: TokenPlace
    /// Training rows there, of both classes.
    public var rows: Int
    /// Groups with a row of the class that scores high, and of the other class.
    public var positiveGroups: Int
    /// Groups with a row of the class that scores low.
    public var negativeGroups: Int

    /// - Parameter positiveGroups: groups with a row of the class that scores high.
    public init(_ place: TokenPlace, rows: Int, positiveGroups: Int, negativeGroups: Int) {
      self.place = place
      self.rows = rows
      self.positiveGroups = positiveGroups
      self.negativeGroups = negativeGroups
    }
  }

  /// With fewer groups of either class a place counts as one where the probe was not trained.
  public static let fewestGroups = 5

  /// The places that have rows.
  public var places: [Place]

  /// - Parameter places: each once, as a card lists them.
  public init(places: [Place]) { self.places = places }

  /// - Parameters:
  ///   - places: of the training rows.
  ///   - examples: of the same rows.
  init(_ places: [TokenPlace], _ examples: [Example]) {
    let rows = Dictionary(grouping: places.indices) { places[$0] }
    self.places = TokenPlace.allCases.compactMap { place in
      guard let rows = rows[place] else { return nil }
      func groups(_ label: Bool) -> Int {
        Set(rows.filter { examples[$0].label == label }.map { examples[$0].group }).count
      }
      return Place(
        place, rows: rows.count, positiveGroups: groups(true), negativeGroups: groups(false))
    }
  }

  /// Whether both classes have enough groups at a place.
  public func includes(_ place: TokenPlace) -> Bool {
    places.contains {
      $0.place == place && min($0.positiveGroups, $0.negativeGroups) >= Self.fewestGroups
    }
  }
}
