import ArgumentParser
import Bathyscope
import Foundation

extension FeatureSet {
  /// The rows of an activation file, at all of its hooks or some of them.
  init(_ file: ActivationFile, _ examples: [Example], hooks: [HookPoint]? = nil) throws {
    let hooks = hooks ?? file.hooks
    try self.init(
      hooks: hooks, matrices: try hooks.map { try file.matrix($0) }, examples: examples,
      rowCounts: file.prompts.map(\.positions.count), places: file.places.flatMap(\.self))
  }
}

extension ActivationFile {
  /// The place of each captured token, prompt by prompt.
  var places: [[TokenPlace]] {
    prompts.map { prompt in
      let places = prompt.sequence.places
      return prompt.positions.map { places[$0] }
    }
  }
}

/// Whether activation files are compared with their digests.
struct VerifyOptions: ParsableArguments {
  @Flag(
    help: "Trust activation files without comparing them with their digests; it is recorded.")
  var noVerify = false
}

/// A file that trains or tests probes.
struct ProbeSource {
  let file: ActivationFile
  /// Of the file, as its journal has it where there is one.
  let sha256: String

  init(_ path: String, _ options: VerifyOptions) throws {
    file = try ActivationFile.inspected(path, options)
    sha256 = try file.sha256 ?? Digest.sha256(of: MappedFile(path))
  }
}

/// Refuses files that cannot stand in one design with the first.
/// - Parameter force: whether they may be of several models.
func requireAlike(_ files: [ActivationFile], force: Bool) throws {
  let first = files[0]
  var seen: Set<String> = []
  for path in files.map(\.path) {
    let place = URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    guard seen.insert(place).inserted else {
      throw Problem(
        .namedTwice, path, problem: "is named twice: its rows would count twice",
        remedy: "name it once")
    }
  }
  for file in files.dropFirst() {
    let (mine, theirs) = (file.description, first.description)
    guard file.hooks == first.hooks, mine.widths == theirs.widths, mine.rule == theirs.rule else {
      throw Problem(
        .differentHooks, file.path,
        problem: "holds other hooks, widths or positions than \(first.path)",
        remedy: "capture the same hooks at the same positions")
    }
    if force {
      notePrecisions(mine.precision, theirs.precision, of: file.path)
    } else {
      try requireSameModel(file, first)
    }
  }
}

/// A file that trained a probe cannot test it.
/// - Parameter training: the SHA-256 of what trained it.
func requireUnseen(_ source: ProbeSource, by training: [String]) throws {
  guard !training.contains(source.sha256) else {
    throw Problem(
      .isTrainingData, source.file.path,
      problem: "is a file that the probe is trained on, and can be no test",
      remedy: "the card has figures of held-out rows; test on other data")
  }
}

/// Activations of two models cannot be compared.
func requireSameModel(_ file: ActivationFile, _ other: ActivationFile) throws {
  let (left, right) = (file.description.model, other.description.model)
  guard left.weightsSHA256 == right.weightsSHA256 else {
    throw Problem(
      .otherModel, file.path, place: "model_sha256",
      problem: "holds activations of \(left.id), \(other.path) of \(right.id) with other weights",
      remedy: "capture both with one model")
  }
  notePrecisions(file.description.precision, other.description.precision, of: file.path)
}

/// Says that two arithmetics meet: the numbers are of one model, and not quite the same.
func notePrecisions(_ one: Precision, _ other: Precision, of name: String) {
  guard one != other else { return }
  writeError(
    "warning: \(name) was computed in \(one.rawValue), what it meets in \(other.rawValue)")
}
