import ArgumentParser
import Bathyscope
import Foundation

/// One arm of an attack as the command line says it: `NAME=KIND:VALUE`, with `:key=value` behind it.
struct ArmSpecification {
  enum Kind: String, CaseIterable {
    case heads
    case add
    case projectOut = "project-out"
    case interventions
  }

  let text: String
  let name: String
  let kind: Kind
  /// A file, a probe's folder, or a list of heads.
  let value: String
  let options: [String: String]

  private static let keys: [Kind: Set<String>] = [
    .heads: ["set", "first", "scale", "at"], .add: ["layer", "scale", "tensor", "at"],
    .projectOut: ["tensor", "at"], .interventions: [],
  ]

  /// - Throws: with the forms that there are.
  init(parsing argument: String) throws {
    guard let read = ArmSpecification(argument: argument) else {
      throw ValidationError(
        "'\(printable(argument.utf8))' is no arm. Write NAME=heads:7.3,8.1, NAME=heads:FILE, "
          + "NAME=add:FILE:layer=15:scale=4, NAME=project-out:FILE or NAME=interventions:FILE.")
    }
    self = read
  }

  private init?(argument: String) {
    text = argument
    guard let equals = argument.firstIndex(of: "=") else { return nil }
    name = String(argument[..<equals])
    let allowed = { (character: Character) in
      character.isASCII && (character.isLetter || character.isNumber || "-_".contains(character))
    }
    guard (1...40).contains(name.count), name.allSatisfy(allowed), name != "baseline" else {
      return nil
    }
    var parts = argument[argument.index(after: equals)...]
      .split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2, let kind = Kind(rawValue: parts.removeFirst()) else { return nil }
    self.kind = kind
    var options: [String: String] = [:]
    // From behind: a path may hold colons.
    while let last = parts.last, parts.count > 1, let equals = last.firstIndex(of: "="),
      Self.keys[kind]?.contains(String(last[..<equals])) == true
    {
      let key = String(last[..<equals])
      guard options.updateValue(String(last[last.index(after: equals)...]), forKey: key) == nil
      else { return nil }
      parts.removeLast()
    }
    value = parts.joined(separator: ":")
    self.options = options
    guard !value.isEmpty else { return nil }
  }

  func arm(for model: Model, at rule: Positions) throws -> AttackArm {
    AttackArm(name, .tested, try interventions(for: model, at: rule))
  }

  private func interventions(for model: Model, at rule: Positions) throws -> [Intervention] {
    let positions = try options["at"].map { text in
      guard let positions = Positions(text) else { throw wrong("'at' names no positions") }
      return positions
    }
    let at = positions ?? rule
    switch kind {
    case .heads:
      return [.scaleHeads(try heads(), by: try number("scale") ?? 0, at: at)]
    case .add:
      guard let layer = options["layer"].flatMap({ Int($0) }), let scale = try number("scale")
      else { throw wrong("needs ':layer=' and ':scale='") }
      guard (0..<model.shape.layers).contains(layer) else {
        throw wrong("the model has blocks 0 to \(model.shape.layers - 1)")
      }
      let vector = try VectorFile(value, tensor: options["tensor"])
        .vector(for: model, at: .residual(after: layer))
      return [.add(vector, scale: scale, after: layer, at: at)]
    case .projectOut:
      let vector = try VectorFile(value, tensor: options["tensor"]).vector(for: model, at: nil)
      return [.directionalAblation(vector, in: model.shape, at: at)]
    case .interventions: return try InterventionFile.read(value)
    }
  }

  /// The heads of an arm of heads.
  func heads() throws -> [Head] {
    let count = try options["first"].map { text in
      guard let count = Int(text), count >= 1 else { throw wrong("'first' is no count") }
      return count
    }
    guard HeadSet(value) == nil || (options["set"] == nil && count == nil) else {
      throw wrong("'set' and 'first' belong to a file of heads")
    }
    return try (HeadSet(value) ?? HeadSet.read(value, named: options["set"], first: count)).heads
  }

  private func number(_ key: String) throws -> Float? {
    guard let text = options[key] else { return nil }
    guard let number = Float(text), number.isFinite else { throw wrong("'\(key)' is no number") }
    return number
  }

  private func wrong(
    _ problem: String, _ remedy: String = "see: bathyscope attack --help"
  ) -> Problem {
    Problem(
      .invalidOption, "--arm \(printable(text.utf8))", problem: problem, remedy: remedy)
  }
}
