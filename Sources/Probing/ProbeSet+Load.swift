import Checkpoints
import Files
import Foundation
import Transformer

extension ProbeSet {
  /// Reads a probe folder for use on a model.
  ///
  /// - Parameter force: use it although the model's hash is another; what was overridden is recorded
  ///   in `forced`. A width or layer that does not exist cannot be forced.
  /// - Throws: when a file is missing or damaged, the two files are not of one writing, or the probe
  ///   was made for a model of another width, depth or hash.
  public static func load(
    _ folder: String, for host: ProbeHost, force: Bool = false
  ) throws(Problem) -> ProbeSet {
    var set = try load(folder)
    let card = set.card
    guard card.width == host.width else {
      throw Problem(
        .probeMismatch, folder, place: "width",
        problem: "the probe reads \(card.width) features, the model has \(host.width)",
        remedy: "use the model \(card.modelID), or train a probe for this one")
    }
    if let hook = card.hooks.first(where: { ($0.layer ?? 0) >= host.layerCount }) {
      throw Problem(
        .probeMismatch, folder, place: "hooks",
        problem: "the probe reads \(hook), the model has \(host.layerCount) blocks",
        remedy: "use the model \(card.modelID), or train a probe for this one")
    }
    if card.modelSHA256 != host.modelSHA256 {
      guard force else {
        throw Problem(
          .otherModel, folder, place: "modelSHA256",
          problem:
            "the probe was trained on \(card.modelID), and \(host.modelID) has other weights",
          remedy: "use those weights, train a probe for these, or force it and have it recorded")
      }
      set.forced = [
        "model hash: probe trained on \(card.modelID) (\(card.modelSHA256)), "
          + "used on \(host.modelID) (\(host.modelSHA256))"
      ]
    }
    return set
  }

  /// Reads a probe folder to look at it; for use on a model give the model.
  public static func load(_ folder: String) throws(Problem) -> ProbeSet {
    let card = try readCard(folder)
    let path = tensorsPath(folder)
    guard try Digest.sha256(of: MappedFile(path)) == card.probeSHA256 else {
      throw Problem(
        .digestDiffers, path, problem: "is not the file that card.json was written with",
        remedy: "train the probe again, or restore both files from one source")
    }
    return ProbeSet(card: card, probes: try readProbes(path, card))
  }

  private static func readCard(_ folder: String) throws(Problem) -> ProbeCard {
    let path = cardPath(folder)
    let card: ProbeCard
    let bytes = try readFile(path, limit: 16 << 20)
    _ = try JSONReader.parse(bytes, file: path)
    do {
      card = try JSONDecoder().decode(ProbeCard.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Problem(
        .missingField, path, place: error.place, problem: "a field is missing or not of its type",
        remedy: "use a card of schema \(ProbeCard.currentSchema)")
    } catch {
      throw Problem(.damaged, path, problem: "\(error)", remedy: "train the probe again")
    }
    func damaged(_ code: Problem.Code, _ place: String, _ problem: String) -> Problem {
      Problem(code, path, place: place, problem: problem, remedy: "train the probe again")
    }
    guard card.schema == ProbeCard.currentSchema else {
      throw damaged(
        .unknownVersion, "schema", "'\(card.schema.prefix(80))' is not \(ProbeCard.currentSchema)")
    }
    guard !card.hooks.isEmpty, Set(card.hooks).count == card.hooks.count else {
      throw damaged(.contradictory, "hooks", "there are none, or one is there twice")
    }
    guard card.report.evaluations.map(\.hook) == card.hooks else {
      throw damaged(.contradictory, "report", "its evaluations are not of the card's hooks")
    }
    guard card.hooks.indices.contains(card.report.chosen) else {
      throw damaged(.contradictory, "report.chosen", "\(card.report.chosen) is none of the hooks")
    }
    guard card.openerCosines.map({ $0.count == card.hooks.count }) ?? true else {
      throw damaged(.wrongCount, "openerCosines", "there is not one for each hook")
    }
    return card
  }

  private static func readProbes(
    _ path: String, _ card: ProbeCard
  ) throws(Problem) -> [Probe] {
    let checkpoint = try Checkpoint.open(path)
    let (count, width) = (card.hooks.count, card.width)
    func floats(_ name: String, _ shape: [Int]) throws(Problem) -> [Float] {
      let tensor = try checkpoint.tensor(name)
      guard tensor.shape == shape else {
        throw Problem(
          .wrongShape, path, place: name,
          problem: "has the shape \(tensor.shape), the card says \(shape)",
          remedy: "train the probe again")
      }
      let values = tensor.floats()
      guard values.allSatisfy(\.isFinite) else {
        throw Problem(
          .notFinite, path, place: name, problem: "holds a number that is not finite",
          remedy: "train the probe again")
      }
      return values
    }
    let weight = try floats("weight", [count, width])
    let bias = try floats("bias", [count])
    let mean = try floats("mean", [count, width])
    let scale = try floats("scale", [count, width])
    let threshold = try floats("threshold", [count])
    guard scale.allSatisfy({ $0 > 0 }) else {
      throw Problem(
        .outOfRange, path, place: "scale", problem: "holds a number that is not above 0",
        remedy: "train the probe again")
    }
    return card.hooks.enumerated().map { index, hook in
      let row = (index * width)..<((index + 1) * width)
      return Probe(
        kind: card.kind, hook: hook, weight: Array(weight[row]), bias: bias[index],
        mean: Array(mean[row]), scale: Array(scale[row]), threshold: threshold[index])
    }
  }
}

extension DecodingError {
  /// The path of the field in the document.
  fileprivate var place: String {
    let path: [any CodingKey] =
      switch self {
      case .keyNotFound(let key, let context): context.codingPath + [key]
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .dataCorrupted(let context):
        context.codingPath
      @unknown default: []
      }
    return path.map(\.stringValue).joined(separator: ".")
  }
}
