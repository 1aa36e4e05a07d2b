import ArgumentParser
import Bathyscope
import Foundation

struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compare a model with what Hugging Face transformers computes.",
    discussion: """
      Scripts/record-reference.py records every hook of your own checkpoint, and
      this command compares each value. Differences are relative to the largest
      absolute value of the recorded tensor. The exit status is 1 when something
      recorded is not within the bound, or not in the model. A reference that was
      recorded with --dtype float64 also tells how far transformers in float32 is
      from it, and the distances of both are printed.

      Example:

        Scripts/record-reference.py --model my-model --prompts prompts.jsonl \\
          --greedy 20 --out reference.safetensors
        bathyscope parity --model my-model --reference reference.safetensors
      """)

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp("What Scripts/record-reference.py wrote.", valueName: "file"),
    completion: .file())
  var reference: String

  @Option(help: "The bound of relative differences.")
  var tolerance = 5e-5

  @Option(help: "Threads; results are the same bytes for any number.")
  var threads = Model.defaultThreads

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  struct Result: Encodable {
    var model: String
    var architecture: String
    var weightsSHA256: String
    var reference: String
    var referenceSHA256: String
    var recordedBy: [String: String]
    var recordedIn: String
    var precision: Precision
    var kernel: String
    var parity: Parity
  }

  func validate() throws {
    guard tolerance > 0, tolerance.isFinite else {
      throw ValidationError("--tolerance must be a number above 0.")
    }
    guard threads >= 1, threads <= 1024 else {
      throw ValidationError("--threads must be from 1 to 1024.")
    }
  }

  func run() throws {
    let recorded = try ParityReference(reference)
    let model = try model.load()
    let parity = try Parity(of: model, with: recorded, tolerance: tolerance, threads: threads)
    if json {
      try printJSON(
        "parity",
        Result(
          model: model.identity.id, architecture: model.identity.architecture,
          weightsSHA256: model.identity.weightsSHA256, reference: reference,
          referenceSHA256: recorded.sha256, recordedBy: recorded.provenance,
          recordedIn: recorded.dtype, precision: model.precision, kernel: model.kernel,
          parity: parity))
    } else {
      printTable(
        ["hook", "values", "absolute", "relative", "bound", "by token", "", "worst at"],
        rows(parity))
      if !parity.distances.isEmpty {
        print("")
        printTable(["distance of", "ours", "float32 transformers", "ratio"], distances(parity))
      }
      print("")
      print(summary(parity))
      print(origin(recorded, parity))
    }
    if !parity.agrees { throw ExitCode(1) }
  }

  private func rows(_ parity: Parity) -> [[String]] {
    let bound = short(parity.tolerance)
    var rows = parity.sites.map { site in
      [
        site.site.rawValue, "\(site.values)", short(site.absolute), short(site.worst.relative),
        bound, short(site.byToken), site.agrees ? "agrees" : "DISAGREES",
        (site.worst.hook.layer.map { "block \($0), " } ?? "")
          + "prompt \(site.worst.prompt), token \(site.worst.position)"
          + (site.nonFinite > 0 ? "; \(site.nonFinite) values are not finite" : ""),
      ]
    }
    rows += parity.missing.map { hook in
      ["\(hook)", "", "", "", bound, "", "DISAGREES", "recorded, and not in the model"]
    }
    if parity.greedyTokens > 0 {
      let first = parity.departures.first.map {
        "prompt \($0.prompt), step \($0.step): token \($0.found) instead of \($0.expected)"
      }
      rows.append([
        "greedy tokens", "\(parity.greedyTokens)", "", "", "same", "",
        first == nil ? "agrees" : "DISAGREES", first ?? "",
      ])
    }
    return rows
  }

  /// The geometric means of a site's distances from a reference in double precision.
  private func distances(_ parity: Parity) -> [[String]] {
    parity.sites.compactMap { site in
      let distances = parity.distances.filter { $0.hook.site == site.site }
      return distances.geometricMean().map { mean in
        [
          site.site.rawValue, short(mean.ours), short(mean.transformers),
          String(format: "%.2f", mean.ratio),
        ]
      }
    }
  }

  /// What the reference is, and where it is in double precision how far both are from it.
  private func origin(_ recorded: ParityReference, _ parity: Parity) -> String {
    let packages = ["transformers", "torch", "kernels"].compactMap { name in
      recorded.provenance[name].map { name == "kernels" ? $0 : "\(name) \($0)" }
    }
    let by = packages.isEmpty ? "" : " " + packages.joined(separator: ", ")
    let text = "reference: \(recorded.dtype)\(by)"
    return parity.distances.geometricMean().map { mean in
      text + String(format: "; ours is %.2f x as far from it as float32 transformers", mean.ratio)
    } ?? text
  }

  private func summary(_ parity: Parity) -> String {
    let values = parity.sites.reduce(0) { $0 + $1.values }
    let verdict = parity.agrees ? "agrees" : "DISAGREES"
    return "\(model.model) \(verdict) with \(reference): \(values) values and "
      + "\(parity.greedyTokens) greedy tokens of \(parity.prompts) prompts"
  }

  private func short(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.1e", value)
  }
}
