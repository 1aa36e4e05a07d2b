/// Why a statistic cannot be computed from what was given, and what to do about it.
///
/// Thrown only for input that is not data: series of different lengths, a NaN, a probability of 1.2.
/// A statistic that is undefined on sound data (no items, one class, a constant series) is nil.
public struct StatisticsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was being computed.
  public var statistic: String
  /// The item or argument at fault, empty when it is the whole.
  public var place: String
  public var problem: String
  public var remedy: String

  public init(statistic: String, place: String = "", problem: String, remedy: String) {
    self.statistic = statistic
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  public var description: String {
    let place = place.isEmpty ? "" : " \(place):"
    return "\(statistic):\(place) \(problem); \(remedy)"
  }
}

func requireSameCount(_ first: Int, _ second: Int, _ statistic: String) throws(StatisticsError) {
  guard first == second else {
    throw StatisticsError(
      statistic: statistic, problem: "\(first) items stand against \(second)",
      remedy: "give one value of each series per item")
  }
}

func requireFinite(_ values: [Double], _ statistic: String) throws(StatisticsError) {
  guard let index = values.firstIndex(where: { !$0.isFinite }) else { return }
  throw StatisticsError(
    statistic: statistic, place: "item \(index)", problem: "the value is \(values[index])",
    remedy: "find out where it comes from: no statistic is computed around it")
}

func requireProbabilities(_ values: [Double], _ statistic: String) throws(StatisticsError) {
  guard let index = values.firstIndex(where: { !($0 >= 0 && $0 <= 1) }) else { return }
  throw StatisticsError(
    statistic: statistic, place: "item \(index)",
    problem: "\(values[index]) is not a probability",
    remedy: "give values from 0 to 1, for example the sigmoid of a logit")
}
