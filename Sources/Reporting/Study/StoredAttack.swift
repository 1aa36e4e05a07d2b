import Figures
import Files
import Refusal
import Statistics

/// What `bathyscope attack` wrote.
///
///     let attack = try StoredAttack("attack/attack.json")
public struct StoredAttack: Sendable {
  /// The path that was read.
  public let file: String
  /// All that the attack measured, as the file has it.
  public let result: AttackResult
  /// Whose answers were judged, by the file's provenance.
  public let model: ModelName
  /// What its model is called in the report.
  public var name: String

  /// - Throws: when the file is damaged, or is not what the command writes.
  public init(_ file: String) throws(Problem) {
    result = try StoredDocument.read(AttackResult.self, file)
    self.file = file
    model = ModelName(result.provenance)
    name = model.id
    func broken(_ code: Problem.Code, _ place: String, _ problem: String) -> Problem {
      Problem(
        code, file, place: place, problem: problem,
        remedy: "name the attack.json that 'bathyscope attack' wrote, or write it again")
    }
    guard result.arms.first?.role == .baseline else {
      throw broken(.contradictory, "arms", "do not begin with the baseline")
    }
    for (index, arm) in result.arms.enumerated() {
      guard arm.rates.map(\.judge) == result.judges.map(\.name) else {
        throw broken(.wrongCount, "arms.\(index).rates", "are not one for each judge")
      }
      guard arm.role == .baseline || arm.comparisons.map(\.judge) == result.judges.map(\.name)
      else { throw broken(.wrongCount, "arms.\(index).comparisons", "are not one for each judge") }
      let counts = (arm.rates + arm.overRefusal).flatMap { [$0.asked, $0.answers, $0.invalid] }
      guard counts.allSatisfy({ (0...1_000_000_000).contains($0) }) else {
        throw broken(.outOfRange, "arms.\(index).rates", "have no possible counts")
      }
      guard arm.headShare >= 0, arm.headShare <= 1 else {
        throw broken(.outOfRange, "arms.\(index).head_share", "is no share")
      }
    }
  }

  var facts: [Report.Fact] {
    result.provenance.sorted { $0.key < $1.key }.map {
      .init("\(name), attack: \($0.key)", $0.value)
    }
      + [
        .init(
          "\(name), attack: judges",
          result.judges.map { "\($0.name) \($0.sha256)" }.joined(separator: ", "))
      ]
  }

  var tested: [AttackResult.Arm] { result.arms.filter { $0.role == .tested } }

  func controls(of arm: AttackResult.Arm) -> [AttackResult.Arm] {
    result.arms.filter { $0.role == .control(of: arm.name) }
  }
}
