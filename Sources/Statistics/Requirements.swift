import Files

func requireSameCount(_ first: Int, _ second: Int, _ statistic: String) throws(Problem) {
  guard first == second else {
    throw Problem(
      .differentCounts, statistic, problem: "\(first) items against \(second)",
      remedy: "give one value of each series per item")
  }
}

func requireFinite(_ values: [Double], _ statistic: String) throws(Problem) {
  guard let index = values.firstIndex(where: { !$0.isFinite }) else { return }
  throw Problem(
    .notFinite, statistic, place: "item \(index)", problem: "the value is \(values[index])",
    remedy: "find out where it comes from: no statistic is computed around it")
}

func requireProbabilities(_ values: [Double], _ statistic: String) throws(Problem) {
  guard let index = values.firstIndex(where: { !($0 >= 0 && $0 <= 1) }) else { return }
  throw Problem(
    .outOfRange, statistic, place: "item \(index)",
    problem: "\(values[index]) is not a probability",
    remedy: "give values from 0 to 1, for example the sigmoid of a logit")
}
