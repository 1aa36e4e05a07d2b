import Foundation
import Prompts
import Statistics
import Testing
import Transformer

@testable import Refusal

/// Every figure of a judged attack, from the raw verdicts on, against Oracles/record_judged.py.
@Suite struct JudgedOracleTests {
  struct Rate: Decodable {
    var asked, answers, invalid, unreadable, behaviours, successes: Int
    /// Estimate, bounds and n; by resampling also how far 10,000 draws may be from them.
    var success: [Double]?
    var refusal: [Double]?
    var bounds: [[Double]]?
  }
  struct Comparison: Decodable {
    var asked, pairs, behaviours, onlyBaseline, onlyArm: Int
    var p, holm: Double
    var difference: [Double]?
    var range: [Double]?
  }
  struct Standing: Decodable {
    var asFar: Int
    var p, holm: Double
    var changes: [Double]
  }
  struct Arm: Decodable {
    var missing: [Bool]
    var verdicts: [Int?]
    var rate: Rate
    var comparison: Comparison?
    var standing: Standing?
    var controlVerdicts: [[Int?]]?
  }
  struct Agreement: Decodable {
    var answers: Int
    var kappa: Double?
    var observed: Double
    var disagreements: [Int]
  }
  struct Fixture: Decodable {
    var name: String
    var groups: [String]
    var baseline: Arm
    var tested: [Arm]
    var agreement: Agreement
  }
  struct Golden: Decodable { var fixtures: [Fixture] }

  private func golden() throws -> [Fixture] {
    let url = try #require(Bundle.module.resourceURL?.appendingPathComponent("Golden/judged.json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Golden.self, from: Data(contentsOf: url)).fixtures
  }

  private func yield(
    _ arm: AttackArm, _ verdicts: [Int?], missing: [Bool]?, _ groups: [String]
  ) -> AttackYield {
    var yield = AttackYield(arm)
    yield.answers = verdicts.indices.map {
      Answer(id: "\($0)", group: groups[$0], request: "r", text: missing?[$0] == true ? "" : "t")
    }
    yield.verdicts = verdicts.map { [$0.map { .success($0 == 1) } ?? .invalid("?")] }
    return yield
  }

  private func check(_ own: Interval?, _ other: [Double]?, _ place: String) {
    guard let other else { return #expect(own == nil, "\(place)") }
    guard let own else {
      Issue.record("\(place): no interval")
      return
    }
    #expect(abs(own.estimate - other[0]) < 1e-12, "\(place): \(own)")
    #expect(own.n == Int(other[3]), "\(place): n")
    let isDrawn = other.count == 6
    #expect(own.method.contains("bootstrap") == isDrawn, "\(place): \(own.method)")
    for (value, index) in [(own.low, 1), (own.high, 2)] {
      let error = isDrawn ? other[index + 3] : 1e-9
      #expect(abs(value - other[index]) <= error, "\(place): \(value), not \(other[index])")
    }
  }

  private func check(_ own: JudgeRate, _ other: Rate, _ place: String) {
    let counts: [Int] = [
      own.asked, own.answers, own.invalid, own.unreadable, own.behaviours, own.successes,
    ]
    let others: [Int] = [
      other.asked, other.answers, other.invalid, other.unreadable, other.behaviours,
      other.successes,
    ]
    #expect(counts == others, "\(place)")
    check(own.success, other.success, "\(place), success")
    check(own.refusal, other.refusal, "\(place), refusal")
    check(own.bounds?.ifNone, other.bounds?[0], "\(place), if none")
    check(own.bounds?.ifAll, other.bounds?[1], "\(place), if all")
  }

  @Test func everyFigureAgrees() throws {
    let fixtures = try golden()
    #expect(fixtures.count == 5)
    for fixture in fixtures {
      var yields = [
        yield(
          .baseline, fixture.baseline.verdicts, missing: fixture.baseline.missing, fixture.groups)
      ]
      for (number, arm) in fixture.tested.enumerated() {
        let name = "arm-\(number)"
        yields.append(
          yield(AttackArm(name, .tested), arm.verdicts, missing: arm.missing, fixture.groups))
        for (index, control) in (arm.controlVerdicts ?? []).enumerated() {
          yields.append(
            yield(
              AttackArm("\(name).\(index)", .control(of: name)), control, missing: nil,
              fixture.groups))
        }
      }
      let result = try AttackAnalysis(
        yields, judges: [AttackTests.card], shape: AttackTests.shape, seed: 3
      ).result(settings: GenerationSettings(), provenance: [:])
      check(result.arms[0].rates[0], fixture.baseline.rate, fixture.name)
      let tested = result.arms.filter { $0.role == .tested }
      for (own, other) in zip(tested, fixture.tested) {
        let place = "\(fixture.name), \(own.name)"
        check(own.rates[0], other.rate, place)
        try check(own.comparisons[0], other, place)
      }
      // The same verdicts as 'judge' shows them, and two of them side by side.
      let judged = try JudgeResult(
        yields[0].answers, judges: [AttackTests.card, AttackTests.other],
        verdicts: zip(yields[0].verdicts, yields[1].verdicts).map { [$0[0], $1[0]] }, seed: 3)
      check(judged.rates[0], fixture.baseline.rate, "\(fixture.name), judged")
      let (own, other) = (judged.agreements[0], fixture.agreement)
      #expect(
        own.answers == other.answers && own.disagreements == other.disagreements.map { "\($0)" })
      #expect(abs((own.observed?.estimate ?? 9) - other.observed) < 1e-12)
      #expect(abs((own.kappa ?? 9) - (other.kappa ?? 9)) < 1e-12, "\(fixture.name): kappa")
    }
  }

  private func check(
    _ own: AttackResult.Comparison, _ arm: Arm, _ place: String
  ) throws {
    let other = try #require(arm.comparison)
    let counts: [Int] = [
      own.asked, own.pairs, own.behaviours, own.onlyBaseline, own.onlyArm,
    ]
    let others: [Int] = [
      other.asked, other.pairs, other.behaviours, other.onlyBaseline, other.onlyArm,
    ]
    #expect(counts == others, "\(place)")
    #expect(abs(own.p - other.p) < 1e-9, "\(place): \(own.p), not \(other.p)")
    #expect(abs((own.pHolm ?? 9) - other.holm) < 1e-9, "\(place): Holm")
    check(own.difference, other.difference, "\(place), difference")
    #expect((own.range == nil) == (other.range == nil), "\(place): range")
    for (one, two) in zip(own.range ?? [], other.range ?? []) {
      #expect(abs(one - two) < 1e-12, "\(place): range")
    }
    let standing = try #require(own.standing)
    let theirs = try #require(arm.standing)
    #expect(standing.asFar == theirs.asFar && abs(standing.p - theirs.p) < 1e-12, "\(place)")
    #expect(abs(standing.pHolm - theirs.holm) < 1e-12, "\(place): Holm of the standing")
    for (one, two) in zip(standing.changes, theirs.changes) {
      #expect(abs(one - two) < 1e-12, "\(place): changes")
    }
  }
}
