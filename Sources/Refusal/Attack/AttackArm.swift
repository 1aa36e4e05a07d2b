import Statistics
import Tensors
import Transformer

/// One condition of an attack: the model as it is, or with interventions.
public struct AttackArm: Sendable, Equatable, Codable {
  /// What an arm is for.
  public enum Role: Sendable, Equatable, Codable {
    /// The model as it is.
    case baseline
    /// What is to be tested.
    case tested
    /// A random stand-in for the tested arm of this name.
    case control(of: String)
  }

  /// Names the arm in results; the controls of `NAME` are `NAME.random-01` and so on.
  public var name: String
  /// Whether it is the baseline, tested, or a control.
  public var role: Role
  /// Applied together while it answers; empty for the baseline.
  public var interventions: [Intervention]

  /// Without interventions unless they are given.
  public init(_ name: String, _ role: Role, _ interventions: [Intervention] = []) {
    (self.name, self.role, self.interventions) = (name, role, interventions)
  }

  /// The model without interventions, against which all other arms are compared.
  public static let baseline = AttackArm("baseline", .baseline)

  /// All heads that its interventions change, each once.
  public var heads: [Head] {
    var seen: Set<Head> = []
    return interventions.flatMap(\.heads).filter { seen.insert($0).inserted }
  }

  /// How controls are drawn, in words.
  public static let controlRule =
    "heads: as many at random in each of the set's layers, never the set itself or one set twice, "
    + "and what replaces a head's output replaces the drawn head's; "
    + "vectors: random directions of the same norm"

  /// Random arms of the same kind and size: other heads of the same layers, other directions of the same
  /// norm.
  ///
  /// - Returns: `count` arms, all different; fewer where there are not so many sets of heads.
  public func controls(_ count: Int, shape: ModelShape, seed: UInt64) -> [AttackArm] {
    var controls: [AttackArm] = []
    var generator = SeededGenerator(seed: seed, item: "attack controls of \(name)")
    var seen = [interventions]
    // With few heads the same set comes again and again.
    for _ in 0..<(100 * count) where controls.count < count {
      let drawn = interventions.map { $0.random(shape, using: &generator) }
      guard !seen.contains(drawn) else { continue }
      seen.append(drawn)
      let number = controls.count + 1
      controls.append(
        AttackArm(
          "\(name).random-\(number < 10 ? "0" : "")\(number)", .control(of: name), drawn))
    }
    return controls
  }
}

extension Intervention {
  fileprivate func random(
    _ shape: ModelShape, using generator: inout SeededGenerator
  ) -> Intervention {
    func vector(_ like: some Collection<Float>) -> [Float] {
      let norm = like.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let drawn = like.map { _ in generator.normal() }
      let length = drawn.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
      return drawn.map { Float(length > 0 ? $0 * norm / length : 0) }
    }
    // The drawn set, or the very same one where it was drawn again: order is no difference.
    func heads(_ old: [Head]) -> [Head] {
      let drawn = HeadSet(old).random(heads: shape.heads, using: &generator).heads
      return Set(drawn) == Set(old) ? old : drawn
    }
    var other = self
    switch change {
    case .add(let old, let scale): other.change = .add(vector: vector(old), scale: scale)
    case .replace(let old): other.change = .replace(vector: vector(old))
    case .projectOut(let old): other.change = .projectOut(direction: vector(old))
    case .scaleHeads(let old, let factor):
      other.change = .scaleHeads(heads(old), factor: factor)
    case .replaceHeads(let old):
      other.change = .replaceHeads(
        zip(heads(self.heads), old).map { HeadVector($0, vector: $1.vector) })
    case .patchHeads(let old):
      other.change = .patchHeads(zip(heads(self.heads), old).map { HeadRows($0, rows: $1.rows) })
    case .attendUniformly(let old): other.change = .attendUniformly(heads(old))
    case .patch(let old):
      other.change = .patch(
        rows: .concatenating(
          (0..<old.rows).map { Matrix(rows: 1, columns: old.columns, values: vector(old[$0])) }))
    }
    return other
  }
}
